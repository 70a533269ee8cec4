package probetest

import (
	"slices"
	"strconv"
)

// listFriends answers the four commands that list friends.
func (c *serverCall) listFriends() {
	c.stale(c.listAnew)
}

func (c *serverCall) listAnew() {
	var all []*testAccount
	if c.head.cmd == CmdQueryStat && c.presence.everyone {
		all = c.all
	} else {
		for _, uin := range c.me.friends {
			all = append(all, c.accounts[uin])
		}
	}
	if c.head.cmd == CmdQueryStat {
		all = c.online(all)
	}
	page, ok := c.page(c.odd(all))
	if !ok {
		return
	}
	switch c.head.cmd {
	case CmdQueryStat:
		c.list(KeyFace, c.faces(page))
		c.statuses(page)
		c.list(KeyNick, nicks(page))
	case CmdQueryStat2:
		c.statuses(page)
	case CmdSimpleInfo2:
		c.list(KeyFace, c.faces(page))
		c.list(KeyNick, nicks(page))
	}
}

// online is who looks online in this command.
func (c *serverCall) online(all []*testAccount) []*testAccount {
	var out []*testAccount
	for _, testAccount := range all {
		if c.looks(c.head.cmd, testAccount) != Offline {
			out = append(out, testAccount)
		}
	}
	return out
}

// page cuts the page that was asked for out of a list, and says of it where it
// ends, how long it is and whom it holds.
func (c *serverCall) page(all []*testAccount) ([]*testAccount, bool) {
	listRules := &c.lists[c.head.cmd]
	after, ok := 0, true
	if s := c.param(KeyAfter); s != "" {
		after, ok = number(s)
	}
	if !ok {
		c.wrong(KeyAfter, "is no number")
		return nil, false
	}
	size, ok := c.pageSize(listRules)
	if !ok {
		c.wrong(KeyMost, "is no number")
		return nil, false
	}
	rest := listRules.after(all, after)
	size = max(size+listRules.extra, 1)
	page := rest[:min(size, len(rest))]
	last := listRules.isLast(len(page), len(rest), size)
	if listRules.backwards {
		page = slices.Clone(page)
		slices.Reverse(page)
	}
	if c.head.cmd == CmdSimpleInfo2 {
		c.set(KeyNext, c.next(page, last))
	} else {
		c.set(KeyLast, c.d.Last[last])
	}
	c.number(KeySize, len(page))
	if listRules.total {
		c.fields[len(c.fields)-1].value = strconv.Itoa(len(all))
	}
	c.list(KeyNumbers, numbers(page))
	return page, true
}

// pageSize is how many are asked for, where a command lets them be asked for.
func (c *serverCall) pageSize(r *listRules) (int, bool) {
	s := c.param(KeyMost)
	if s == "" || r.negative && s[0] == '-' {
		return r.size, true
	}
	n, ok := number(s)
	if r.wraps > 0 {
		n %= r.wraps
	}
	if n == 0 {
		n = r.size
	}
	return min(n, r.most), ok
}

// after is what of a list comes behind an account.
func (r *listRules) after(all []*testAccount, after int) []*testAccount {
	if r.falling {
		all = slices.Clone(all)
		slices.Reverse(all)
	}
	if after == 0 || r.noCursor {
		return all
	}
	for i, testAccount := range all {
		n := int(testAccount.uin)
		if !r.falling && n > after || r.falling && n < after || r.inclusive && n == after {
			return all[i:]
		}
	}
	return nil
}

// isLast is 1 on the last page, 0 on others.
func (r *listRules) isLast(page, rest, size int) int {
	last := page == rest
	switch r.last {
	case lastAlways:
		last = true
	case lastNever:
		last = false
	case lastNotFull:
		last = last && page < size
	}
	if last {
		return 1
	}
	return 0
}

// next is where SimpleInfo2 goes on. That no page may end with the account
// 65535 cannot happen here: there is none.
func (c *serverCall) next(page []*testAccount, last int) string {
	switch {
	case last == 0 || len(page) > 0 && c.lists[c.head.cmd].noEnd:
		return itoa(page[len(page)-1].uin)
	default:
		return c.d.End
	}
}

