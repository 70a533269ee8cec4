package probetest

import (
	"crypto/md5"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// password is the password of all accounts.
const password = "123456"

// passwordMD5 is the MD5 of password in lower-case hex digits.
var passwordMD5 = func() string {
	sum := md5.Sum([]byte(password))
	return hex.EncodeToString(sum[:])
}()

// login answers Login. An unknown account fails and gets locked like one with a wrong password, so
// that logins do not reveal which accounts exist.
func (c *serverCall) login() {
	rules := &c.serverRules.login
	status, ok := c.requestedStatus()
	if !ok {
		c.failParameter(keyStatus, "is no status")
		return
	}
	if rules.requiresClient && c.parameterValue(keyClient) == "" {
		c.failParameter(keyClient, "is missing")
		return
	}
	if wait := c.lockRemaining(); wait > 0 {
		c.failLogin("too many tries, wait " + formatUIN(uint32((wait+time.Second-1)/time.Second)) + " seconds")
		return
	}
	if c.account == nil || c.uin == operatorUIN || !c.verifyPassword() {
		c.countFailure()
		c.failLogin("this is not the password of such an account")
		if rules.failureEndsSession && c.account != nil && c.account.session.isAt(c.address) {
			c.endSession(c.account)
		}
		if c.account != nil && c.serverRules.session.failedLoginRefreshes && c.account.session.isAt(c.address) {
			c.account.session.lastRequestAt = c.now
		}
		return
	}
	delete(c.failedLogins, loginKey{c.uin, c.address})
	if c.account.session.isLive && (rules.refusesSecondAddress && !c.account.session.isAt(c.address) ||
		rules.refusesRenewal && c.account.session.isAt(c.address)) {
		c.failLogin("the account is logged in already")
		return
	}
	c.beginSession(status)
	c.setValue(keyResult, c.dialect.Results[0])
	c.setNumber(keyInterval, rules.announcedInterval)
	c.setNumber(keyLifetime, rules.announcedLifetime)
}

// requestedStatus returns the status that a login sets, -1 if it names none. ok is false if the value
// is not a status.
func (c *serverCall) requestedStatus() (status statusID, ok bool) {
	if !c.hasParameter(keyStatus) {
		return -1, true
	}
	index := indexOf(c.dialect.Statuses[:], c.parameterValue(keyStatus))
	return statusID(index), index >= 0
}

// failLogin answers a login that is well-formed but fails. Such a login has the code of success and
// a failure in keyResult.
func (c *serverCall) failLogin(reason string) {
	c.setValue(keyResult, c.dialect.Results[1])
	c.answer.reason = "Password error: " + reason
}

// verifyPassword reports whether the sent proof matches the password. The parameter keyProof says
// whether the proof is the password itself or its MD5.
func (c *serverCall) verifyPassword() bool {
	rules := &c.serverRules.login
	proof, ps := c.parameterValue(keyProof), c.parameterValue(keyPassword)
	if rules.acceptsEmptyPassword && ps == "" {
		return true
	}
	equal := strings.EqualFold
	if rules.requiresLowerMD5 {
		equal = func(first, second string) bool { return first == second }
	}
	isMD5 := rules.proofMatch.matches(ps, passwordMD5, equal)
	switch {
	case proof == c.dialect.Proofs[proofMD5],
		rules.unknownProofIsMD5 && proof == c.dialect.Proofs[proofOther],
		rules.missingProofIsMD5 && proof == "":
		return isMD5
	case proof == c.dialect.Proofs[proofPlain] && !rules.refusesPlainPassword:
		return rules.proofMatch.matches(ps, password, equal)
	}
	return false
}

// lockRemaining returns how long logins to the account from this address stay locked, 0 if they are
// not locked.
func (c *serverCall) lockRemaining() time.Duration {
	if failed := c.failedLogins[loginKey{c.uin, c.address}]; failed != nil && failed.lockedUntil > c.now {
		return failed.lockedUntil - c.now
	}
	return 0
}

// countFailure counts a wrong password and locks the account for this address when there are too
// many. An earlier lock that has expired starts the count again.
func (c *serverCall) countFailure() {
	rules := &c.serverRules.login
	if rules.lockAfter == 0 {
		return
	}
	key := loginKey{c.uin, c.address}
	failed := c.failedLogins[key]
	if failed == nil || failed.lockedUntil != 0 {
		failed = &failedLogins{}
		c.failedLogins[key] = failed
	}
	if failed.failures++; failed.failures >= rules.lockAfter {
		failed.lockedUntil = c.now + rules.lockFor
	}
}

// beginSession logs the account in, with a status or -1 for none. The new session replaces an earlier
// one at any address, and friends do not see a logout in between.
func (c *serverCall) beginSession(status statusID) {
	account, previous := c.account, c.account.session
	c.changeVisibly(account, func() {
		addresses := []netip.Addr{c.address}
		if c.serverRules.login.sharesSession && previous.isLive && !previous.isAt(c.address) {
			addresses = append(addresses, previous.addresses...)
		}
		preferred := c.preferredCharset
		account.session = testSession{isLive: true, addresses: addresses, loginAt: c.now, lastRequestAt: c.now,
			preferredCharset: preferred}
		account.statusSetAt = c.now
		switch {
		case status >= 0:
			account.status = status
		case !previous.isLive && !c.serverRules.login.keepsStatus:
			account.status = statusOnline
		}
	})
	if previous.isLive && c.presence.notifiesRenewal {
		c.notifyFriends(account, basicStatus(c.visibleStatus(account)))
	}
	for command := range account.requestHistories {
		account.requestHistories[command].askedSinceLogin = false
	}
	c.seqMemoryOf(account).forgetShortSeqs()
	account.batchHistory.forgetShortSeqs()
}

// logout answers Logout. It succeeds without a session too.
func (c *serverCall) logout() {
	rules := &c.serverRules.session
	if rules.logoutEndsAddress {
		for _, account := range c.accountList {
			if account.session.isAt(c.address) {
				c.endSession(account)
			}
		}
	}
	if c.account == nil || !c.account.session.isAt(c.address) &&
		!(rules.logoutFromAnyAddress && c.account.session.isLive) {
		if rules.logoutNeedsSession {
			c.code = codeNotLoggedIn
		}
		return
	}
	if !rules.ignoresLogout {
		c.leaveSession(c.account)
	}
}

// leaveSession logs the client's address out of an account's session. If a mutant has bound the
// session to several addresses, it continues at the others.
func (c *serverCall) leaveSession(account *testAccount) {
	if c.mail.logoutDropsMail {
		account.collected = len(account.mailbox)
	}
	if len(account.session.addresses) > 1 && account.session.isAt(c.address) {
		account.session.addresses = slices.DeleteFunc(account.session.addresses,
			func(address netip.Addr) bool { return address == c.address })
		return
	}
	lastRequestAt, loginAt := account.session.lastRequestAt, account.session.loginAt
	account.session.loggedOutFrom = append(account.session.loggedOutFrom, c.address)
	c.changeVisibly(account, func() {
		account.session = testSession{loggedOutFrom: account.session.loggedOutFrom,
			looksOnline: c.presence.showsLoggedOut, lastRequestAt: lastRequestAt, loginAt: loginAt}
		account.notices = nil
	})
}

// changeStat answers Change_Stat, which sets the status and notifies friends.
func (c *serverCall) changeStat() {
	index := indexOf(c.dialect.Statuses[:], c.parameterValue(keyStatus))
	if index < 0 {
		c.failParameter(keyStatus, "is no status")
		return
	}
	c.changeVisibly(c.account, func() { c.account.status, c.account.statusSetAt = statusID(index), c.now })
	if c.serverRules.session.offlineEndsSession && statusID(index) == statusOffline {
		c.endSession(c.account)
	}
}
