package service

import (
	"context"
	"slices"
	"sync"

	"github.com/rookery-im/rookery"
)

// maxReadMarks is how many read marks wait for a slow connection; what is dropped is
// seen with the next page of history.
const maxReadMarks = 1000

// PushSink is a connection that takes what arrives for a session as it arrives.
type PushSink interface {
	// Push hands one item to the client's side of the network, after those
	// before it, and waits if that is slow. An error says that the connection is
	// done for; the outlet has closed it.
	Push(PushEvent) error
	// Framed reports whether the client gets each item by itself, however soon
	// others follow.
	Framed() bool
	// Close ends the connection.
	Close()
}

// PushEvent is one thing to be pushed. One of Entry, Notice and Read is set.
type PushEvent struct {
	// Number is the entry's, or counts the others of the connection.
	Number   uint64
	Entry    *rookery.Entry
	Notice   *Notice
	ReadMark *rookery.ReadMark
}

// Subscription is a session's live connection. The mailbox is its queue: it holds
// numbers, and reads entries when it is their turn. How it pushes is in
// pump.go, when in pace.go, and what has arrived in arrival.go.
type Subscription struct {
	service  *Service
	consumer *consumer
	sink     PushSink
	// entriesNext is the pump's: entries and the rest take turns.
	entriesNext bool

	mu sync.Mutex // guards the rest; nothing is called under it
	// stopped: the session has ended, and the connection may get another.
	stopped bool
	// closed: the connection has ended.
	closed bool
	// running: a goroutine pushes; more: it has to look once more.
	running, checkAgain bool
	// cancelTimer stops the timer that will look, nil if there is none.
	cancelTimer func() bool

	// startNumber is where the feed began, pushed the highest entry that was pushed or
	// skipped, confirmed the highest that has arrived.
	startNumber, lastPushed, lastConfirmed uint64
	// pushedRanges are the pushed entries that are not confirmed yet, by number.
	pushedRanges []pushedRange
	// byNumber: only numbers confirm, and there are no waves.
	confirmsByNumber bool
	// pushPacer says when the next push may be written, nil if at once.
	pacer *pushPacer
	// otherEvents counts the items that are no entries.
	otherEvents uint64
	// readMarks are the read marks that wait, the latest of a conversation.
	readMarks []rookery.ReadMark
}

// Subscribe begins to push to a session's connection: first what waits in the
// mailbox. A connection that the session has already is closed: the newest
// takes over. If it is the same one, its feed goes on. Call it once the answer
// to the sign-in is written. CodeNotSignedIn if the session has ended meanwhile.
func (s *Service) Subscribe(ctx context.Context, session *Session, sink PushSink) (*Subscription, error) {
	consumer := session.consumer
	if err := consumer.collectLock.acquire(ctx); err != nil {
		return nil, err
	}
	defer consumer.collectLock.release()
	if err := s.loadConsumer(ctx, consumer); err != nil {
		return nil, err
	}
	subscription, replacedSink := s.subscriptionFor(consumer, session, sink)
	if subscription == nil {
		return nil, errNotSignedIn
	}
	if replacedSink != nil {
		s.closeSink(replacedSink)
	}
	subscription.wake()
	return subscription, nil
}

// subscriptionFor makes the feed of a session's connection, or finds it, and returns
// the connection that it takes the place of; no feed if the session has ended.
// The collector's turn is held.
func (s *Service) subscriptionFor(c *consumer, session *Session, sink PushSink) (subscription *Subscription, replacedSink PushSink) {
	c.account.mu.Lock()
	defer c.account.mu.Unlock()
	if c.account.currentSessionLocked(session) == nil || c.isRemoved {
		return nil, nil
	}
	if subscription := c.subscription.Load(); subscription != nil {
		c.mergeConfirmed()
		if subscription.sink == sink && subscription.resume(c.cursor, c.confirmsByNumber) {
			return subscription, nil
		}
		if subscription.stop() {
			replacedSink = subscription.sink
		}
		c.mergeConfirmed() // what was confirmed up to the end
	}
	subscription = &Subscription{service: s, consumer: c, sink: sink, startNumber: c.cursor, lastPushed: c.cursor, lastConfirmed: c.cursor}
	subscription.configurePacerLocked(c.confirmsByNumber)
	c.subscription.Store(subscription)
	return subscription, replacedSink
}

// Close says that the connection has ended. What was not confirmed waits in
// the mailbox again.
func (f *Subscription) Close() {
	f.mu.Lock()
	wasClosed := f.closed
	f.closed = true
	f.stopTimerLocked()
	f.mu.Unlock()
	if !wasClosed {
		f.service.background.start(saveTask, func() { f.service.saveInBackground(f.consumer) })
	}
}

// disconnect ends the connection, and what is pushed on it.
func (f *Subscription) disconnect() {
	f.Close()
	f.sink.Close()
}

const closeTask = "close a connection"

// closeSink ends a connection that is pushed on no more. One that is slow to end
// holds up nobody.
func (s *Service) closeSink(sink PushSink) { s.background.start(closeTask, sink.Close) }

// stop ends the pushing, and reports whether it was going on.
func (f *Subscription) stop() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	wasLive := !f.hasEndedLocked()
	f.stopped = true
	f.stopTimerLocked()
	return wasLive
}

// resume lets a feed go on, after its session was renewed or another began. It
// reports false if the connection has ended. place is how far the mailbox was
// read meanwhile, byNumber whether the session has confirmed by number.
func (f *Subscription) resume(cursor uint64, confirmsByNumber bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.stopped = false
	f.lastPushed = max(f.lastPushed, cursor)
	f.setConfirmedLocked(cursor)
	f.confirmArrivedLocked()
	f.configurePacerLocked(confirmsByNumber)
	return true
}

// hasEndedLocked reports whether nothing is to be pushed any more. mu is held.
func (f *Subscription) hasEndedLocked() bool { return f.stopped || f.closed }

func (f *Subscription) isLive() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.hasEndedLocked()
}

// liveSubscription is the connection that the collector's entries are pushed to, nil if
// they are not.
func (c *consumer) liveSubscription() *Subscription {
	if subscription := c.subscription.Load(); subscription != nil && subscription.isLive() {
		return subscription
	}
	return nil
}

// stopSubscription ends the pushing, if there is any.
func (c *consumer) stopSubscription() {
	if subscription := c.subscription.Load(); subscription != nil {
		subscription.stop()
	}
}

// mergeConfirmed takes over what a feed's client has confirmed, and lets go of a feed
// whose connection has ended. The collector's turn is held.
func (c *consumer) mergeConfirmed() {
	subscription := c.subscription.Load()
	if subscription == nil {
		return
	}
	subscription.mu.Lock()
	confirmed, wasClosed := subscription.lastConfirmed, subscription.closed
	subscription.mu.Unlock()
	if confirmed > c.cursor {
		c.cursor, c.isDirty = confirmed, true
	}
	if wasClosed {
		c.subscription.Store(nil)
	}
}

// pushReadMark takes a read mark to be pushed.
func (f *Subscription) pushReadMark(readMark rookery.ReadMark) {
	f.mu.Lock()
	f.readMarks = slices.DeleteFunc(f.readMarks, func(other rookery.ReadMark) bool { return other.With == readMark.With })
	if len(f.readMarks) == maxReadMarks {
		f.readMarks = slices.Delete(f.readMarks, 0, 1)
	}
	f.readMarks = append(f.readMarks, readMark)
	f.mu.Unlock()
	f.wake()
}
