package probetest

import (
	"slices"
	"strconv"
)

// listFriends answers List, Query_Stat, Query_Stat2 and SimpleInfo2.
func (c *serverCall) listFriends() {
	c.answerCached(c.listUncached)
}

func (c *serverCall) listUncached() {
	var accounts []*testAccount
	if c.head.command == cmdQueryStat && c.presence.listsStrangers {
		accounts = c.accountList
	} else {
		for _, uin := range c.account.friends {
			accounts = append(accounts, c.accounts[uin])
		}
	}
	if c.head.command == cmdQueryStat {
		accounts = c.visibleAccounts(accounts)
	}
	page, ok := c.cutPage(c.distortList(accounts))
	if !ok {
		return
	}
	switch c.head.command {
	case cmdQueryStat:
		c.setList(keyFace, c.faceList(page))
		c.setStatuses(page)
		c.setList(keyNick, nickList(page))
	case cmdQueryStat2:
		c.setStatuses(page)
	case cmdSimpleInfo2:
		c.setList(keyFace, c.faceList(page))
		c.setList(keyNick, nickList(page))
	}
}

// visibleAccounts returns the accounts that the command shows as online.
func (c *serverCall) visibleAccounts(accounts []*testAccount) []*testAccount {
	var visible []*testAccount
	for _, account := range accounts {
		if c.statusShownBy(c.head.command, account) != statusOffline {
			visible = append(visible, account)
		}
	}
	return visible
}

// cutPage returns the requested page of a list, and adds its last flag or next cursor, its size and
// its account numbers to the answer. If a parameter is invalid, it sets the error and returns false.
func (c *serverCall) cutPage(accounts []*testAccount) ([]*testAccount, bool) {
	rules := &c.lists[c.head.command]
	after, ok := 0, true
	if text := c.parameterValue(keyAfter); text != "" {
		after, ok = parseNumber(text)
	}
	if !ok {
		c.failParameter(keyAfter, "is no number")
		return nil, false
	}
	size, ok := c.pageSize(rules)
	if !ok {
		c.failParameter(keyMaxCount, "is no number")
		return nil, false
	}
	remaining := rules.accountsAfter(accounts, after)
	size = max(size+rules.extraElements, 1)
	page := remaining[:min(size, len(remaining))]
	last := rules.lastFlagOf(len(page), len(remaining), size)
	if rules.reversesPages {
		page = slices.Clone(page)
		slices.Reverse(page)
	}
	if c.head.command == cmdSimpleInfo2 {
		c.setValue(keyNext, c.nextCursor(page, last))
	} else {
		c.setValue(keyLast, c.dialect.Last[last])
	}
	c.setNumber(keySize, len(page))
	if rules.countsWholeList {
		c.fields[len(c.fields)-1].value = strconv.Itoa(len(accounts))
	}
	c.setList(keyNumbers, uinList(page))
	return page, true
}

// pageSize returns the size of the requested page. It returns false if the size is malformed.
func (c *serverCall) pageSize(r *listRules) (int, bool) {
	text := c.parameterValue(keyMaxCount)
	if text == "" || r.ignoresNegativeSize && text[0] == '-' {
		return r.defaultSize, true
	}
	number, ok := parseNumber(text)
	if r.sizeModulus > 0 {
		number %= r.sizeModulus
	}
	if number == 0 {
		number = r.defaultSize
	}
	return min(number, r.maxSize), ok
}

// accountsAfter returns the accounts behind a cursor in the order of the list. Cursor 0 is the
// beginning. The cursor is an account number that need not be in the list.
func (r *listRules) accountsAfter(accounts []*testAccount, after int) []*testAccount {
	if r.isDescending {
		accounts = slices.Clone(accounts)
		slices.Reverse(accounts)
	}
	if after == 0 || r.ignoresCursor {
		return accounts
	}
	for i, account := range accounts {
		number := int(account.uin)
		if !r.isDescending && number > after || r.isDescending && number < after || r.cursorIsInclusive &&
			number == after {
			return accounts[i:]
		}
	}
	return nil
}

// lastFlagOf returns the index into Dialect.Last for a page: 1 on the last page and 0 on others.
// page and remaining are the numbers of elements on the page and from its beginning to the end of the
// list, and size is that of a full page.
func (r *listRules) lastFlagOf(page, remaining, size int) int {
	last := page == remaining
	switch r.lastFlag {
	case lastFlagAlways:
		last = true
	case lastFlagNever:
		last = false
	case lastFlagNotOnFullPage:
		last = last && page < size
	}
	if last {
		return 1
	}
	return 0
}

