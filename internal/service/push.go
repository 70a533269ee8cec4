package service

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

const (
	// arrivalTime: what was written this long before a record came has arrived
	// (section 6 of the protocol).
	arrivalTime = 5 * time.Second
	// pushPause is between two pushes to a client that may take one read for one
	// record (section 1.2).
	pushPause = 1500 * time.Millisecond
	// waveStep is how finely it is remembered when entries were written.
	waveStep = 100 * time.Millisecond
	// maxReads is how many read marks wait for a slow connection; what is
	// dropped is seen with the next page of history.
	maxReads = 1000
)

// Outlet is a connection that takes what arrives for a session as it arrives.
type Outlet interface {
	// Push hands one item to the client's side of the network, after those
	// before it, and waits if that is slow. An error says that the connection is
	// done for; the outlet has closed it.
	Push(Item) error
	// Close ends the connection.
	Close()
}

// Item is one thing to be pushed. One of Entry, Notice and Read is set.
type Item struct {
	// Number is the entry's, or counts the others of the connection.
	Number uint64
	Entry  *rookery.Entry
	Notice *Notice
	Read   *rookery.ReadMark
}

// Feed is a session's live connection. The mailbox is its queue: it holds
// numbers, and reads entries when it is their turn. How it pushes is in
// pump.go.
type Feed struct {
	service *Service
	box     *collector
	out     Outlet
	// entriesTurn is the pump's: entries and the rest take turns.
	entriesTurn bool

	mu sync.Mutex // guards the rest; nothing is called under it
	// stopped: the session has ended, and the connection may get another.
	stopped bool
	// closed: the connection has ended.
	closed bool
	// running: a goroutine pushes; more: it has to look once more.
	running, more bool
	// timer stops the timer that will look, nil if there is none.
	timer func() bool

	// base is where the feed began, pushed the highest entry that was pushed or
	// skipped, confirmed the highest that has arrived.
	base, pushed, confirmed uint64
	// waves are the pushed entries that are not confirmed yet.
	waves []wave
	// prompt: the client has confirmed by number, so it can take several
	// records at once.
	prompt bool
	// last is when the latest push was written, begun whether there was one.
	last  time.Duration
	begun bool
	// count counts the items that are no entries.
	count uint64
	// reads are the read marks that wait, the latest of a conversation.
	reads []rookery.ReadMark
}

// wave is the pushed entries up to a number, above the wave before. They were
// written at a time, or a little before.
type wave struct {
	upTo uint64
	at   time.Duration
}

// Attach begins to push to a session's connection: first what waits in the
// mailbox. A connection that the session has already is closed: the newest
// takes over. If it is the same one, its feed goes on. Call it once the answer
// to the sign-in is written. CodeNotSignedIn if the session has ended meanwhile.
func (s *Service) Attach(ctx context.Context, se *Session, out Outlet) (*Feed, error) {
	c := se.box
	if err := c.turn.take(ctx); err != nil {
		return nil, err
	}
	defer c.turn.end()
	if err := s.loadCollector(ctx, c); err != nil {
		return nil, err
	}
	f, old := s.feedFor(c, se, out)
	if f == nil {
		return nil, errNotSignedIn
	}
	if old != nil {
		s.hangUp(old)
	}
	f.wake()
	return f, nil
}

// feedFor makes the feed of a session's connection, or finds it, and returns
// the connection that it takes the place of; no feed if the session has ended.
// The collector's turn is held.
func (s *Service) feedFor(c *collector, se *Session, out Outlet) (f *Feed, old Outlet) {
	c.member.mu.Lock()
	defer c.member.mu.Unlock()
	if c.member.currentLocked(se) == nil || c.gone {
		return nil, nil
	}
	if f := c.feed.Load(); f != nil {
		c.fold()
		if f.out == out && f.resume(c.place) {
			return f, nil
		}
		if f.stop() {
			old = f.out
		}
		c.fold() // what was confirmed up to the end
	}
	f = &Feed{service: s, box: c, out: out, base: c.place, pushed: c.place, confirmed: c.place}
	c.feed.Store(f)
	return f, old
}

