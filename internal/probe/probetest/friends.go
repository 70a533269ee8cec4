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
	a := c.accounts[uin]
	switch {
	case uin == c.uin:
		c.wrong(KeyTarget, "is yourself")
		return
	case uin == operator:
		c.added(uin, AddedClosed)
	case a == nil:
		c.added(uin, AddedNobody)
	case c.me.isFriend(uin):
		c.added(uin, AddedNow)
	case c.isAskedBy(a):
		c.accept(a)
		c.added(uin, AddedNow)
	case c.takes(a):
		befriend(c.me, a)
		c.post(a, storedMessage{kind: TypeAdded, from: c.uin})
		c.added(uin, AddedNow)
	case a.rule == closed:
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
	r := &c.rules.friends
	return a.rule == open && !r.openAsks || a.rule == ask && r.askIsOpen
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
	a, ok := c.known()
	if !ok {
		return
	}
	if choice == Ask {
		ok = c.askFor(a)
	} else {
		ok = c.answerRequest(a, choice)
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
	r := &c.rules.friends
	if !c.isAskedBy(a) && !(r.unaskedAccept && choice == Accept) {
		c.wrong(KeyTarget, "has not asked")
		return false
	}
	switch {
	case choice == Accept:
		c.accept(a)
	case r.rejectAccepts:
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
	a, ok := c.known()
	if !ok {
		return
	}
	c.me.friends = less(c.me.friends, a.uin)
	c.me.notices = without(c.me.notices, a.uin)
	if !c.rules.friends.oneSidedDelete {
		a.friends = less(a.friends, c.uin)
		a.notices = without(a.notices, c.uin)
	}
	c.set(KeyTarget, itoa(a.uin))
}