// nextCursor returns the value of keyNext: the last account of the page, or Dialect.End if last is 1.
// No account of this server has the number that HTTP QQ uses as the end.
func (c *serverCall) nextCursor(page []*testAccount, last int) string {
	switch {
	case last == 0 || len(page) > 0 && c.lists[c.head.command].omitsEndMark:
		return formatUIN(page[len(page)-1].uin)
	default:
		return c.dialect.End
	}
}

// setStatuses adds the list of statuses, mapped to those that the client's version knows.
func (c *serverCall) setStatuses(page []*testAccount) {
	var values []string
	for _, account := range page {
		status := c.statusShownBy(c.head.command, account)
		if !c.head.version.AllStatuses {
			status = basicStatus(status)
		}
		values = append(values, c.dialect.Statuses[status])
	}
	c.setList(keyStatus, values)
}

func (c *serverCall) faceList(page []*testAccount) []string {
	var values []string
	for _, account := range page {
		face := account.face
		if c.info.showsPictureNumbers && c.head.command == cmdQueryStat {
			face = face/3 + 1
		}
		values = append(values, strconv.Itoa(face))
	}
	return values
}

func uinList(page []*testAccount) []string {
	var values []string
	for _, account := range page {
		values = append(values, formatUIN(account.uin))
	}
	return values
}

func nickList(page []*testAccount) []string {
	var values []string
	for _, account := range page {
		values = append(values, account.nick)
	}
	return values
}

// findPeople answers Finger: it lists the online accounts whose profiles equal all given values.
func (c *serverCall) findPeople() {
	asked := []keyID{keyAge, keySex, keyProvince}
	found := slices.DeleteFunc(c.visibleAccounts(c.accountList), func(account *testAccount) bool {
		for _, key := range asked {
			if value := c.parameterValue(key); value != "" && value != account.profileField(key) {
				return true
			}
		}
		return false
	})
	page, ok := c.cutPage(found)
	if !ok {
		return
	}
	c.setList(keyNick, nickList(page))
	c.setList(keyFace, c.faceList(page))
	for _, key := range asked {
		var values []string
		for _, account := range page {
			values = append(values, account.profileField(key))
		}
		c.setList(key, values)
	}
}

// profileField returns the value of a profile field. A field without a value is 0 if it is a number,
// and "" otherwise.
func (a *testAccount) profileField(key keyID) string {
	switch key {
	case keyNick:
		return a.nick
	case keyFace:
		return strconv.Itoa(a.face)
	}
	if value := a.profile[key]; value != "" {
		return value
	}
	switch key {
	case keyAge, keySex, keyBlood, keyStar, keyAnimal:
		return "0"
	}
	return ""
}

// The fields of GetInfo by level, and those that only friends see.
var (
	briefFields  = []keyID{keyAge, keyFace, keyLevel, keyProvince, keySex, keyTarget, keyNick}
	normalFields = []keyID{keyAddress, keyAge, keyMail, keyFace, keyHome, keyJob, keyLevel, keyPostCode, keyPhone,
		keyAbout,
		keyProvince, keyRealName, keySchool, keySex, keyTarget, keyNick}
	detailedFields = append(slices.Clone(normalFields), keyBlood, keyStar, keyCity, keyProfileCV, keyCountry,
		keyProfileID, keyMobile, keyProfileMT,
		keyProfileMV, keyAnimal)
	privateFields = []keyID{keyAddress, keyMail, keyMobile, keyPostCode, keyPhone, keyRealName}
)

// getInfo answers GetInfo with the profile fields of the requested level. Private fields are empty
// for accounts that are not friends.
func (c *serverCall) getInfo() {
	level := c.info.defaultLevel
	if text := c.parameterValue(keyLevel); text != "" {
		level = indexOf(c.dialect.Levels[:], text)
	}
	if level < 0 {
		c.failParameter(keyLevel, "is no level")
		return
	}
	uin, ok := c.readTargetOrFail()
	if !ok {
		return
	}
	account := c.accounts[uin]
	if uin == operatorUIN {
		account = &testAccount{uin: operatorUIN, nick: "Operator", profile: profiles[operatorUIN]}
	}
	if account == nil {
		c.fail(codeNoAccount, keyTarget, "is no account")
		return
	}
	hidesPrivate := account != c.account && !account.isFriend(c.uin) && !c.info.showsPrivateFields
	for _, key := range [][]keyID{briefFields, normalFields, detailedFields}[level] {
		switch {
		case key == keyLevel && c.info.reportsNormalLevel:
			c.setValue(key, c.dialect.Levels[levelNormal])
		case key == keyLevel:
			c.setValue(key, c.dialect.Levels[level])
		case key == keyTarget:
			c.setValue(key, formatUIN(account.uin))
		case hidesPrivate && slices.Contains(privateFields, key):
			c.setValue(key, "")
		default:
			c.setValue(key, account.profileField(key))
		}
	}
}
