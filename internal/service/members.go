package service

import (
	"crypto/subtle"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/rookery-im/rookery"
)

// lingering is how long a member is kept after its last session ended, so that
// what it knows of recent requests outlives a new login.
const lingering = longWindow

// activeAccount is an account that is signed in, or was a moment ago.
type activeAccount struct {
	uin rookery.UIN

	// accountLock is held by whoever signs the account in or out or changes its
	// status, from the store to the last notice: one at a time.
	turn accountLock
	// searching is held by the one request of the account that searches, for a
	// text or for people.
	searching accountLock

	// newest is the number of the newest entry in the mailbox that the member
	// was told of.
	newest atomic.Uint64

	mu sync.Mutex // guards all below; no call leaves the process under it
	// gone: no longer among the members, and so not to be used.
	gone     bool
	status   rookery.Status
	sessions []*Session
	// collectors are those of the sessions, and of sessions that have ended.
	collectors []*consumer
	// left is the uptime at which the last session ended.
	left time.Duration

	friends    cachedValue[[]rookery.UIN]
	blockers   cachedValue[[]rookery.UIN] // those who block the account
	hasDevices cachedValue[bool]
	// sending limits what the account puts into mailboxes, nil until it has sent
	// something.
	sending *rate.Limiter
}

func newMember(uin rookery.UIN, now time.Duration) *activeAccount {
	return &activeAccount{uin: uin, left: now, turn: newTurn(1), searching: newTurn(1)}
}

// Session is one live session of a member. It does not change: a renewal makes
// another.
type Session struct {
	member *activeAccount
	about  rookery.Session
	// box is what the session reads its mailbox with.
	box *consumer
	// seen is the uptime of the latest request.
	seen     atomic.Int64
	encoding atomic.Uint32
}

func newSession(active *activeAccount, about rookery.Session, now time.Duration) *Session {
	session := &Session{member: active, about: about}
	session.seen.Store(int64(now))
	session.encoding.Store(uint32(about.Encoding))
	return session
}

// Account is the account that the session belongs to.
func (se *Session) Account() rookery.UIN { return se.about.Account }

func (se *Session) alive(now time.Duration) bool {
	return now-time.Duration(se.seen.Load()) < SessionLife
}

// heard notes that the session was heard of. It reports false for one that has
// run out.
func (se *Session) heard(now time.Duration) bool {
	if !se.alive(now) {
		return false
	}
	se.seen.Store(int64(now))
	return true
}

// sameAs reports whether a sign-in is this one, or takes its place without
// anybody noticing: an address session is known by its address, a device
// session by its token.
func (se *Session) sameAs(other *Session) bool {
	if se.about.Device != other.about.Device {
		return false
	}
	if se.about.Device == "" {
		return se.about.Address == other.about.Address
	}
	return se.about.ID == other.about.ID
}

// session returns the session of a device, nil if there is none.
func (m *activeAccount) session(device string) *Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessionLocked(device)
}

func (m *activeAccount) sessionLocked(device string) *Session {
	for _, session := range m.sessions {
		if session.about.Device == device {
			return session
		}
	}
	return nil
}

// sessionOf returns the session that a request belongs to, nil if there is
// none: the one that the token proves, else the address's.
func (m *activeAccount) sessionOf(from Caller) *Session {
	if from.Token == "" {
		if session := m.session(""); session != nil && session.about.Address == from.Address {
			return session
		}
		return nil
	}
	hash := from.Token.Hash()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, session := range m.sessions {
		if session.about.Device != "" && subtle.ConstantTimeCompare(hash[:], session.about.Token[:]) == 1 {
			return session
		}
	}
	return nil
}

// put makes se the session of its device, and its status the account's. The
// feed of a session that it displaces is stopped.
func (m *activeAccount) put(session *Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	session.box = m.collectorLocked(session.about.Device)
	// A confirmation may have come since the session was stored.
	session.box.byNumber = session.about.ConfirmsByNumber || session.box.byNumber && m.renews(session.about) != nil
	if old := m.sessionLocked(session.about.Device); old != nil {
		if !old.sameAs(session) {
			old.box.stopFeed()
		}
		m.sessions = slices.DeleteFunc(m.sessions, func(session *Session) bool { return session == old })
	}
	m.sessions = append(m.sessions, session)
	m.status = session.about.Status // at once: nobody may see the session with another
}

// renews returns the session that a new one is a renewal of, nil if it is none.
// mu is held.
func (m *activeAccount) renews(about rookery.Session) *Session {
	old := m.sessionLocked(about.Device)
	if old != nil && (about.Device != "" || old.about.Address == about.Address) {
		return old
	}
	return nil
}

// collectorLocked finds the collector of a device, or makes it.
func (m *activeAccount) collectorLocked(device string) *consumer {
	for _, consumer := range m.collectors {
		if consumer.device == device {
			return consumer
		}
	}
	c := &consumer{member: m, device: device, turn: newTurn(1)}
	m.collectors = append(m.collectors, c)
	return c
}

// boxes lists the collectors that are wanted.
func (m *activeAccount) boxes(wanted func(*consumer) bool) (list []*consumer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, consumer := range m.collectors {
		if wanted(consumer) {
			list = append(list, consumer)
		}
	}
	return list
}

