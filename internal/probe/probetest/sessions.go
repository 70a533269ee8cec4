package probetest

import (
	"crypto/md5"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const password = "123456"

// passwordMD5 is in lower case.
var passwordMD5 = func() string {
	sum := md5.Sum([]byte(password))
	return hex.EncodeToString(sum[:])
}()

func (c *serverCall) login() {
	loginRules := &c.rules.login
	first, ok := c.firstStatus()
	if !ok {
		c.wrong(KeyStatus, "is no status")
		return
	}
	if loginRules.needsClient && c.param(KeyClient) == "" {
		c.wrong(KeyClient, "is missing")
		return
	}
	if wait := c.locked(); wait > 0 {
		c.failLogin("too many tries, wait " + itoa(uint32((wait+time.Second-1)/time.Second)) + " seconds")
		return
	}
	if c.me == nil || c.uin == operator || !c.proves() {
		c.countTry()
		c.failLogin("this is not the password of such an account")
		if loginRules.failureEnds && c.me != nil && c.me.session.at(c.addr) {
			c.end(c.me)
		}
		if c.me != nil && c.rules.session.failedRefresh && c.me.session.at(c.addr) {
			c.me.session.last = c.now
		}
		return
	}
	delete(c.tries, loginKey{c.uin, c.addr})
	if c.me.session.live && (loginRules.secondRefused && !c.me.session.at(c.addr) || loginRules.renewRefused && c.me.session.at(c.addr)) {
		c.failLogin("the account is logged in already")
		return
	}
	c.begin(first)
	c.set(KeyResult, c.d.Results[0])
	c.number(KeyInterval, loginRules.saysInterval)
	c.number(KeyLifetime, loginRules.saysLifetime)
}

// firstStatus is the status that a Login asks for, -1 for none.
func (c *serverCall) firstStatus() (Status, bool) {
	if !c.given(KeyStatus) {
		return -1, true
	}
	i := indexOf(c.d.Statuses[:], c.param(KeyStatus))
	return Status(i), i >= 0
}

func (c *serverCall) failLogin(why string) {
	c.set(KeyResult, c.d.Results[1])
	c.answer.reason = "Password error: " + why
}

// proves reports whether the password is right, in the way that it says.
func (c *serverCall) proves() bool {
	loginRules := &c.rules.login
	proof, ps := c.param(KeyProof), c.param(KeyPassword)
	if loginRules.emptyPasses && ps == "" {
		return true
	}
	equal := strings.EqualFold
	if loginRules.lowerMD5 {
		equal = func(a, b string) bool { return a == b }
	}
	md5 := loginRules.near.same(ps, passwordMD5, equal)
	switch {
	case proof == c.d.Proofs[ProofMD5],
		loginRules.otherIsMD5 && proof == c.d.Proofs[ProofOther],
		loginRules.absentIsMD5 && proof == "":
		return md5
	case proof == c.d.Proofs[ProofPlain] && !loginRules.noPlain:
		return loginRules.near.same(ps, password, equal)
	}
	return false
}

// locked is how long no Login is possible from here.
func (c *serverCall) locked() time.Duration {
	if failedLogins := c.tries[loginKey{c.uin, c.addr}]; failedLogins != nil && failedLogins.until > c.now {
		return failedLogins.until - c.now
	}
	return 0
}

func (c *serverCall) countTry() {
	loginRules := &c.rules.login
	if loginRules.lockAfter == 0 {
		return
	}
	key := loginKey{c.uin, c.addr}
	t := c.tries[key]
	if t == nil || t.until != 0 {
		t = &failedLogins{}
		c.tries[key] = t
	}
	if t.wrong++; t.wrong >= loginRules.lockAfter {
		t.until = c.now + loginRules.lockFor
	}
}

// begin logs the asker in. A session at another address ends by that, and
// nobody sees a difference.
func (c *serverCall) begin(first Status) {
	testAccount, before := c.me, c.me.session
	c.change(testAccount, func() {
		addrs := []netip.Addr{c.addr}
		if c.rules.login.secondJoins && before.live && !before.at(c.addr) {
			addrs = append(addrs, before.addrs...)
		}
		prefers := c.prefers
		testAccount.session = testSession{live: true, addrs: addrs, since: c.now, last: c.now, prefers: prefers}
		testAccount.set = c.now
		switch {
		case first >= 0:
			testAccount.status = first
		case !before.live && !c.rules.login.keepsStatus:
			testAccount.status = Online
		}
	})
	if before.live && c.presence.renewalTold {
		c.tell(testAccount, plain(c.shows(testAccount)))
	}
	for cmd := range testAccount.past {
		testAccount.past[cmd].asked = false
	}
	c.memoryOf(testAccount).forgetShort()
	testAccount.batches.forgetShort()
}

// logout ends the asker's session, if it has one.
func (c *serverCall) logout() {
	sessionRules := &c.rules.session
	if sessionRules.logoutAddress {
		for _, testAccount := range c.all {
			if testAccount.session.at(c.addr) {
				c.end(testAccount)
			}
		}
	}
	if c.me == nil || !c.me.session.at(c.addr) && !(sessionRules.logoutAnywhere && c.me.session.live) {
		if sessionRules.logoutNeeds {
			c.code = NotLoggedIn
		}
		return
	}
	if !sessionRules.logoutNothing {
		c.leave(c.me)
	}
}

func (c *serverCall) leave(a *testAccount) {
	if c.mail.lostAtLogout {
		a.taken = len(a.mailbox)
	}
	if len(a.session.addrs) > 1 && a.session.at(c.addr) {
		a.session.addrs = slices.DeleteFunc(a.session.addrs, func(addr netip.Addr) bool { return addr == c.addr })
		return
	}
	last, since := a.session.last, a.session.since
	a.session.left = append(a.session.left, c.addr)
	c.change(a, func() {
		a.session = testSession{left: a.session.left, lingers: c.presence.logoutShows, last: last, since: since}
		a.notices = nil
	})
}

func (c *serverCall) changeStat() {
	i := indexOf(c.d.Statuses[:], c.param(KeyStatus))
	if i < 0 {
		c.wrong(KeyStatus, "is no status")
		return
	}
	c.change(c.me, func() { c.me.status, c.me.set = Status(i), c.now })
	if c.rules.session.offlineEnds && Status(i) == Offline {
		c.end(c.me)
	}
}
