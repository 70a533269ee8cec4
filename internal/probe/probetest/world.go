package probetest

import (
	"net/netip"
	"slices"
	"time"
)

// A world is all that the server knows. Whoever uses it holds the server's lock.
type serverState struct {
	*rules
	now      time.Duration // since the last reset
	accounts map[uint32]*testAccount
	all      []*testAccount // by number
	tries    map[loginKey]*failedLogins
	memory   seqMemory // only of a mutant, where all accounts share it
}

// A try is who tries to log in, and from where.
type loginKey struct {
	uin  uint32
	addr netip.Addr
}

// failedLogins counts wrong passwords.
type failedLogins struct {
	wrong int
	until time.Duration // locked; 0 not
}

type rule int

const (
	ask rule = iota
	open
	closed
)

type testAccount struct {
	uin     uint32
	nick    string
	face    int
	profile map[Key]string // shared by all worlds, and not changed
	rule    rule
	friends []uint32          // by number; replaced, not changed
	asking  map[uint32]string // who wants to be a friend, with the words
	asked   int               // the day on which the latest did

	session testSession
	status  Status
	notices []statusNotice
	mailbox []storedMessage
	taken   int // of the mailbox

	memory  seqMemory
	batches batches
	past    [CommandCount]requestHistory
	set     time.Duration // when the status was
}

// testSession is the one address session that an account has.
type testSession struct {
	live    bool
	addrs   []netip.Addr  // one, but for a mutant
	since   time.Duration // its latest Login
	last    time.Duration // its latest request
	forever bool
	lingers bool // looks online still, though it is not; only of a mutant
	left    []netip.Addr
	prefers charset
}

func (s *testSession) at(addr netip.Addr) bool { return s.live && slices.Contains(s.addrs, addr) }

// A notice is a friend's status that the account has not been told yet.
type statusNotice struct {
	from   uint32
	status Status
}

type storedMessage struct {
	kind Type
	from uint32
	text string
	at   time.Duration
}

// Profiles, for GetInfo and Finger to have something to show.
var profiles = map[uint32]map[Key]string{
	10000: {KeyAbout: "keeps this server"},
	10001: {
		KeyAddress: "1 Harbour Road, Flat 2", KeyAge: "24", KeyBlood: "1", KeyStar: "3", KeyCity: "Leeds", KeyCountry: "UK",
		KeyMail: "ann@example.org", KeyHome: "http://example.org/?a=1&b=2", KeyJob: "baker", KeyMobile: "0700123",
		KeyPostCode: "LS1", KeyPhone: "0113555", KeyAbout: "100% Ann", KeyProvince: "Yorkshire", KeyRealName: "Ann Archer",
		KeySchool: "Mill Lane", KeyAnimal: "5", KeySex: "1",
	},
	10002: {
		KeyAddress: "7 Hill Street", KeyAge: "31", KeyBlood: "4", KeyStar: "11", KeyCity: "Cork", KeyCountry: "Ireland",
		KeyMail: "ben@example.org", KeyHome: "http://example.net/", KeyJob: "teacher", KeyMobile: "0850456",
		KeyPostCode: "T12", KeyPhone: "021444", KeyAbout: "reads, walks", KeyProvince: "Munster", KeyRealName: "Benjamin Byrne",
		KeySchool: "St. Mary's", KeyAnimal: "10", KeySex: "0",
	},
	10003: {KeyAge: "24", KeyCity: "Ghent", KeyMail: "cat@example.org", KeyMobile: "0470789", KeyRealName: "Cato Claes", KeySex: "1", KeyProvince: "Flanders"},
	10004: {KeyAge: "40", KeySex: "0", KeyProvince: "Yorkshire"},
	10005: {KeyAge: "31", KeySex: "1", KeyProvince: "Munster"},
}

// newProfile is what an account has that said nothing.
var newProfile = map[Key]string{}

const (
	operator    = 10000
	firstFriend = 11001
	lastFriend  = 11120
)

// newWorld is the world after a reset.
func newWorld(r *rules) *serverState {
	w := &serverState{rules: r, accounts: make(map[uint32]*testAccount, 160), tries: map[loginKey]*failedLogins{}}
	w.add(10001, testAccount{nick: "Ann", face: 3, friends: []uint32{10002}})
	w.add(10002, testAccount{nick: "Ben, Jr", face: 270, friends: []uint32{10001}})
	w.add(10003, testAccount{nick: "Cat", face: 12})
	many := make([]uint32, 0, lastFriend-firstFriend+1)
	for uin := uint32(firstFriend); uin <= lastFriend; uin++ {
		many = append(many, uin)
	}
	w.add(10004, testAccount{nick: "Many", face: 30, friends: many})
	for uin := uint32(10005); uin <= 10012; uin++ {
		w.add(uin, testAccount{nick: nickOf(uin)})
	}
	w.add(10020, testAccount{nick: "Open", rule: open})
	w.add(10021, testAccount{nick: "Closed", rule: closed})
	for i, uin := range many {
		w.add(uin, testAccount{nick: nickOf(uin), face: i % 30 * 3, friends: []uint32{10004}})
		if i%3 == 0 {
			w.all[len(w.all)-1].session = testSession{live: true, forever: true}
		}
		if i%15 == 0 {
			w.all[len(w.all)-1].status = Away
		}
	}
	return w
}

