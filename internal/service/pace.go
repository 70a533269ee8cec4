package service

import "time"

const (
	// pushGap keeps what is written on a line apart: some clients take what one
	// read returns for one record, and are busy for a second with each (section
	// 1.2 of the protocol).
	pushGap = 1500 * time.Millisecond
	// longestPushWait is how long a push waits for such a gap at most.
	longestPushWait = 6 * time.Second
	// mostRepeats is how often an entry is pushed again that may have come
	// together with an answer. Then it is left to GetMsgEx.
	mostRepeats = 3
)

// pushPacer is when a feed may push to a client that may take one read for one
// record, and whether what was pushed stood alone. The feed's mu guards it.
type pushPacer struct {
	// open: a request is being answered.
	open bool
	// answered and pushed are when the latest answer and the latest push were
	// written. The answer that the connection was bound with is one.
	answered, pushed time.Duration
	// waiting: something is to be pushed; since is when it was found, or when
	// the push before was written.
	waiting bool
	since   time.Duration
	// repeats is how often the latest entry was pushed again.
	repeats int
}

// pause is how long what waits has to wait still. Without a pace it does not.
func (p *pushPacer) pause(waiting bool, now time.Duration) time.Duration {
	if p == nil {
		return 0
	}
	if waiting && !p.waiting {
		p.since = now
	}
	if p.waiting = waiting; !waiting {
		return 0
	}
	atMost := p.since + longestPushWait - now
	if p.open {
		return atMost
	}
	return min(max(p.answered, p.pushed)+pushGap-now, atMost)
}

// wrote notes a push, and reports whether it stands alone so far.
func (p *pushPacer) wrote(now time.Duration) (alone bool) {
	p.pushed, p.waiting = now, false
	return now-p.answered >= pushGap
}

// Asked says that a request has come on the connection, and is being answered.
func (f *Subscription) Asked() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pace != nil {
		f.pace.open = true
	}
}

// Answered says that an answer was written to the connection. A push just
// before it may have come together with it, and is made again.
func (f *Subscription) Answered() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pace == nil {
		return
	}
	now := f.service.uptime()
	f.pace.answered = now
	if pushed := f.latest(); pushed != nil && pushed.fate == written && now-pushed.at < pushGap {
		pushed.fate = doubtful
		f.look()
	}
}

// Idle says that all requests on the connection have been answered.
func (f *Subscription) Idle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pace != nil && f.pace.open {
		f.pace.open = false
		f.hurry()
	}
}

// setPace decides whether what is pushed has to stand alone: on a connection
// whose client may take one read for one record, until its session has
// confirmed by number. mu is held.
func (f *Subscription) setPace(byNumber bool) {
	if f.byNumber = byNumber; byNumber {
		f.waves = nil // nobody asks for them any more
	}
	switch paced := f.box.device == "" && !f.out.Framed() && !byNumber; {
	case !paced:
		f.pace = nil
	case f.pace == nil:
		now := f.service.uptime()
		f.pace = &pushPacer{answered: now, pushed: now}
	}
}

// doubted is the number of the latest entry if it may have come together with an
// answer, else 0. mu is held.
func (f *Subscription) doubted() uint64 {
	if pushed := f.latest(); pushed != nil && pushed.fate == doubtful {
		return pushed.upTo
	}
	return 0
}

// again is the number of an entry that is to be pushed again, 0 if there is
// none. One that was pushed often enough is left to GetMsgEx.
func (f *Subscription) again() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	number := f.doubted()
	if number > 0 && f.pace.repeats == mostRepeats {
		f.latest().fate = left
		f.tidy()
		return 0
	}
	return number
}

// left is the number up to which entries are left to GetMsgEx, 0 if the next
// one is not. Just behind a push none is: the answer could come together with
// it, and nothing but a GetMsgEx tells whether it arrived.
func (f *Subscription) left() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waves) == 0 || f.waves[0].fate != left {
		return 0
	}
	if f.pace != nil && f.service.uptime()-f.pace.pushed < pushGap {
		return 0
	}
	return f.waves[0].upTo
}
