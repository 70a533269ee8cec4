package service

import (
	"container/heap"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rookery-im/rookery"
)

// lingering is how long a member is kept after its last session ended, so that
// what it knows of recent requests outlives a new login.
const lingering = longWindow

// member is an account that is signed in, or was a moment ago.
type member struct {
	uin rookery.UIN

	// turn is held by whoever signs the account in or out or changes its
	// status, from the store to the last notice: one at a time.
	turn sync.Mutex

	// newest is the number of the newest entry in the mailbox that the member
	// was told of.
	newest atomic.Uint64
	// box belongs to the address sessions, one after the other.
	box collector

	mu sync.Mutex // guards all below; no call leaves the process under it
	// gone: no longer among the members, and so not to be used.
	gone     bool
	sessions []*Session
	status   rookery.Status
	// left is the uptime at which the last session ended.
	left time.Duration
	// friends is the friend list, nil if not known. changes counts what made it
	// unknown, so that an outdated reading is not kept.
	friends []rookery.UIN
	changes int
	// notices are the friends whose status has changed, with the latest.
	notices map[rookery.UIN]rookery.Status
}

// Session is one live session of a member. It does not change: a renewal makes
// another.
type Session struct {
	member *member
	about  rookery.Session
	// seen is the uptime of the latest request.
	seen     atomic.Int64
	encoding atomic.Uint32
}

func newSession(m *member, about rookery.Session, now time.Duration) *Session {
	se := &Session{member: m, about: about}
	se.seen.Store(int64(now))
	se.encoding.Store(uint32(about.Encoding))
	return se
}

// Account is the account that the session belongs to.
func (se *Session) Account() rookery.UIN { return se.about.Account }

func (se *Session) alive(now time.Duration) bool {
	return now-time.Duration(se.seen.Load()) < SessionLife
}

// session returns the session of a device, nil if there is none.
func (m *member) session(device string) *Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, se := range m.sessions {
		if se.about.Device == device {
			return se
		}
	}
	return nil
}

// put makes se the session of its device, and its status the account's.
func (m *member) put(se *Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions = append(slices.DeleteFunc(m.sessions, func(old *Session) bool {
		return old.about.Device == se.about.Device
	}), se)
	m.status = se.about.Status // at once: nobody may see the session with another
}

// drop takes sessions away.
func (m *member) drop(ended []*Session, now time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions = slices.DeleteFunc(m.sessions, func(se *Session) bool { return slices.Contains(ended, se) })
	if len(m.sessions) == 0 {
		m.sessions, m.notices, m.left = nil, nil, now
	}
}

// ended lists the sessions that were not heard of for SessionLife.
func (m *member) ended(now time.Duration) []*Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ended []*Session
	for _, se := range m.sessions {
		if !se.alive(now) {
			ended = append(ended, se)
		}
	}
	return ended
}

// current reports whether a session, or a renewal of it, is still the one of
// its device. A request may have waited while it ended.
func (m *member) current(se *Session) bool {
	now := m.session(se.about.Device)
	return now != nil && now.about.Address == se.about.Address
}

// all lists the sessions.
func (m *member) all() []*Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sessions)
}

// shown is what friends were told last: the end of a session counts once it
// was dealt with.
func (m *member) shown() rookery.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sessions) == 0 {
		return rookery.StatusOffline
	}
	return m.status.Shown()
}

// looks is what others see when they look now: a session that has run out
// counts no more, dealt with or not.
func (m *member) looks(now time.Duration) rookery.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, se := range m.sessions {
		if se.alive(now) {
			return m.status.Shown()
		}
	}
	return rookery.StatusOffline
}

// arrived tells the member of an entry in its mailbox.
func (m *member) arrived(number uint64) {
	for {
		known := m.newest.Load()
		if number <= known || m.newest.CompareAndSwap(known, number) {
			return
		}
	}
}

// idle reports whether no session is left.
func (m *member) idle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sessions) == 0
}

// next is when something of the member becomes due; gone is true if that was
// now, and nothing was left to keep the member for.
func (m *member) next(now time.Duration) (at time.Duration, gone bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sessions) == 0 {
		at = m.left + lingering
		m.gone = at <= now
		return at, m.gone
	}
	at = now + SessionLife
	for _, se := range m.sessions {
		at = min(at, time.Duration(se.seen.Load())+SessionLife)
	}
	return at, false
}

// members finds members by account number.
type members struct{ shards [64]shard }

type shard struct {
	mu sync.RWMutex // guards m
	m  map[rookery.UIN]*member
}

func newMembers() *members {
	ms := new(members)
	for i := range ms.shards {
		ms.shards[i].m = make(map[rookery.UIN]*member)
	}
	return ms
}

func (ms *members) shard(uin rookery.UIN) *shard { return &ms.shards[uin%rookery.UIN(len(ms.shards))] }

// get returns nil for an account that is no member.
func (ms *members) get(uin rookery.UIN) *member {
	sh := ms.shard(uin)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	return sh.m[uin]
}

// getOrAdd reports whether it had to make the member.
func (ms *members) getOrAdd(uin rookery.UIN, now time.Duration) (m *member, added bool) {
	sh := ms.shard(uin)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	m = sh.m[uin]
	if m == nil {
		m, added = &member{uin: uin, left: now}, true
		sh.m[uin] = m
	}
	return m, added
}

func (ms *members) remove(uin rookery.UIN) {
	sh := ms.shard(uin)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	delete(sh.m, uin)
}

// each calls f with every member, in no order.
func (ms *members) each(f func(*member)) {
	for i := range ms.shards {
		sh := &ms.shards[i]
		sh.mu.RLock()
		list := slices.Collect(maps.Values(sh.m))
		sh.mu.RUnlock()
		for _, m := range list {
			f(m)
		}
	}
}

// online lists the accounts above after that look online now, by number.
func (ms *members) online(after rookery.UIN, now time.Duration) []rookery.UIN {
	var found []rookery.UIN
	ms.each(func(m *member) {
		if m.uin > after && m.looks(now) != rookery.StatusOffline {
			found = append(found, m.uin)
		}
	})
	slices.Sort(found)
	return found
}

// dueQueue orders members by when to look at them next. Each has one place in
// it, which requests do not touch: who was heard of meanwhile is put back.
type dueQueue struct {
	mu    sync.Mutex // guards items
	items dueItems
}

type dueItem struct {
	at time.Duration
	m  *member
}

func (q *dueQueue) push(m *member, at time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	heap.Push(&q.items, dueItem{at, m})
}

// pop takes out the members whose time has come.
func (q *dueQueue) pop(now time.Duration) []*member {
	q.mu.Lock()
	defer q.mu.Unlock()
	var due []*member
	for len(q.items) > 0 && q.items[0].at <= now {
		due = append(due, heap.Pop(&q.items).(dueItem).m)
	}
	return due
}

type dueItems []dueItem

func (d dueItems) Len() int           { return len(d) }
func (d dueItems) Less(i, j int) bool { return d[i].at < d[j].at }
func (d dueItems) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dueItems) Push(x any)        { *d = append(*d, x.(dueItem)) }
func (d *dueItems) Pop() any {
	last := (*d)[len(*d)-1]
	(*d)[len(*d)-1] = dueItem{}
	*d = (*d)[:len(*d)-1]
	return last
}