func everyBox(*consumer) bool { return true }

// discard takes collectors away whose turn is held, and of which nothing is to be
// stored any more.
func (m *activeAccount) discard(list []*consumer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, consumer := range list {
		consumer.gone = true
	}
	m.collectors = slices.DeleteFunc(m.collectors, func(c *consumer) bool { return slices.Contains(list, c) })
}

// drop takes sessions away. Their feeds are stopped.
func (m *activeAccount) drop(ended []*Session, now time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, session := range ended {
		session.box.stopFeed()
		session.box.news = nil
	}
	m.sessions = slices.DeleteFunc(m.sessions, func(session *Session) bool { return slices.Contains(ended, session) })
	if len(m.sessions) == 0 {
		m.sessions, m.left = nil, now
	}
}

// ended lists the sessions that were not heard of for SessionLife.
func (m *activeAccount) ended(now time.Duration) []*Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ended []*Session
	for _, session := range m.sessions {
		if !session.alive(now) {
			ended = append(ended, session)
		}
	}
	return ended
}

// current returns the session, or a renewal of it, if it is still the one of
// its device; else nil. A request may have waited while it ended.
func (m *activeAccount) current(session *Session) *Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.currentLocked(session)
}

func (m *activeAccount) currentLocked(session *Session) *Session {
	if now := m.sessionLocked(session.about.Device); now != nil && now.sameAs(session) {
		return now
	}
	return nil
}

// all lists the sessions.
func (m *activeAccount) all() []*Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sessions)
}

// shown is what friends were told last: the end of a session counts once it
// was dealt with.
func (m *activeAccount) shown() rookery.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sessions) == 0 {
		return rookery.StatusOffline
	}
	return m.status.Visible()
}

// looks is what others see when they look now: a session that has run out
// counts no more, dealt with or not.
func (m *activeAccount) looks(now time.Duration) rookery.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, session := range m.sessions {
		if session.alive(now) {
			return m.status.Visible()
		}
	}
	return rookery.StatusOffline
}

// arrived tells the member of an entry in its mailbox.
func (m *activeAccount) arrived(number uint64) {
	for {
		known := m.newest.Load()
		if number <= known {
			return
		}
		if m.newest.CompareAndSwap(known, number) {
			break
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, consumer := range m.collectors {
		if sub := consumer.feed.Load(); sub != nil {
			sub.wake()
		}
	}
}

// idle reports whether no session is left.
func (m *activeAccount) idle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sessions) == 0
}

// leave makes a member one that is not to be used any more.
func (m *activeAccount) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = true
}

// next is when something of the member becomes due; gone is true if that was
// now, and nothing was left to keep the member for.
func (m *activeAccount) next(now time.Duration) (at time.Duration, gone bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sessions) == 0 {
		at = m.left + lingering
		m.gone = at <= now
		return at, m.gone
	}
	at = now + SessionLife
	for _, session := range m.sessions {
		at = min(at, time.Duration(session.seen.Load())+SessionLife)
	}
	return at, false
}

// activeAccounts finds members by account number.
type activeAccounts struct{ shards [64]shard }

type shard struct {
	mu sync.RWMutex // guards m
	m  map[rookery.UIN]*activeAccount
}

func newMembers() *activeAccounts {
	ms := new(activeAccounts)
	for i := range ms.shards {
		ms.shards[i].m = make(map[rookery.UIN]*activeAccount)
	}
	return ms
}

func (ms *activeAccounts) shard(uin rookery.UIN) *shard {
	return &ms.shards[uin%rookery.UIN(len(ms.shards))]
}

// get returns nil for an account that is no member.
func (ms *activeAccounts) get(uin rookery.UIN) *activeAccount {
	shard := ms.shard(uin)
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	return shard.m[uin]
}

// getOrAdd reports whether it had to make the member.
func (ms *activeAccounts) getOrAdd(uin rookery.UIN, now time.Duration) (active *activeAccount, added bool) {
	shard := ms.shard(uin)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	active = shard.m[uin]
	if active == nil {
		active, added = newMember(uin, now), true
		shard.m[uin] = active
	}
	return active, added
}

// remove takes a member away, and leaves another of its number alone.
func (ms *activeAccounts) remove(active *activeAccount) {
	shard := ms.shard(active.uin)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.m[active.uin] == active {
		delete(shard.m, active.uin)
	}
}

// each calls f with every member, in no order.
func (ms *activeAccounts) each(f func(*activeAccount)) {
	for i := range ms.shards {
		shard := &ms.shards[i]
		shard.mu.RLock()
		list := slices.Collect(maps.Values(shard.m))
		shard.mu.RUnlock()
		for _, active := range list {
			f(active)
		}
	}
}

// online lists the accounts above after that look online now, by number.
func (ms *activeAccounts) online(after rookery.UIN, now time.Duration) []rookery.UIN {
	var found []rookery.UIN
	ms.each(func(active *activeAccount) {
		if active.uin > after && active.looks(now) != rookery.StatusOffline {
			found = append(found, active.uin)
		}
	})
	slices.Sort(found)
	return found
}
