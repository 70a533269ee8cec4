package service

import (
	"context"
	"slices"
	"sync"

	"github.com/rookery-im/rookery"
)

// maxReads is how many read marks wait for a slow connection; what is dropped is
// seen with the next page of history.
const maxReads = 1000

// PushSink is a connection that takes what arrives for a session as it arrives.
type PushSink interface {
	// Push hands one item to the client's side of the network, after those
	// before it, and waits if that is slow. An error says that the connection is
	// done for; the outlet has closed it.
	Push(Event) error
	// Framed reports whether the client gets each item by itself, however soon
	// others follow.
	Framed() bool
	// Close ends the connection.
	Close()
}

// Event is one thing to be pushed. One of Entry, Notice and Read is set.
type Event struct {
	// Number is the entry's, or counts the others of the connection.
	Number uint64
	Entry  *rookery.Entry
	Notice *Notice
	Read   *rookery.ReadMark
}

// Subscription is a session's live connection. The mailbox is its queue: it holds
// numbers, and reads entries when it is their turn. How it pushes is in
// pump.go, when in pace.go, and what has arrived in arrival.go.
type Subscription struct {
	service *Service
	box     *consumer
	out     PushSink
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
	// waves are the pushed entries that are not confirmed yet, by number.
	waves []pushedRange
	// byNumber: only numbers confirm, and there are no waves.
	byNumber bool
	// pushPacer says when the next push may be written, nil if at once.
	pace *pushPacer
	// count counts the items that are no entries.
	count uint64
	// reads are the read marks that wait, the latest of a conversation.
	reads []rookery.ReadMark
}

// Attach begins to push to a session's connection: first what waits in the
// mailbox. A connection that the session has already is closed: the newest
// takes over. If it is the same one, its feed goes on. Call it once the answer
// to the sign-in is written. CodeNotSignedIn if the session has ended meanwhile.
func (s *Service) Attach(ctx context.Context, session *Session, out PushSink) (*Subscription, error) {
	consumer := session.box
	if err := consumer.turn.take(ctx); err != nil {
		return nil, err
	}
	defer consumer.turn.end()
	if err := s.loadCollector(ctx, consumer); err != nil {
		return nil, err
	}
	sub, old := s.feedFor(consumer, session, out)
	if sub == nil {
		return nil, errNotSignedIn
	}
	if old != nil {
		s.hangUp(old)
	}
	sub.wake()
	return sub, nil
}

// feedFor makes the feed of a session's connection, or finds it, and returns
// the connection that it takes the place of; no feed if the session has ended.
// The collector's turn is held.
func (s *Service) feedFor(c *consumer, session *Session, out PushSink) (sub *Subscription, old PushSink) {
	c.member.mu.Lock()
	defer c.member.mu.Unlock()
	if c.member.currentLocked(session) == nil || c.gone {
		return nil, nil
	}
	if sub := c.feed.Load(); sub != nil {
		c.fold()
		if sub.out == out && sub.resume(c.place, c.byNumber) {
			return sub, nil
		}
		if sub.stop() {
			old = sub.out
		}
		c.fold() // what was confirmed up to the end
	}
	sub = &Subscription{service: s, box: c, out: out, base: c.place, pushed: c.place, confirmed: c.place}
	sub.setPace(c.byNumber)
	c.feed.Store(sub)
	return sub, old
}

// Close says that the connection has ended. What was not confirmed waits in
// the mailbox again.
func (f *Subscription) Close() {
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
func (f *Subscription) hangUp() {
	f.Close()
	f.out.Close()
}

const closingTask = "close a connection"

// hangUp ends a connection that is pushed on no more. One that is slow to end
// holds up nobody.
func (s *Service) hangUp(out PushSink) { s.background.start(closingTask, out.Close) }

// stop ends the pushing, and reports whether it was going on.
func (f *Subscription) stop() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	live := !f.over()
	f.stopped = true
	f.stopTimer()
	return live
}

// resume lets a feed go on, after its session was renewed or another began. It
// reports false if the connection has ended. place is how far the mailbox was
// read meanwhile, byNumber whether the session has confirmed by number.
func (f *Subscription) resume(place uint64, byNumber bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.stopped = false
	f.pushed = max(f.pushed, place)
	f.passed(place)
	f.advance()
	f.setPace(byNumber)
	return true
}

// over reports whether nothing is to be pushed any more. mu is held.
func (f *Subscription) over() bool { return f.stopped || f.closed }

func (f *Subscription) live() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.over()
}

// liveFeed is the connection that the collector's entries are pushed to, nil if
// they are not.
func (c *consumer) liveFeed() *Subscription {
	if sub := c.feed.Load(); sub != nil && sub.live() {
		return sub
	}
	return nil
}

// stopFeed ends the pushing, if there is any.
func (c *consumer) stopFeed() {
	if sub := c.feed.Load(); sub != nil {
		sub.stop()
	}
}

// fold takes over what a feed's client has confirmed, and lets go of a feed
// whose connection has ended. The collector's turn is held.
func (c *consumer) fold() {
	sub := c.feed.Load()
	if sub == nil {
		return
	}
	sub.mu.Lock()
	confirmed, closed := sub.confirmed, sub.closed
	sub.mu.Unlock()
	if confirmed > c.place {
		c.place, c.dirty = confirmed, true
	}
	if closed {
		c.feed.Store(nil)
	}
}

// readUpTo takes a read mark to be pushed.
func (f *Subscription) readUpTo(readMark rookery.ReadMark) {
	f.mu.Lock()
	f.reads = slices.DeleteFunc(f.reads, func(old rookery.ReadMark) bool { return old.With == readMark.With })
	if len(f.reads) == maxReads {
		f.reads = slices.Delete(f.reads, 0, 1)
	}
	f.reads = append(f.reads, readMark)
	f.mu.Unlock()
	f.wake()
}