// statuses adds the list of statuses, in the words of the caller's version.
func (c *serverCall) statuses(page []*testAccount) {
	var out []string
	for _, testAccount := range page {
		status := c.looks(c.head.cmd, testAccount)
		if !c.head.version.AllStatuses {
			status = plain(status)
		}
		out = append(out, c.d.Statuses[status])
	}
	c.list(KeyStatus, out)
}

func (c *serverCall) faces(page []*testAccount) []string {
	var out []string
	for _, testAccount := range page {
		face := testAccount.face
		if c.info.pictures && c.head.cmd == CmdQueryStat {
			face = face/3 + 1
		}
		out = append(out, strconv.Itoa(face))
	}
	return out
}

func numbers(page []*testAccount) []string {
	var out []string
	for _, testAccount := range page {
		out = append(out, itoa(testAccount.uin))
	}
	return out
}

func nicks(page []*testAccount) []string {
	var out []string
	for _, testAccount := range page {
		out = append(out, testAccount.nick)
	}
	return out
}

// finger lists who is online and is as was asked for.
func (c *serverCall) finger() {
	asked := []Key{KeyAge, KeySex, KeyProvince}
	found := slices.DeleteFunc(c.online(c.all), func(a *testAccount) bool {
		for _, key := range asked {
			if v := c.param(key); v != "" && v != a.profileField(key) {
				return true
			}
		}
		return false
	})
	page, ok := c.page(found)
	if !ok {
		return
	}
	c.list(KeyNick, nicks(page))
	c.list(KeyFace, c.faces(page))
	for _, key := range asked {
		var out []string
		for _, testAccount := range page {
			out = append(out, testAccount.profileField(key))
		}
		c.list(key, out)
	}
}

// profileField is what an account says of itself. Some fields are numbers, and
// not empty where nothing was said.
func (a *testAccount) profileField(key Key) string {
	switch key {
	case KeyNick:
		return a.nick
	case KeyFace:
		return strconv.Itoa(a.face)
	}
	if v := a.profile[key]; v != "" {
		return v
	}
	switch key {
	case KeyAge, KeySex, KeyBlood, KeyStar, KeyAnimal:
		return "0"
	}
	return ""
}

var (
	briefFields  = []Key{KeyAge, KeyFace, KeyLevel, KeyProvince, KeySex, KeyTarget, KeyNick}
	normalFields = []Key{KeyAddress, KeyAge, KeyMail, KeyFace, KeyHome, KeyJob, KeyLevel, KeyPostCode, KeyPhone, KeyAbout,
		KeyProvince, KeyRealName, KeySchool, KeySex, KeyTarget, KeyNick}
	detailedFields = append(slices.Clone(normalFields), KeyBlood, KeyStar, KeyCity, KeyCV, KeyCountry, KeyID, KeyMobile, KeyMT,
		KeyMV, KeyAnimal)
	privateFields = []Key{KeyAddress, KeyMail, KeyMobile, KeyPostCode, KeyPhone, KeyRealName}
)

func (c *serverCall) getInfo() {
	level := c.info.level
	if s := c.param(KeyLevel); s != "" {
		level = indexOf(c.d.Levels[:], s)
	}
	if level < 0 {
		c.wrong(KeyLevel, "is no level")
		return
	}
	whom, ok := c.target()
	if !ok {
		return
	}
	a := c.accounts[whom]
	if whom == operator {
		a = &testAccount{uin: operator, nick: "Operator", profile: profiles[operator]}
	}
	if a == nil {
		c.fail(NoAccount, KeyTarget, "is no account")
		return
	}
	hides := a != c.me && !a.isFriend(c.uin) && !c.info.showPrivate
	for _, key := range [][]Key{briefFields, normalFields, detailedFields}[level] {
		switch {
		case key == KeyLevel && c.info.saysNormal:
			c.set(key, c.d.Levels[normal])
		case key == KeyLevel:
			c.set(key, c.d.Levels[level])
		case key == KeyTarget:
			c.set(key, itoa(a.uin))
		case hides && slices.Contains(privateFields, key):
			c.set(key, "")
		default:
			c.set(key, a.profileField(key))
		}
	}
}
