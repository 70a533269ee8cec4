package probetest

// target is whom a command is about. It need not exist.
func (c *serverCall) target() (uint32, bool) {
	s := c.param(KeyTarget)
	if s == "" {
		c.wrong(KeyTarget, "is missing")
		return 0, false
	}
	n, ok := number(s)
	if c.info.wraps && c.head.cmd == CmdGetInfo {
		n %= 1 << 32
	}
	if !ok || n < operator || n > 1<<32-1 {
		c.fail(NoAccount, KeyTarget, "is no account number")
		return 0, false
	}
	return uint32(n), true
}

// known is a target that exists.
func (c *serverCall) known() (*testAccount, bool) {
	uin, ok := c.target()
	if !ok {
		return nil, false
	}
	if uin == operator {
		c.refuse(c.d.Keys[KeyTarget] + " is the system itself")
		return nil, false
	}
	a := c.accounts[uin]
	if a == nil {
		c.fail(NoAccount, KeyTarget, "is no account")
	}
	return a, a != nil
}

func (c *serverCall) addToList() {
	uin, ok := c.target()
	if !ok {
		return
	}
	testAccount := c.accounts[uin]
	switch {
	case uin == c.uin:
		c.wrong(KeyTarget, "is yourself")
		return
	case uin == operator:
		c.added(uin, AddedClosed)
	case testAccount == nil:
		c.added(uin, AddedNobody)
	case c.me.isFriend(uin):
		c.added(uin, AddedNow)
	case c.isAskedBy(testAccount):
		c.accept(testAccount)
		c.added(uin, AddedNow)
	case c.takes(testAccount):
		befriend(c.me, testAccount)
		c.post(testAccount, storedMessage{kind: TypeAdded, from: c.uin})
		c.added(uin, AddedNow)
	case testAccount.rule == closed:
		c.added(uin, AddedClosed)
	default:
		c.added(uin, AddedAsk)
	}
}

func (c *serverCall) added(uin uint32, how Added) {
	c.set(KeyChoice, c.d.Added[how])
	c.set(KeyTarget, itoa(uin))
}

// takes reports whether an account needs not be asked.
func (c *serverCall) takes(a *testAccount) bool {
	friendRules := &c.rules.friends
	return a.rule == open && !friendRules.openAsks || a.rule == ask && friendRules.askIsOpen
}

func (c *serverCall) isAskedBy(a *testAccount) bool {
	_, ok := c.me.asking[a.uin]
	return ok && !(c.rules.friends.askedToday && c.me.asked != c.day())
}

// accept makes friends of the asker and of one who wanted to be its friend.
func (c *serverCall) accept(a *testAccount) {
	befriend(c.me, a)
	if c.rules.friends.oneSidedAccept {
		a.friends = less(a.friends, c.uin)
	}
	if !c.rules.friends.quietAccept {
		c.post(a, storedMessage{kind: TypeAccepted, from: c.uin})
	}
}

func (c *serverCall) ackAddToList() {
	choice := Choice(indexOf(c.d.Choices[:], c.param(KeyChoice)))
	if choice < 0 {
		c.wrong(KeyChoice, "is none of the choices")
		return
	}
	uin, ok := c.target()
	if !ok {
		return
	}
	if uin == c.uin {
		c.wrong(KeyTarget, "is yourself")
		return
	}
	testAccount, ok := c.known()
	if !ok {
		return
	}
	if choice == Ask {
		ok = c.askFor(testAccount)
	} else {
		ok = c.answerRequest(testAccount, choice)
	}
	if ok {
		c.set(KeyTarget, itoa(uin))
		c.set(KeyChoice, c.d.Choices[choice])
	}
}

// askFor asks an account to be a friend, or makes it one if nothing more has
// to be asked.
func (c *serverCall) askFor(a *testAccount) bool {
	switch {
	case c.me.isFriend(a.uin):
	case c.isAskedBy(a):
		c.accept(a)
	case a.rule == closed && !c.rules.friends.closedHears:
		c.refuse(c.d.Keys[KeyTarget] + " takes no requests")
		return false
	case a.rule == open && !c.rules.friends.openAsks:
		befriend(c.me, a)
		c.post(a, storedMessage{kind: TypeAdded, from: c.uin})
	default:
		words := c.param(KeyWords)
		if c.rules.friends.noWords {
			words = ""
		}
		if a.asking == nil {
			a.asking = map[uint32]string{}
		}
		a.asking[c.uin], a.asked = words, c.day()
		c.post(a, storedMessage{kind: TypeAsks, from: c.uin, text: words})
	}
	return true
}

// answerRequest accepts or rejects a request that waits.
func (c *serverCall) answerRequest(a *testAccount, choice Choice) bool {
	friendRules := &c.rules.friends
	if !c.isAskedBy(a) && !(friendRules.unaskedAccept && choice == Accept) {
		c.wrong(KeyTarget, "has not asked")
		return false
	}
	switch {
	case choice == Accept:
		c.accept(a)
	case friendRules.rejectAccepts:
		befriend(c.me, a)
		c.post(a, storedMessage{kind: TypeRejected, from: c.uin, text: c.param(KeyWords)})
	default:
		delete(c.me.asking, a.uin)
		c.post(a, storedMessage{kind: TypeRejected, from: c.uin, text: c.param(KeyWords)})
	}
	return true
}

// delFromList ends a friendship. What a friend's notice would still say is not
// for a stranger.
func (c *serverCall) delFromList() {
	testAccount, ok := c.known()
	if !ok {
		return
	}
	c.me.friends = less(c.me.friends, testAccount.uin)
	c.me.notices = without(c.me.notices, testAccount.uin)
	if !c.rules.friends.oneSidedDelete {
		testAccount.friends = less(testAccount.friends, c.uin)
		testAccount.notices = without(testAccount.notices, c.uin)
	}
	c.set(KeyTarget, itoa(testAccount.uin))
}
