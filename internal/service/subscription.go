package service

import (
	"context"
	"slices"
	"sync"

	"github.com/rookery-im/rookery"
)

// maxReadMarks is how many read marks may wait for a slow connection. A mark that is dropped reaches
// the client with its next page of history.
const maxReadMarks = 1000

// PushSink is a connection to which events are pushed.
type PushSink interface {
	// Push writes an event after the earlier ones and blocks while the connection is slow. After an
	// error the sink has closed the connection. number is the number of the entry; other events are
	// numbered from 1 on each connection.
	Push(number uint64, event rookery.Event) error
	// Framed reports whether the client receives each event as a separate frame, however closely others
	// follow. WebSockets are framed; a line connection is not.
	Framed() bool
	// Close closes the connection.
	Close()
}

// Subscription is a session's live connection for pushes. Entries are not queued in memory: the
// subscription keeps entry numbers and reads each entry from the mailbox when its turn comes. The pump
// is in pushpump.go, the gaps between pushes in pushpacer.go, and confirmations in pushconfirm.go.
type Subscription struct {
	service  *Service
	consumer *consumer
	sink     PushSink
	// entriesNext makes entries alternate with other events. Only the pump uses it.
	entriesNext bool

	mu sync.Mutex // guards the fields below; no store, sink or log is called while it is held
	// stopped means that the session has ended. The connection may be subscribed again.
	stopped bool
	// closed means that the connection has ended.
	closed bool
	// running means that the pump runs; checkAgain makes it look for events once more before it ends.
	running, checkAgain bool
	// cancelTimer stops the timer that will wake the subscription. It is nil if there is none.
	cancelTimer func() bool

	// startNumber is the cursor at the beginning of the subscription, lastPushed the highest entry that
	// was pushed or skipped, and lastConfirmed the highest entry that the client is known to have.
	startNumber, lastPushed, lastConfirmed uint64
	// pushedRanges are the pushed entries that are not confirmed, in order.
	pushedRanges []pushedRange
	// confirmsByNumber means that only the client's own confirmations count. pushedRanges is empty
	// then.
	confirmsByNumber bool
	// pacer delays pushes. It is nil if they may be written at once.
	pacer *pushPacer
	// otherEvents counts the pushed notices and read marks.
	otherEvents uint64
	// readMarks are the read marks to be pushed, at most one for each conversation.
	readMarks []rookery.ReadMark
}

// Subscribe pushes a session's events to a connection, beginning with the uncollected entries. An
// earlier connection of the session is closed; if it is the same connection, its Subscription
// continues. Call Subscribe after the answer to the sign-in was written. It returns CodeNotSignedIn if
// the session has ended.
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

// subscriptionFor returns the subscription of a session's connection and the connection that it
// replaces, if any. The subscription is nil if the session has ended. The caller holds c.collectLock.
func (s *Service) subscriptionFor(c *consumer, session *Session,
	sink PushSink) (subscription *Subscription, replacedSink PushSink) {
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
		c.mergeConfirmed() // confirmations that came before stop
	}
	subscription = &Subscription{service: s, consumer: c, sink: sink, startNumber: c.cursor, lastPushed: c.cursor,
		lastConfirmed: c.cursor}
	subscription.configurePacerLocked(c.confirmsByNumber)
	c.subscription.Store(subscription)
	return subscription, replacedSink
}

// Close tells the service that the connection has ended. Entries that were not confirmed can be
// collected again.
func (sub *Subscription) Close() {
	sub.mu.Lock()
	wasClosed := sub.closed
	sub.closed = true
	sub.stopTimerLocked()
	sub.mu.Unlock()
	if !wasClosed {
		sub.service.background.start(saveTask,
			func(ctx context.Context) { sub.service.saveInBackground(ctx, sub.consumer) })
	}
}

// disconnect ends the subscription and closes its connection.
func (sub *Subscription) disconnect() {
	sub.Close()
	sub.sink.Close()
}

const closeTask = "close a connection"

// closeSink closes a connection in the background, because closing may block.
func (s *Service) closeSink(sink PushSink) {
	s.background.start(closeTask, func(context.Context) { sink.Close() })
}

// stop ends the pushes and reports whether the subscription was live.
func (sub *Subscription) stop() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	wasLive := !sub.hasEndedLocked()
	sub.stopped = true
	sub.stopTimerLocked()
	return wasLive
}

// resume restarts the subscription on the same connection, after a renewal of the session or for
// another session. It returns false if the connection has ended. cursor is how far the mailbox has been
// read since.
func (sub *Subscription) resume(cursor uint64, confirmsByNumber bool) bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.closed {
		return false
	}
	sub.stopped = false
	sub.lastPushed = max(sub.lastPushed, cursor)
	sub.setConfirmedLocked(cursor)
	sub.confirmArrivedLocked()
	sub.configurePacerLocked(confirmsByNumber)
	return true
}

// hasEndedLocked reports whether nothing may be pushed any more. sub.mu must be held.
func (sub *Subscription) hasEndedLocked() bool { return sub.stopped || sub.closed }

func (sub *Subscription) isLive() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return !sub.hasEndedLocked()
}

// liveSubscription returns the subscription to which the consumer's entries are pushed, or nil.
func (c *consumer) liveSubscription() *Subscription {
	if subscription := c.subscription.Load(); subscription != nil && subscription.isLive() {
		return subscription
	}
	return nil
}

// stopSubscription stops the consumer's subscription, if there is one.
func (c *consumer) stopSubscription() {
	if subscription := c.subscription.Load(); subscription != nil {
		subscription.stop()
	}
}

// mergeConfirmed moves the cursor to the last entry that the client has confirmed, and drops a
// subscription whose connection has ended. The caller holds c.collectLock.
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

// pushReadMark queues a read mark. It replaces an earlier one of the same conversation.
func (sub *Subscription) pushReadMark(readMark rookery.ReadMark) {
	sub.mu.Lock()
	sub.readMarks = slices.DeleteFunc(sub.readMarks,
		func(other rookery.ReadMark) bool { return other.Peer == readMark.Peer })
	if len(sub.readMarks) == maxReadMarks {
		sub.readMarks = slices.Delete(sub.readMarks, 0, 1)
	}
	sub.readMarks = append(sub.readMarks, readMark)
	sub.mu.Unlock()
	sub.wake()
}
