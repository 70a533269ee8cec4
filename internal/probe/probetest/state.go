package probetest

import (
	"net/netip"
	"slices"
	"time"
)

// serverState is everything that a reset restores. The server's lock guards it.
type serverState struct {
	*serverRules
	now             time.Duration // since the last reset
	accounts        map[uint32]*testAccount
	accountList     []*testAccount // the same accounts by ascending number
	failedLogins    map[loginKey]*failedLogins
	sharedSeqMemory seqMemory // replaces testAccount.seqMemory with mailRules.sharesSeqMemory
}

// loginKey is an account with the address of a login attempt.
type loginKey struct {
	uin     uint32
	address netip.Addr
}

// failedLogins counts wrong passwords in a row. A successful login removes it.
type failedLogins struct {
	failures    int
	lockedUntil time.Duration // 0 if not locked
}

// friendRule says how other accounts become friends of an account.
type friendRule int

const (
	ruleAsk    friendRule = iota // by a friend request that the account accepts
	ruleOpen                     // at once
	ruleClosed                   // not at all
)

// testAccount is an account with its session and mailbox. The server's lock guards it.
type testAccount struct {
	uin            uint32
	nick           string
	face           int
	profile        map[keyID]string // shared by all states; never modified
	friendRule     friendRule
	friends        []uint32          // ascending; replaced, never modified
	requesters     map[uint32]string // pending friend requests with their texts
	lastRequestDay int               // day of the latest friend request to this account

	session   testSession
	status    statusID
	notices   []statusNotice
	mailbox   []storedMessage
	collected int // number of collected messages in mailbox

	seqMemory        seqMemory
	batchHistory     batchHistory
	requestHistories [commandCount]requestHistory
	statusSetAt      time.Duration // since the reset
}

// testSession is the single address session of an account. Times are since the reset.
type testSession struct {
	isLive           bool
	addresses        []netip.Addr  // one, or several with loginRules.sharesSession
	loginAt          time.Duration // of the latest login
	lastRequestAt    time.Duration // of the latest request that extends the session
	isPermanent      bool          // never expires
	looksOnline      bool          // friends see it as live after a logout; for a mutant
	loggedOutFrom    []netip.Addr  // survives the session; for the mutants that still answer there
	preferredCharset charset
}

// isAt reports whether the session is live and bound to a client address.
func (s *testSession) isAt(address netip.Addr) bool {
	return s.isLive && slices.Contains(s.addresses, address)
}

// statusNotice is a friend's status that the account has not collected yet.
type statusNotice struct {
	from   uint32
	status statusID
}

// storedMessage is a message in a mailbox, or a notice in the form of a message.
type storedMessage struct {
	messageType messageType
	from        uint32
	text        string
	storedAt    time.Duration
}

// profiles are the profiles that GetInfo and Finger show.
var profiles = map[uint32]map[keyID]string{
	10000: {keyAbout: "keeps this server"},
	10001: {
		keyAddress: "1 Harbour Road, Flat 2", keyAge: "24", keyBlood: "1", keyStar: "3", keyCity: "Leeds",
		keyCountry: "UK", keyMail: "ann@example.org", keyHome: "http://example.org/?a=1&b=2", keyJob: "baker",
		keyMobile: "0700123", keyPostCode: "LS1", keyPhone: "0113555", keyAbout: "100% Ann", keyProvince: "Yorkshire",
		keyRealName: "Ann Archer", keySchool: "Mill Lane", keyAnimal: "5", keySex: "1",
	},
	10002: {
		keyAddress: "7 Hill Street", keyAge: "31", keyBlood: "4", keyStar: "11", keyCity: "Cork",
		keyCountry: "Ireland", keyMail: "ben@example.org", keyHome: "http://example.net/", keyJob: "teacher",
		keyMobile: "0850456", keyPostCode: "T12", keyPhone: "021444", keyAbout: "reads, walks", keyProvince: "Munster",
		keyRealName: "Benjamin Byrne", keySchool: "St. Mary's", keyAnimal: "10", keySex: "0",
	},
	10003: {keyAge: "24", keyCity: "Ghent", keyMail: "cat@example.org", keyMobile: "0470789", keyRealName: "Cato Claes",
		keySex: "1", keyProvince: "Flanders"},
	10004: {keyAge: "40", keySex: "0", keyProvince: "Yorkshire"},
	10005: {keyAge: "31", keySex: "1", keyProvince: "Munster"},
}

// emptyProfile is the profile of all other accounts.
var emptyProfile = map[keyID]string{}

const (
	operatorUIN = 10000 // the lowest account number; nobody can log in with it
	firstFriend = 11001 // the friends of account 10004 are firstFriend to lastFriend
	lastFriend  = 11120
)

// newServerState returns the state after a reset.
func newServerState(rules *serverRules) *serverState {
	state := &serverState{serverRules: rules, accounts: make(map[uint32]*testAccount, 160),
		failedLogins: map[loginKey]*failedLogins{}}
	state.addAccount(10001, testAccount{nick: "Ann", face: 3, friends: []uint32{10002}})
	state.addAccount(10002, testAccount{nick: "Ben, Jr", face: 270, friends: []uint32{10001}})
	state.addAccount(10003, testAccount{nick: "Cat", face: 12})
	friendUINs := make([]uint32, 0, lastFriend-firstFriend+1)
	for uin := uint32(firstFriend); uin <= lastFriend; uin++ {
		friendUINs = append(friendUINs, uin)
	}
	state.addAccount(10004, testAccount{nick: "Many", face: 30, friends: friendUINs})
	for uin := uint32(10005); uin <= 10012; uin++ {
		state.addAccount(uin, testAccount{nick: defaultNick(uin)})
	}
	state.addAccount(10020, testAccount{nick: "Open", friendRule: ruleOpen})
	state.addAccount(10021, testAccount{nick: "Closed", friendRule: ruleClosed})
	for i, uin := range friendUINs {
		state.addAccount(uin, testAccount{nick: defaultNick(uin), face: i % 30 * 3, friends: []uint32{10004}})
		if i%3 == 0 {
			state.accountList[len(state.accountList)-1].session = testSession{isLive: true, isPermanent: true}
		}
		if i%15 == 0 {
			state.accountList[len(state.accountList)-1].status = statusAway
		}
	}
	return state
}