func (w *serverState) add(uin uint32, a testAccount) {
	a.uin = uin
	if a.profile = profiles[uin]; a.profile == nil {
		a.profile = newProfile
	}
	w.accounts[uin] = &a
	w.all = append(w.all, &a)
}

func nickOf(uin uint32) string { return "N" + itoa(uin) }

// shows is what an account's friends see of it: its status, or that it is
// offline.
func (w *serverState) shows(a *testAccount) Status {
	if !a.session.live && !a.session.lingers {
		return Offline
	}
	if a.status == Invisible {
		return Offline
	}
	return a.status
}

// looks is what one command shows of an account.
func (w *serverState) looks(cmd Command, a *testAccount) Status {
	if d := w.presence.statusFor; d > 0 && cmd == CmdQueryStat && a.session.live && w.now-a.set >= d {
		return Online
	}
	if a.session.live {
		if status, ok := w.presence.looks[cmd][a.status]; ok {
			return status
		}
	}
	return w.shows(a)
}

// plain is what a status is to whoever knows three.
func plain(status Status) Status {
	switch status {
	case Busy, DoNotDisturb:
		return Away
	case TalkToMe:
		return Online
	case Invisible:
		return Offline
	}
	return status
}

// change does something to an account and tells its friends what they see
// differently afterwards.
func (w *serverState) change(a *testAccount, do func()) {
	before := plain(w.shows(a))
	do()
	if now := plain(w.shows(a)); now != before {
		w.tell(a, now)
	}
}

// tell leaves a notice for each friend that is logged in. Only the latest of
// a friend is kept.
func (w *serverState) tell(a *testAccount, status Status) {
	if w.presence.noNotices {
		return
	}
	if w.presence.tellsUnseen && a.session.live && a.status == Invisible {
		status = Invisible
	}
	for _, uin := range a.friends {
		if testAccount := w.accounts[uin]; testAccount.session.live {
			testAccount.notices = append(without(testAccount.notices, a.uin), statusNotice{a.uin, status})
		}
	}
}

// without is the notices less those of one account.
func without(notices []statusNotice, from uint32) []statusNotice {
	return slices.DeleteFunc(notices, func(n statusNotice) bool { return n.from == from })
}

// end ends an account's session. What it was to be told of others is told to
// nobody.
func (w *serverState) end(a *testAccount) {
	w.change(a, func() {
		a.session = testSession{left: a.session.left}
		a.notices = nil
	})
}

// moveClock moves the clock on and ends the sessions that fall due, the
// earliest first.
func (w *serverState) moveClock(by time.Duration) {
	w.now += by
	for {
		var first *testAccount
		for _, testAccount := range w.all {
			if testSession := &testAccount.session; (testSession.live && !testSession.forever || testSession.lingers) && w.due(testSession) <= w.now && (first == nil || w.due(testSession) < w.due(&first.session)) {
				first = testAccount
			}
		}
		if first == nil {
			return
		}
		w.end(first)
	}
}

// due is when a session ends by itself.
func (w *serverState) due(s *testSession) time.Duration {
	if w.session.absolute {
		return s.since + w.session.timeout
	}
	return s.last + w.session.timeout
}

// befriend makes friends of two.
func befriend(a, b *testAccount) {
	a.friends, b.friends = with(a.friends, b.uin), with(b.friends, a.uin)
	delete(a.asking, b.uin)
	delete(b.asking, a.uin)
}

func (a *testAccount) isFriend(of uint32) bool {
	_, ok := slices.BinarySearch(a.friends, of)
	return ok
}

// with and less make new lists: those of a fresh world are shared.
func with(list []uint32, uin uint32) []uint32 {
	i, ok := slices.BinarySearch(list, uin)
	if ok {
		return list
	}
	return slices.Insert(slices.Clone(list), i, uin)
}

func less(list []uint32, uin uint32) []uint32 {
	i, ok := slices.BinarySearch(list, uin)
	if !ok {
		return list
	}
	return slices.Delete(slices.Clone(list), i, i+1)
}
