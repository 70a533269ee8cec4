package probetest

// readTarget returns the number of the account that a command refers to. The account need not
// exist.
func (c *serverCall) readTarget() (uint32, bool) {
	text := c.parameterValue(keyTarget)
	if text == "" {
		c.failParameter(keyTarget, "is missing")
		return 0, false
	}
	number, ok := parseNumber(text)
	if c.info.truncatesTarget && c.head.command == cmdGetInfo {
		number %= 1 << 32
	}
	if !ok || number < operatorUIN || number > 1<<32-1 {
		c.fail(codeNoAccount, keyTarget, "is no account number")
		return 0, false
	}
	return uint32(number), true
}

// findTarget returns an existing account that a command refers to.
func (c *serverCall) findTarget() (*testAccount, bool) {
	uin, ok := c.readTarget()
	if !ok {
		return nil, false
	}
	if uin == operatorUIN {
		c.refuse(c.dialect.Keys[keyTarget] + " is the system itself")
		return nil, false
	}
	account := c.accounts[uin]
	if account == nil {
		c.fail(codeNoAccount, keyTarget, "is no account")
	}
	return account, account != nil
}

func (c *serverCall) addToList() {
	uin, ok := c.readTarget()
	if !ok {
		return
	}
	account := c.accounts[uin]
	switch {
	case uin == c.uin:
		c.failParameter(keyTarget, "is yourself")
		return
	case uin == operatorUIN:
		c.setAddResult(uin, addedClosed)
	case account == nil:
		c.setAddResult(uin, addedNobody)
	case c.account.isFriend(uin):
		c.setAddResult(uin, addedNow)
	case c.isAskedBy(account):
		c.acceptRequest(account)
		c.setAddResult(uin, addedNow)
	case c.acceptsWithoutAsking(account):
		befriend(c.account, account)
		c.storeMessage(account, storedMessage{messageType: typeAdded, from: c.uin})
		c.setAddResult(uin, addedNow)
	case account.friendRule == ruleClosed:
		c.setAddResult(uin, addedClosed)
	default:
		c.setAddResult(uin, addedAsk)
	}
}

func (c *serverCall) setAddResult(uin uint32, result addResult) {
	c.setValue(keyChoice, c.dialect.Added[result])
	c.setValue(keyTarget, formatUIN(uin))
}

// acceptsWithoutAsking reports whether an account accepts friends without a request.
func (c *serverCall) acceptsWithoutAsking(account *testAccount) bool {
	rules := &c.serverRules.friends
	return account.friendRule == ruleOpen && !rules.openAsks || account.friendRule == ruleAsk && rules.askIsOpen
}

func (c *serverCall) isAskedBy(account *testAccount) bool {
	_, ok := c.account.requesters[account.uin]
	return ok && !(c.serverRules.friends.requestsExpireAtMidnight && c.account.lastRequestDay != c.currentDay())
}

// acceptRequest accepts a pending friend request.
func (c *serverCall) acceptRequest(account *testAccount) {
	befriend(c.account, account)
	if c.serverRules.friends.acceptsOneSide {
		account.friends = removeUIN(account.friends, c.uin)
	}
	if !c.serverRules.friends.acceptsSilently {
		c.storeMessage(account, storedMessage{messageType: typeAccepted, from: c.uin})
	}
}

func (c *serverCall) ackAddToList() {
	choice := friendChoice(indexOf(c.dialect.Choices[:], c.parameterValue(keyChoice)))
	if choice < 0 {
		c.failParameter(keyChoice, "is none of the choices")
		return
	}
	uin, ok := c.readTarget()
	if !ok {
		return
	}
	if uin == c.uin {
		c.failParameter(keyTarget, "is yourself")
		return
	}
	account, ok := c.findTarget()
	if !ok {
		return
	}
	if choice == choiceAsk {
		ok = c.requestFriendship(account)
	} else {
		ok = c.answerRequest(account, choice)
	}
	if ok {
		c.setValue(keyTarget, formatUIN(uin))
		c.setValue(keyChoice, c.dialect.Choices[choice])
	}
}

// requestFriendship sends a friend request, or makes friends at once if the account's rule allows
// it.
func (c *serverCall) requestFriendship(account *testAccount) bool {
	switch {
	case c.account.isFriend(account.uin):
	case c.isAskedBy(account):
		c.acceptRequest(account)
	case account.friendRule == ruleClosed && !c.serverRules.friends.closedTakesRequests:
		c.refuse(c.dialect.Keys[keyTarget] + " takes no requests")
		return false
	case account.friendRule == ruleOpen && !c.serverRules.friends.openAsks:
		befriend(c.account, account)
		c.storeMessage(account, storedMessage{messageType: typeAdded, from: c.uin})
	default:
		words := c.parameterValue(keyWords)
		if c.serverRules.friends.dropsWords {
			words = ""
		}
		if account.requesters == nil {
			account.requesters = map[uint32]string{}
		}
		account.requesters[c.uin], account.lastRequestDay = words, c.currentDay()
		c.storeMessage(account, storedMessage{messageType: typeRequest, from: c.uin, text: words})
	}
	return true
}

// answerRequest accepts or rejects a pending friend request.
func (c *serverCall) answerRequest(account *testAccount, choice friendChoice) bool {
	rules := &c.serverRules.friends
	if !c.isAskedBy(account) && !(rules.acceptsUnasked && choice == choiceAccept) {
		c.failParameter(keyTarget, "has not asked")
		return false
	}
	switch {
	case choice == choiceAccept:
		c.acceptRequest(account)
	case rules.rejectionBefriends:
		befriend(c.account, account)
		c.storeMessage(account, storedMessage{messageType: typeRejected, from: c.uin, text: c.parameterValue(keyWords)})
	default:
		delete(c.account.requesters, account.uin)
		c.storeMessage(account, storedMessage{messageType: typeRejected, from: c.uin, text: c.parameterValue(keyWords)})
	}
	return true
}

// delFromList ends a friendship. It also removes notices, which strangers must not see.
func (c *serverCall) delFromList() {
	account, ok := c.findTarget()
	if !ok {
		return
	}
	c.account.friends = removeUIN(c.account.friends, account.uin)
	c.account.notices = removeNotices(c.account.notices, account.uin)
	if !c.serverRules.friends.deletesOneSide {
		account.friends = removeUIN(account.friends, c.uin)
		account.notices = removeNotices(account.notices, c.uin)
	}
	c.setValue(keyTarget, formatUIN(account.uin))
}
