package service

import "time"

const (
	// minPushGap separates a push from other records on a line. Some clients take the result of one
	// read for one record, and need up to a second to process it (section 1.2 of the protocol).
	minPushGap = 1500 * time.Millisecond
	// maxPushDelay is how long a push waits for a gap at most.
	maxPushDelay = 6 * time.Second
	// maxEntryRepeats is how often a doubtful entry is pushed again. After that it is left to GetMsgEx.
	maxEntryRepeats = 3
)

// pushPacer decides when the next push may be written to a client that may take one read for one
// record. It also records whether a push stood alone. The subscription's mu guards it.
type pushPacer struct {
	// answering means that a request is being answered.
	answering bool
	// answeredAt and pushedAt are the uptimes of the latest answer and the latest push. The answer to
	// the sign-in counts.
	answeredAt, pushedAt time.Duration
	// hasPending means that an event waits to be pushed. It has waited since pendingSince.
	hasPending   bool
	pendingSince time.Duration
	// repeats is how often the latest entry was pushed again.
	repeats int
}

// pushDelay returns how long the next push has to wait. A nil pushPacer requires no delay.
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

// recordPush records a push and reports whether it stands alone so far.
func (p *pushPacer) recordPush(now time.Duration) (standsAlone bool) {
	p.pushedAt, p.hasPending = now, false
	return now-p.answeredAt >= minPushGap
}

// RequestStarted tells the service that a request has arrived on the connection and is being answered.
func (f *Subscription) RequestStarted() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pacer != nil {
		f.pacer.answering = true
	}
}

// AnswerWritten tells the service that an answer was written to the connection. The client may read it
// together with a push shortly before, so that the push is repeated.
func (f *Subscription) AnswerWritten() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pacer == nil {
		return
	}
	now := f.service.uptime()
	f.pacer.answeredAt = now
	if entryRange := f.latestRangeLocked(); entryRange != nil && entryRange.state == stateWritten &&
		now-entryRange.pushedAt < minPushGap {
		entryRange.state = stateDoubtful
		f.wakeLocked()
	}
}

// RequestsDone tells the service that all requests on the connection are answered.
func (f *Subscription) RequestsDone() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pacer != nil && f.pacer.answering {
		f.pacer.answering = false
		f.skipDelayLocked()
	}
}

// configurePacerLocked sets or removes the pacer. An unframed connection of an address session needs
// one until the session confirms by number. f.mu must be held.
func (f *Subscription) configurePacerLocked(confirmsByNumber bool) {
	if f.confirmsByNumber = confirmsByNumber; confirmsByNumber {
		f.pushedRanges = nil // only the client's confirmations count from now on
	}
	switch needsPacing := f.consumer.device == "" && !f.sink.Framed() && !confirmsByNumber; {
	case !needsPacing:
		f.pacer = nil
	case f.pacer == nil:
		now := f.service.uptime()
		f.pacer = &pushPacer{answeredAt: now, pushedAt: now}
	}
}

// doubtfulNumberLocked returns the number of the latest entry if it is doubtful, else 0. f.mu must be
// held.
func (f *Subscription) doubtfulNumberLocked() uint64 {
	if entryRange := f.latestRangeLocked(); entryRange != nil && entryRange.state == stateDoubtful {
		return entryRange.lastNumber
	}
	return 0
}

// claimRepeatNumber returns the number of the entry to be pushed again, or 0. After maxEntryRepeats
// repeats it leaves the entry to GetMsgEx.
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

// pollableUpTo returns the number up to which entries are left to GetMsgEx, or 0 if the next entry is
// not. It also returns 0 shortly after a push: the client might read the answer together with that
// push, and only another GetMsgEx would show whether the answer arrived.
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
