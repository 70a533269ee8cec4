package probetest

// The functions of this file implement the commands that change friendships. Fields of
// serverRules.friends are mutants: each one is false on the reference server, and changes one
// behaviour if it is true.

// readTargetOrFail returns the number of the account that a command refers to. The account need not
// exist. If the number is missing or malformed, it writes the refusal and reports false.
func (c *serverCall) readTargetOrFail() (uint32, bool) {
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

// findTargetOrFail returns the existing account that a command refers to. If there is none, it
// writes the refusal and reports false.
func (c *serverCall) findTargetOrFail() (*testAccount, bool) {
	uin, ok := c.readTargetOrFail()
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

// handleAddToList adds an account as a friend, or answers what its rule requires instead.
func (c *serverCall) handleAddToList() {
	uin, ok := c.readTargetOrFail()
	if !ok {
		return
	}
	account := c.accounts[uin]
	switch {
	case uin == c.uin:
		c.failParameter(keyTarget, "is yourself")
		return
	case uin == operatorUIN:
		c.setAddResult(uin, addResultClosed)
	case account == nil:
		c.setAddResult(uin, addResultNoAccount)
	case c.account.isFriend(uin):
		c.setAddResult(uin, addResultFriends)
	case c.hasRequestFrom(account):
		c.acceptRequest(account)
		c.setAddResult(uin, addResultFriends)
	case c.acceptsWithoutAsking(account):
		befriend(c.account, account)
		c.storeMessage(account, storedMessage{messageType: typeAdded, from: c.uin})
		c.setAddResult(uin, addResultFriends)
	case account.friendRule == ruleClosed:
		c.setAddResult(uin, addResultClosed)
	default:
		c.setAddResult(uin, addResultMustAsk)
	}
}

func (c *serverCall) setAddResult(uin uint32, result addResult) {
	c.setValue(keyChoice, c.dialect.Added[result])
	c.setValue(keyTarget, formatUIN(uin))
}

// acceptsWithoutAsking reports whether an account accepts friends without a request.
func (c *serverCall) acceptsWithoutAsking(account *testAccount) bool {
	rules := &c.serverRules.friends
	return account.friendRule == ruleOpen && !rules.openRuleNeedsRequest ||
		account.friendRule == ruleAsk && rules.askRuleAcceptsAtOnce
}

// hasRequestFrom reports whether account has sent a friend request that is still pending.
func (c *serverCall) hasRequestFrom(account *testAccount) bool {
	_, ok := c.account.requesters[account.uin]
	return ok && !(c.serverRules.friends.requestsExpireAtMidnight && c.account.lastRequestDay != c.currentDay())
}

// acceptRequest accepts a pending friend request of account, and tells account by a message.
func (c *serverCall) acceptRequest(account *testAccount) {
	befriend(c.account, account)
	if c.serverRules.friends.acceptBefriendsOneSideOnly {
		account.friends = removeUIN(account.friends, c.uin)
	}
	if !c.serverRules.friends.acceptsSilently {
		c.storeMessage(account, storedMessage{messageType: typeAccepted, from: c.uin})
	}
}

// handleAckAddToList sends a friend request, or accepts or rejects one. The value of keyChoice
// decides which.
func (c *serverCall) handleAckAddToList() {
	choice := friendChoice(indexOf(c.dialect.Choices[:], c.parameterValue(keyChoice)))
	if choice < 0 {
		c.failParameter(keyChoice, "is none of the choices")
		return
	}
	uin, ok := c.readTargetOrFail()
	if !ok {
		return
	}
	if uin == c.uin {
		c.failParameter(keyTarget, "is yourself")
		return
	}
	account, ok := c.findTargetOrFail()
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
// it or the account has already sent a request itself. If the rule forbids requests, it writes the
// refusal and reports false.
func (c *serverCall) requestFriendship(account *testAccount) bool {
	switch {
	case c.account.isFriend(account.uin):
	case c.hasRequestFrom(account):
		c.acceptRequest(account)
	case account.friendRule == ruleClosed && !c.serverRules.friends.closedTakesRequests:
		c.refuse(c.dialect.Keys[keyTarget] + " takes no requests")
		return false
	case account.friendRule == ruleOpen && !c.serverRules.friends.openRuleNeedsRequest:
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

// answerRequest accepts or rejects a pending friend request of account. If there is none, it writes
// the refusal and reports false.
func (c *serverCall) answerRequest(account *testAccount, choice friendChoice) bool {
	rules := &c.serverRules.friends
	if !c.hasRequestFrom(account) && !(rules.acceptsWithoutRequest && choice == choiceAccept) {
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

// handleDelFromList ends a friendship. It also removes the status notices that the two accounts
// have not collected yet, because strangers must not see each other's status.
func (c *serverCall) handleDelFromList() {
	account, ok := c.findTargetOrFail()
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
