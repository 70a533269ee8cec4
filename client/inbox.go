package client

import (
	"context"
	"slices"
	"sync"
)

// eventQueue is what waits for the program's loop.
type eventQueue struct {
	// pollSEQ is that of the GetMsgEx that was not answered yet, empty if there is
	// none. Only whoever tends the link uses it.
	pollSEQ string
	// loop holds a token while a loop runs.
	loop chan struct{}
	// arrivals and notices hold a token when there may be something new for the
	// loop, and for whoever tends the link.
	arrivals, notices chan struct{}

	mu       sync.Mutex // guards all below
	events   []Event
	messages int  // how many of the events are messages
	yielded  bool // the first event is with the program
	finished bool // nothing comes any more
	closed   bool // and what has come is not wanted
	// highest and done are the highest numbers that have come, and that the
	// program has taken.
	highest, done uint64
}

// messageSequence is what comes over one link: messages by rising numbers. If one must be
// dropped, all behind it are, up to the flow's end: the next link's begins with
// what was not confirmed.
type messageSequence struct { // all guarded by the inbox's mu
	ended    bool // by a message that was dropped
	repeated bool // by a message that the program had taken
}

// maxWaiting bounds the messages that are kept for a slow program.
const maxWaiting = 1024

func newInbox() *eventQueue {
	return &eventQueue{loop: make(chan struct{}, 1), arrivals: make(chan struct{}, 1), notices: make(chan struct{}, 1)}
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// put adds an event. A message that came before is dropped, and so is one for
// which there is no room. Only for messages with numbers there need be a flow.
func (b *eventQueue) put(event Event, sequence *messageSequence) {
	b.mu.Lock()
	if message, ok := event.(Message); ok {
		b.putMessage(message, sequence)
	} else {
		b.putLatest(event)
	}
	b.mu.Unlock()
	signal(b.arrivals)
}

func (b *eventQueue) putMessage(message Message, sequence *messageSequence) {
	if message.Number != 0 {
		if message.Number <= b.highest {
			if message.Number <= b.done {
				sequence.repeated = true
				signal(b.notices)
			}
			return
		}
		if b.messages >= maxWaiting {
			sequence.ended = true
		}
		if sequence.ended {
			return
		}
		b.highest = message.Number
	}
	b.events = append(b.events, message)
	b.messages++
}

// putLatest adds an event in the place of an earlier one about the same.
func (b *eventQueue) putLatest(event Event) {
	first := 0
	if b.yielded {
		first = 1
	}
	b.events = slices.Concat(b.events[:first:first], slices.DeleteFunc(b.events[first:], func(earlier Event) bool { return subject(earlier) == subject(event) }))
	b.events = append(b.events, event)
}

// subject is what an event is about, the event itself for a message: of those
// each counts.
func subject(event Event) any {
	switch e := event.(type) {
	case Presence:
		return Presence{Friend: e.Friend}
	case ReadMark:
		return ReadMark{With: e.With}
	case State:
		return State{}
	}
	return event
}

// finish says that nothing comes any more; if the client is closed, what waits
// is left too: it could not be confirmed.
func (b *eventQueue) finish(closed bool) {
	b.mu.Lock()
	b.finished, b.closed = true, closed
	b.mu.Unlock()
	signal(b.arrivals)
}

// begin waits until no other loop runs, and reports whether ctx still lives.
func (b *eventQueue) begin(ctx context.Context) bool {
	select {
	case b.loop <- struct{}{}:
		signal(b.notices)
		return true
	case <-ctx.Done():
		return false
	}
}

// leave ends a loop. A message that it did not come back from is the next one's.
func (b *eventQueue) leave() {
	b.mu.Lock()
	if b.yielded {
		if _, ok := b.events[0].(Message); !ok {
			b.events = b.events[1:]
		}
		b.yielded = false
	}
	b.mu.Unlock()
	<-b.loop
}

// next waits for the first event and leaves it where it is. It reports false
// when there will be none, or ctx has ended.
func (b *eventQueue) next(ctx context.Context) (Event, bool) {
	for ctx.Err() == nil {
		b.mu.Lock()
		if len(b.events) > 0 && !b.closed {
			b.yielded = true
			event := b.events[0]
			b.mu.Unlock()
			return event, true
		}
		finished := b.finished
		b.mu.Unlock()
		if finished {
			return nil, false
		}
		select {
		case <-b.arrivals:
		case <-ctx.Done():
		}
	}
	return nil, false
}

// took says that the program has taken the first event.
func (b *eventQueue) took() {
	b.mu.Lock()
	if message, ok := b.events[0].(Message); ok {
		b.done = max(b.done, message.Number)
		b.messages--
	}
	b.events[0] = nil // for the collector of garbage
	b.events = b.events[1:]
	b.yielded = false
	b.mu.Unlock()
	signal(b.notices)
}

// taken is the highest number that the program has taken.
func (b *eventQueue) taken() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done
}

// repeats reports whether a flow has repeated messages that the program had taken,
// once: the server does not know yet, and waits between them.
func (b *eventQueue) repeats(sequence *messageSequence) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	repeated := sequence.repeated
	sequence.repeated = false
	return repeated
}

// hungry reports whether a loop runs and has taken all messages.
func (b *eventQueue) hungry() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.loop) > 0 && b.messages == 0
}

// lacks reports whether messages of a flow were dropped and there is room again.
func (b *eventQueue) lacks(sequence *messageSequence) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return sequence.ended && b.messages == 0
}
