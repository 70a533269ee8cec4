package service

import "time"

const (
	// minPushGap keeps what is written on a line apart: some clients take what one
	// read returns for one record, and are busy for a second with each (section
	// 1.2 of the protocol).
	minPushGap = 1500 * time.Millisecond
	// maxPushDelay is how long a push waits for such a gap at most.
	maxPushDelay = 6 * time.Second
	// maxEntryRepeats is how often an entry is pushed again that may have come
	// together with an answer. Then it is left to GetMsgEx.
	maxEntryRepeats = 3
)

// pushPacer is when a feed may push to a client that may take one read for one
// record, and whether what was pushed stood alone. The feed's mu guards it.
type pushPacer struct {
	// open: a request is being answered.
	answering bool
	// answeredAt and pushed are when the latest answer and the latest push were
	// stateWritten. The answer that the connection was bound with is one.
	answeredAt, pushedAt time.Duration
	// waiting: something is to be pushed; since is when it was found, or when
	// the push before was written.
	hasPending   bool
	pendingSince time.Duration
	// repeats is how often the latest entry was pushed again.
	repeats int
}

// pushDelay is how long what waits has to wait still. Without a pace it does not.
func (p *pushPacer) pushDelay(hasPending bool, now time.Duration) time.Duration {
	if p == nil {
		return 0
	}
	if hasPending && !p.hasPending {
		p.pendingSince = now
	}
	if p.hasPending = hasPending; !hasPending {
		return 0
	}
	remaining := p.pendingSince + maxPushDelay - now
	if p.answering {
		return remaining
	}
	return min(max(p.answeredAt, p.pushedAt)+minPushGap-now, remaining)
}

// recordPush notes a push, and reports whether it stands alone so far.
func (p *pushPacer) recordPush(now time.Duration) (standsAlone bool) {
	p.pushedAt, p.hasPending = now, false
	return now-p.answeredAt >= minPushGap
}

// RequestStarted says that a request has come on the connection, and is being answered.
func (f *Subscription) RequestStarted() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pacer != nil {
		f.pacer.answering = true
	}
}

// AnswerWritten says that an answer was written to the connection. A push just
// before it may have come together with it, and is made again.
func (f *Subscription) AnswerWritten() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pacer == nil {
		return
	}
	now := f.service.uptime()
	f.pacer.answeredAt = now
	if entryRange := f.latestRangeLocked(); entryRange != nil && entryRange.state == stateWritten && now-entryRange.pushedAt < minPushGap {
		entryRange.state = stateDoubtful
		f.wakeLocked()
	}
}

// RequestsDone says that all requests on the connection have been answered.
func (f *Subscription) RequestsDone() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pacer != nil && f.pacer.answering {
		f.pacer.answering = false
		f.skipDelayLocked()
	}
}

// configurePacerLocked decides whether what is pushed has to stand alone: on a connection
// whose client may take one read for one record, until its session has
// confirmed by number. mu is held.
func (f *Subscription) configurePacerLocked(confirmsByNumber bool) {
	if f.confirmsByNumber = confirmsByNumber; confirmsByNumber {
		f.pushedRanges = nil // nobody asks for them any more
	}
	switch needsPacing := f.consumer.device == "" && !f.sink.Framed() && !confirmsByNumber; {
	case !needsPacing:
		f.pacer = nil
	case f.pacer == nil:
		now := f.service.uptime()
		f.pacer = &pushPacer{answeredAt: now, pushedAt: now}
	}
}

// doubtfulNumberLocked is the number of the latest entry if it may have come together with an
// answer, else 0. mu is held.
func (f *Subscription) doubtfulNumberLocked() uint64 {
	if entryRange := f.latestRangeLocked(); entryRange != nil && entryRange.state == stateDoubtful {
		return entryRange.lastNumber
	}
	return 0
}

// claimRepeatNumber is the number of an entry that is to be pushed again, 0 if there is
// none. One that was pushed often enough is left to GetMsgEx.
func (f *Subscription) claimRepeatNumber() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	entryNumber := f.doubtfulNumberLocked()
	if entryNumber > 0 && f.pacer.repeats == maxEntryRepeats {
		f.latestRangeLocked().state = stateLeftToPoll
		f.mergeRangesLocked()
		return 0
	}
	return entryNumber
}

// pollableUpTo is the number up to which entries are left to GetMsgEx, 0 if the next
// one is not. Just behind a push none is: the answer could come together with
// it, and nothing but a GetMsgEx tells whether it arrived.
func (f *Subscription) pollableUpTo() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.pushedRanges) == 0 || f.pushedRanges[0].state != stateLeftToPoll {
		return 0
	}
	if f.pacer != nil && f.service.uptime()-f.pacer.pushedAt < minPushGap {
		return 0
	}
	return f.pushedRanges[0].lastNumber
}
