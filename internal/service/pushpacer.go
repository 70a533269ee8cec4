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
func (sub *Subscription) RequestStarted() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.pacer != nil {
		sub.pacer.answering = true
	}
}

// AnswerWritten tells the service that an answer was written to the connection. The client may read it
// together with a push shortly before, so that the push is repeated.
func (sub *Subscription) AnswerWritten() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.pacer == nil {
		return
	}
	now := sub.service.uptime()
	sub.pacer.answeredAt = now
	if entryRange := sub.latestRangeLocked(); entryRange != nil && entryRange.state == stateWritten &&
		now-entryRange.pushedAt < minPushGap {
		entryRange.state = stateDoubtful
		sub.wakeLocked()
	}
}

// RequestsDone tells the service that all requests on the connection are answered.
func (sub *Subscription) RequestsDone() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.pacer != nil && sub.pacer.answering {
		sub.pacer.answering = false
		sub.skipDelayLocked()
	}
}

// configurePacerLocked sets or removes the pacer. An unframed connection of an address session needs
// one until the session confirms by number. sub.mu must be held.
func (sub *Subscription) configurePacerLocked(confirmsByNumber bool) {
	if sub.confirmsByNumber = confirmsByNumber; confirmsByNumber {
		sub.pushedRanges = nil // only the client's confirmations count from now on
	}
	switch needsPacing := sub.consumer.device == "" && !sub.sink.Framed() && !confirmsByNumber; {
	case !needsPacing:
		sub.pacer = nil
	case sub.pacer == nil:
		now := sub.service.uptime()
		sub.pacer = &pushPacer{answeredAt: now, pushedAt: now}
	}
}

// doubtfulNumberLocked returns the number of the latest entry if it is doubtful, else 0. sub.mu must be
// held.
func (sub *Subscription) doubtfulNumberLocked() uint64 {
	if entryRange := sub.latestRangeLocked(); entryRange != nil && entryRange.state == stateDoubtful {
		return entryRange.lastNumber
	}
	return 0
}

// claimRepeatNumber returns the number of the entry to be pushed again, or 0. After maxEntryRepeats
// repeats it leaves the entry to GetMsgEx.
func (sub *Subscription) claimRepeatNumber() uint64 {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	entryNumber := sub.doubtfulNumberLocked()
	if entryNumber > 0 && sub.pacer.repeats == maxEntryRepeats {
		sub.latestRangeLocked().state = stateLeftToPoll
		sub.mergeRangesLocked()
		return 0
	}
	return entryNumber
}

// pollableUpTo returns the number up to which entries are left to GetMsgEx, or 0 if the next entry is
// not. It also returns 0 shortly after a push: the client might read the answer together with that
// push, and only another GetMsgEx would show whether the answer arrived.
func (sub *Subscription) pollableUpTo() uint64 {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if len(sub.pushedRanges) == 0 || sub.pushedRanges[0].state != stateLeftToPoll {
		return 0
	}
	if sub.pacer != nil && sub.service.uptime()-sub.pacer.pushedAt < minPushGap {
		return 0
	}
	return sub.pushedRanges[0].lastNumber
}
