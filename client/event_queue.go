package client

import (
	"context"
	"slices"
	"sync"
)

// eventQueue passes events from the connection to the program's Events loop.
type eventQueue struct {
	// pollSEQ is the SEQ of an unanswered GetMsgEx, or empty. Only the goroutine of
	// maintainConn uses it.
	pollSEQ string
	// loopSlot holds one element while an Events loop runs.
	loopSlot chan struct{}
	// eventsAdded wakes the loop, eventsConsumed wakes serveStream and servePolling.
	// Each holds at most one element.
	eventsAdded, eventsConsumed chan struct{}

	mu             sync.Mutex // guards the fields below
	events         []Event
	messageCount   int  // how many events are messages
	isFirstYielded bool // the program handles the first event now
	isFinished     bool // no more events will be added
	isDiscarded    bool // remaining events are not yielded
	// highestQueued and highestConsumed are mailbox numbers: of the newest message added,
	// and of the newest that the program has consumed.
	highestQueued, highestConsumed uint64
}

// messageSequence is the state of one connection's pushed messages, whose numbers
// rise. After one message is dropped, all later ones must be dropped too; the next
// connection begins with the first unconfirmed message. eventQueue.mu guards it.
type messageSequence struct {
	hasOverflowed bool // a message was dropped because the queue was full
	hasRepeats    bool // an already consumed message was pushed again
}

// maxQueuedMessages bounds the memory for a slow program.
const maxQueuedMessages = 1024

func newEventQueue() *eventQueue {
	return &eventQueue{loopSlot: make(chan struct{}, 1), eventsAdded: make(chan struct{}, 1),
		eventsConsumed: make(chan struct{}, 1)}
}

// signal wakes the reader of ch without blocking.
func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// enqueue adds an event. It drops a message that was queued before, or that exceeds the
// bound. sequence is required for messages with numbers only.
func (q *eventQueue) enqueue(event Event, sequence *messageSequence) {
	q.mu.Lock()
	if message, ok := event.(Message); ok {
		q.enqueueMessage(message, sequence)
	} else {
		q.enqueueLatest(event)
	}
	q.mu.Unlock()
	signal(q.eventsAdded)
}

func (q *eventQueue) enqueueMessage(message Message, sequence *messageSequence) {
	if message.Number != 0 {
		if message.Number <= q.highestQueued {
			if message.Number <= q.highestConsumed {
				sequence.hasRepeats = true
				signal(q.eventsConsumed)
			}
			return
		}
		if q.messageCount >= maxQueuedMessages {
			sequence.hasOverflowed = true
		}
		if sequence.hasOverflowed {
			return
		}
		q.highestQueued = message.Number
	}
	q.events = append(q.events, message)
	q.messageCount++
}

// enqueueLatest adds an event and removes earlier ones with the same replacementKey,
// except one that the program is handling.
func (q *eventQueue) enqueueLatest(event Event) {
	protected := 0
	if q.isFirstYielded {
		protected = 1
	}
	q.events = slices.Concat(q.events[:protected:protected],
		slices.DeleteFunc(q.events[protected:],
			func(earlier Event) bool { return replacementKey(earlier) == replacementKey(event) }))
	q.events = append(q.events, event)
}

// replacementKey returns equal values for events of which only the latest matters. A
// message is its own key, because every message matters.
func replacementKey(event Event) any {
	switch e := event.(type) {
	case Presence:
		return Presence{Friend: e.Friend}
	case ReadMark:
		return ReadMark{Peer: e.Peer}
	case State:
		return State{}
	}
	return event
}

// finish ends the queue. With discard, remaining events are not yielded either, because
// a closed client could not confirm them.
func (q *eventQueue) finish(discard bool) {
	q.mu.Lock()
	q.isFinished, q.isDiscarded = true, discard
	q.mu.Unlock()
	signal(q.eventsAdded)
}

// acquireLoop waits until no other loop runs. It returns false if ctx ends first.
func (q *eventQueue) acquireLoop(ctx context.Context) bool {
	select {
	case q.loopSlot <- struct{}{}:
		signal(q.eventsConsumed)
		return true
	case <-ctx.Done():
		return false
	}
}

// releaseLoop ends a loop. A message that the loop did not consume stays first in the
// queue.
func (q *eventQueue) releaseLoop() {
	q.mu.Lock()
	if q.isFirstYielded {
		if _, ok := q.events[0].(Message); !ok {
			q.events = q.events[1:]
		}
		q.isFirstYielded = false
	}
	q.mu.Unlock()
	<-q.loopSlot
}

// waitForFirst returns the first event and leaves it in the queue. It returns false if
// ctx has ended or there will be no more events.
func (q *eventQueue) waitForFirst(ctx context.Context) (Event, bool) {
	for ctx.Err() == nil {
		q.mu.Lock()
		if len(q.events) > 0 && !q.isDiscarded {
			q.isFirstYielded = true
			event := q.events[0]
			q.mu.Unlock()
			return event, true
		}
		isFinished := q.isFinished
		q.mu.Unlock()
		if isFinished {
			return nil, false
		}
		select {
		case <-q.eventsAdded:
		case <-ctx.Done():
		}
	}
	return nil, false
}

// consumeFirst removes the first event after the program has handled it.
func (q *eventQueue) consumeFirst() {
	q.mu.Lock()
	if message, ok := q.events[0].(Message); ok {
		q.highestConsumed = max(q.highestConsumed, message.Number)
		q.messageCount--
	}
	q.events[0] = nil // releases the memory
	q.events = q.events[1:]
	q.isFirstYielded = false
	q.mu.Unlock()
	signal(q.eventsConsumed)
}

// lastConsumed returns the highest number that the program has consumed.
func (q *eventQueue) lastConsumed() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.highestConsumed
}

// clearRepeats reports whether the server repeated consumed messages since the last
// call. It then needs another confirmation, and pushes slowly until it has one.
func (q *eventQueue) clearRepeats(sequence *messageSequence) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	hadRepeats := sequence.hasRepeats
	sequence.hasRepeats = false
	return hadRepeats
}

// needsMessages reports whether a loop runs and has consumed every message.
func (q *eventQueue) needsMessages() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.loopSlot) > 0 && q.messageCount == 0
}

// needsReconnect reports whether messages of sequence were dropped and the queue has
// room again.
func (q *eventQueue) needsReconnect(sequence *messageSequence) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return sequence.hasOverflowed && q.messageCount == 0
}