func (w *serverState) addAccount(uin uint32, account testAccount) {
	account.uin = uin
	if account.profile = profiles[uin]; account.profile == nil {
		account.profile = emptyProfile
	}
	w.accounts[uin] = &account
	w.accountList = append(w.accountList, &account)
}

func defaultNick(uin uint32) string { return "N" + formatUIN(uin) }

// visibleStatus returns the status that friends see.
func (w *serverState) visibleStatus(account *testAccount) statusID {
	if !account.session.isLive && !account.session.looksOnline {
		return statusOffline
	}
	if account.status == statusInvisible {
		return statusOffline
	}
	return account.status
}

// statusShownBy returns the status that the answer of a command shows for an account. It differs
// from visibleStatus only in mutants.
func (w *serverState) statusShownBy(command commandID, account *testAccount) statusID {
	if lifetime := w.presence.statusLifetime; lifetime > 0 && command == cmdQueryStat && account.session.isLive &&
		w.now-account.statusSetAt >= lifetime {
		return statusOnline
	}
	if account.session.isLive {
		if status, ok := w.presence.shownAs[command][account.status]; ok {
			return status
		}
	}
	return w.visibleStatus(account)
}

// basicStatus maps a status to the nearest of online, offline and away, the three that clients
// before version 1.4 know.
func basicStatus(status statusID) statusID {
	switch status {
	case statusBusy, statusDoNotDisturb:
		return statusAway
	case statusTalkToMe:
		return statusOnline
	case statusInvisible:
		return statusOffline
	}
	return status
}

// changeVisibly calls apply, which changes an account, and notifies the account's friends if its
// visible status is different afterwards.
func (w *serverState) changeVisibly(account *testAccount, apply func()) {
	previous := basicStatus(w.visibleStatus(account))
	apply()
	if current := basicStatus(w.visibleStatus(account)); current != previous {
		w.notifyFriends(account, current)
	}
}

// notifyFriends adds a notice of a's status for each friend that is logged in. The notice replaces an
// earlier one about a.
func (w *serverState) notifyFriends(a *testAccount, status statusID) {
	if w.presence.noNotices {
		return
	}
	if w.presence.noticesInvisible && a.session.isLive && a.status == statusInvisible {
		status = statusInvisible
	}
	for _, uin := range a.friends {
		if account := w.accounts[uin]; account.session.isLive {
			account.notices = append(removeNotices(account.notices, a.uin), statusNotice{a.uin, status})
		}
	}
}

// removeNotices removes the notices from one account.
func removeNotices(notices []statusNotice, from uint32) []statusNotice {
	return slices.DeleteFunc(notices, func(notice statusNotice) bool { return notice.from == from })
}

// endSession ends an account's session and drops its notices.
func (w *serverState) endSession(account *testAccount) {
	w.changeVisibly(account, func() {
		account.session = testSession{loggedOutFrom: account.session.loggedOutFrom}
		account.notices = nil
	})
}

// moveClock moves the clock forward and ends the sessions that expire, in the order of their
// deadlines, which decides who still receives a notice.
func (w *serverState) moveClock(duration time.Duration) {
	w.now += duration
	for {
		var nextEnding *testAccount
		for _, account := range w.accountList {
			if session := &account.session; (session.isLive && !session.isPermanent || session.looksOnline) &&
				w.sessionDeadline(session) <= w.now &&
				(nextEnding == nil || w.sessionDeadline(session) < w.sessionDeadline(&nextEnding.session)) {
				nextEnding = account
			}
		}
		if nextEnding == nil {
			return
		}
		w.endSession(nextEnding)
	}
}

// sessionDeadline returns the time since the reset at which a session expires.
func (w *serverState) sessionDeadline(session *testSession) time.Duration {
	if w.session.timeoutIsAbsolute {
		return session.loginAt + w.session.timeout
	}
	return session.lastRequestAt + w.session.timeout
}

// befriend makes two accounts friends of each other.
func befriend(account, other *testAccount) {
	account.friends, other.friends = insertUIN(account.friends, other.uin), insertUIN(other.friends, account.uin)
	delete(account.requesters, other.uin)
	delete(other.requesters, account.uin)
}

// isFriend reports whether uin is in the account's own friend list.
func (a *testAccount) isFriend(uin uint32) bool {
	_, ok := slices.BinarySearch(a.friends, uin)
	return ok
}

// insertUIN and removeUIN change ascending lists of account numbers. They return a new list if
// anything changes, because testAccount.friends must not be modified in place.
func insertUIN(list []uint32, uin uint32) []uint32 {
	index, ok := slices.BinarySearch(list, uin)
	if ok {
		return list
	}
	return slices.Insert(slices.Clone(list), index, uin)
}

func removeUIN(list []uint32, uin uint32) []uint32 {
	index, ok := slices.BinarySearch(list, uin)
	if !ok {
		return list
	}
	return slices.Delete(slices.Clone(list), index, index+1)
}
