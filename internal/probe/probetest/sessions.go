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
	r := &c.rules.login
	first, ok := c.firstStatus()
	if !ok {
		c.wrong(KeyStatus, "is no status")
		return
	}
	if r.needsClient && c.param(KeyClient) == "" {
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
		if r.failureEnds && c.me != nil && c.me.session.at(c.addr) {
			c.end(c.me)
		}
		if c.me != nil && c.rules.session.failedRefresh && c.me.session.at(c.addr) {
			c.me.session.last = c.now
		}
		return
	}
	delete(c.tries, loginKey{c.uin, c.addr})
	if c.me.session.live && (r.secondRefused && !c.me.session.at(c.addr) || r.renewRefused && c.me.session.at(c.addr)) {
		c.failLogin("the account is logged in already")
		return
	}
	c.begin(first)
	c.set(KeyResult, c.d.Results[0])
	c.number(KeyInterval, r.saysInterval)
	c.number(KeyLifetime, r.saysLifetime)
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
	r := &c.rules.login
	proof, ps := c.param(KeyProof), c.param(KeyPassword)
	if r.emptyPasses && ps == "" {
		return true
	}
	equal := strings.EqualFold
	if r.lowerMD5 {
		equal = func(a, b string) bool { return a == b }
	}
	md5 := r.near.same(ps, passwordMD5, equal)
	switch {
	case proof == c.d.Proofs[ProofMD5],
		r.otherIsMD5 && proof == c.d.Proofs[ProofOther],
		r.absentIsMD5 && proof == "":
		return md5
	case proof == c.d.Proofs[ProofPlain] && !r.noPlain:
		return r.near.same(ps, password, equal)
	}
	return false
}

// locked is how long no Login is possible from here.
func (c *serverCall) locked() time.Duration {
	if t := c.tries[loginKey{c.uin, c.addr}]; t != nil && t.until > c.now {
		return t.until - c.now
	}
	return 0
}

func (c *serverCall) countTry() {
	r := &c.rules.login
	if r.lockAfter == 0 {
		return
	}
	key := loginKey{c.uin, c.addr}
	t := c.tries[key]
	if t == nil || t.until != 0 {
		t = &failedLogins{}
		c.tries[key] = t
	}
	if t.wrong++; t.wrong >= r.lockAfter {
		t.until = c.now + r.lockFor
	}
}

// begin logs the asker in. A session at another address ends by that, and
// nobody sees a difference.
func (c *serverCall) begin(first Status) {
	a, before := c.me, c.me.session
	c.change(a, func() {
		addrs := []netip.Addr{c.addr}
		if c.rules.login.secondJoins && before.live && !before.at(c.addr) {
			addrs = append(addrs, before.addrs...)
		}
		prefers := c.prefers
		a.session = testSession{live: true, addrs: addrs, since: c.now, last: c.now, prefers: prefers}
		a.set = c.now
		switch {
		case first >= 0:
			a.status = first
		case !before.live && !c.rules.login.keepsStatus:
			a.status = Online
		}
	})
	if before.live && c.presence.renewalTold {
		c.tell(a, plain(c.shows(a)))
	}
	for cmd := range a.past {
		a.past[cmd].asked = false
	}
	c.memoryOf(a).forgetShort()
	a.batches.forgetShort()
}

// logout ends the asker's session, if it has one.
func (c *serverCall) logout() {
	r := &c.rules.session
	if r.logoutAddress {
		for _, a := range c.all {
			if a.session.at(c.addr) {
				c.end(a)
			}
		}
	}
	if c.me == nil || !c.me.session.at(c.addr) && !(r.logoutAnywhere && c.me.session.live) {
		if r.logoutNeeds {
			c.code = NotLoggedIn
		}
		return
	}
	if !r.logoutNothing {
		c.leave(c.me)
	}
}

func (c *serverCall) leave(a *testAccount) {
	if c.mail.lostAtLogout {
		a.taken = len(a.mailbox)
	}
	if len(a.session.addrs) > 1 && a.session.at(c.addr) {
		a.session.addrs = slices.DeleteFunc(a.session.addrs, func(at netip.Addr) bool { return at == c.addr })
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