// Heard says that a record came on the connection at a time of the service's
// clock: what was pushed long enough before has arrived (section 6 of the protocol).
func (f *Feed) Heard(at time.Time) {
	now := f.service.uptimeAt(at)
	f.mu.Lock()
	var arrived uint64
	for _, w := range f.waves {
		if now-w.at < arrivalTime {
			break
		}
		arrived = w.upTo
	}
	moved := f.confirm(arrived)
	f.mu.Unlock()
	if moved {
		f.service.saveSoon(f.box)
	}
}

// Confirm says that the client has the entries up to a number.
func (f *Feed) Confirm(number uint64) {
	f.mu.Lock()
	moved := f.confirm(min(number, f.pushed))
	if !f.prompt && min(number, f.pushed) > f.base {
		f.prompt = true
		f.hurry()
	}
	f.mu.Unlock()
	if moved {
		f.service.saveSoon(f.box)
	}
}

// confirm notes that entries have arrived, and reports whether that is new. mu
// is held.
func (f *Feed) confirm(upTo uint64) bool {
	if f.over() || upTo <= f.confirmed {
		return false
	}
	f.passed(upTo)
	return true
}

func (f *Feed) passed(number uint64) {
	f.confirmed = number
	f.waves = slices.DeleteFunc(f.waves, func(w wave) bool { return w.upTo <= number })
	if len(f.waves) == 0 {
		f.waves = nil
	}
}

// Close says that the connection has ended. What was not confirmed waits in
// the mailbox again.
func (f *Feed) Close() {
	f.mu.Lock()
	closed := f.closed
	f.closed = true
	f.stopTimer()
	f.mu.Unlock()
	if !closed {
		f.service.background.start(savingTask, func() { f.service.saveNow(f.box) })
	}
}

// hangUp ends the connection, and what is pushed on it.
func (f *Feed) hangUp() {
	f.Close()
	f.out.Close()
}

const closingTask = "close a connection"

// hangUp ends a connection that is pushed on no more. One that is slow to end
// holds up nobody.
func (s *Service) hangUp(out Outlet) { s.background.start(closingTask, out.Close) }

// stop ends the pushing, and reports whether it was going on.
func (f *Feed) stop() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	live := !f.over()
	f.stopped = true
	f.stopTimer()
	return live
}

// resume lets a feed go on, after its session was renewed or another began. It
// reports false if the connection has ended. place is how far the mailbox was
// read meanwhile.
func (f *Feed) resume(place uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.stopped = false
	f.pushed = max(f.pushed, place)
	if place > f.confirmed {
		f.passed(place)
	}
	return true
}

// over reports whether nothing is to be pushed any more. mu is held.
func (f *Feed) over() bool { return f.stopped || f.closed }

func (f *Feed) live() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.over()
}

// liveFeed is the connection that the collector's entries are pushed to, nil if
// they are not.
func (c *collector) liveFeed() *Feed {
	if f := c.feed.Load(); f != nil && f.live() {
		return f
	}
	return nil
}

// stopFeed ends the pushing, if there is any.
func (c *collector) stopFeed() {
	if f := c.feed.Load(); f != nil {
		f.stop()
	}
}

// fold takes over what a feed's client has confirmed, and lets go of a feed
// whose connection has ended. The collector's turn is held.
func (c *collector) fold() {
	f := c.feed.Load()
	if f == nil {
		return
	}
	f.mu.Lock()
	confirmed, closed := f.confirmed, f.closed
	f.mu.Unlock()
	if confirmed > c.place {
		c.place, c.dirty = confirmed, true
	}
	if closed {
		c.feed.Store(nil)
	}
}

// readUpTo takes a read mark to be pushed.
func (f *Feed) readUpTo(r rookery.ReadMark) {
	f.mu.Lock()
	f.reads = slices.DeleteFunc(f.reads, func(old rookery.ReadMark) bool { return old.With == r.With })
	if len(f.reads) == maxReads {
		f.reads = slices.Delete(f.reads, 0, 1)
	}
	f.reads = append(f.reads, r)
	f.mu.Unlock()
	f.wake()
}
