package service

import (
	"context"
	"slices"
	"time"
)

const (
	// A record from the client confirms what was written arrivalDelay before it or earlier (section 6
	// of the protocol).
	arrivalDelay = 5 * time.Second
	// Push times are rounded up to rangeTimeStep, so that entries of one step share a range.
	rangeTimeStep = 100 * time.Millisecond
	// maxPushedRanges limits the memory of a long connection on which an early entry stays unconfirmed.
	maxPushedRanges = 64
)

// pushedRange is a run of pushed entries: those above the previous range, up to lastNumber. All were
// written at pushedAt or shortly before.
type pushedRange struct {
	lastNumber uint64
	pushedAt   time.Duration
	state      deliveryState
}

// deliveryState is the state of entries that were pushed and are not confirmed.
type deliveryState uint8

const (
	// stateWritten means that a record from the client confirms the entries, if it comes late enough.
	stateWritten deliveryState = iota
	// stateDoubtful means that the latest entry may have reached the client together with an answer,
	// and is to be pushed again. A client that takes one read for one record may have missed it.
	stateDoubtful
	// stateLeftToPoll means that the entry was pushed often enough, and is handed out by the next
	// GetMsgEx.
	stateLeftToPoll
	// stateArrived means that the client has the entries, but an earlier entry is unconfirmed.
	stateArrived
)

// latestRangeLocked returns the range of the latest pushed entry, or nil if that entry is confirmed or
// the subscription has no pacer. sub.mu must be held.
func (sub *Subscription) latestRangeLocked() *pushedRange {
	if n := len(sub.pushedRanges); sub.pacer != nil && n > 0 {
		return &sub.pushedRanges[n-1]
	}
	return nil
}

// RecordReceived tells the service that the client has sent a record at the given time. It confirms the
// entries that were pushed at least arrivalDelay before, except doubtful ones (section 6 of the
// protocol). It does nothing if the client confirms by number.
func (sub *Subscription) RecordReceived(at time.Time) {
	writtenBy := sub.service.uptimeAt(at) - arrivalDelay
	sub.mu.Lock()
	hasMoved := !sub.hasEndedLocked() && sub.confirmWrittenByLocked(writtenBy)
	sub.mu.Unlock()
	if hasMoved {
		sub.service.scheduleSave(sub.consumer)
	}
}

// confirmWrittenByLocked marks the ranges written at or before an uptime as arrived, and reports
// whether lastConfirmed has moved. sub.mu must be held.
func (sub *Subscription) confirmWrittenByLocked(writtenBy time.Duration) bool {
	for i := range sub.pushedRanges {
		entryRange := &sub.pushedRanges[i]
		if entryRange.pushedAt > writtenBy {
			break
		}
		if entryRange.state == stateWritten {
			entryRange.state = stateArrived
		}
	}
	sub.mergeRangesLocked()
	return sub.confirmArrivedLocked()
}

// confirmArrivedLocked moves lastConfirmed over the leading ranges that have arrived, and reports
// whether it has moved. sub.mu must be held.
func (sub *Subscription) confirmArrivedLocked() bool {
	n := 0
	for n < len(sub.pushedRanges) && sub.pushedRanges[n].state == stateArrived {
		n++
	}
	if n == 0 {
		return false
	}
	sub.setConfirmedLocked(sub.pushedRanges[n-1].lastNumber)
	return true
}

// Confirm records that the client has the entries up to a number. After the first confirmation of a
// pushed entry, the session's entries are confirmed in this way only.
func (sub *Subscription) Confirm(entryNumber uint64) {
	isFirst := sub.noteFirstConfirmation(entryNumber)
	sub.mu.Lock()
	hasMoved := sub.confirmUpToLocked(min(entryNumber, sub.lastPushed))
	if isFirst {
		sub.skipDelayLocked()
	}
	sub.mu.Unlock()
	if isFirst {
		sub.service.saveConfirmsByNumberSoon(sub.consumer)
	}
	if hasMoved {
		sub.service.scheduleSave(sub.consumer)
	}
}

// noteFirstConfirmation returns true for the session's first confirmation of a pushed entry, and
// records that the session confirms by number.
func (sub *Subscription) noteFirstConfirmation(entryNumber uint64) bool {
	account := sub.consumer.account
	account.mu.Lock() // the session must not be replaced meanwhile
	defer account.mu.Unlock()
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.confirmsByNumber || sub.hasEndedLocked() || min(entryNumber, sub.lastPushed) <= sub.startNumber {
		return false
	}
	sub.consumer.confirmsByNumber = true
	sub.configurePacerLocked(true)
	return true
}

// confirmUpToLocked confirms entries up to a number, and reports whether that is new. sub.mu must be
// held.
func (sub *Subscription) confirmUpToLocked(upTo uint64) bool {
	if sub.hasEndedLocked() || upTo <= sub.lastConfirmed {
		return false
	}
	sub.setConfirmedLocked(upTo)
	return true
}

// setConfirmedLocked raises lastConfirmed and drops the ranges up to it. sub.mu must be held.
func (sub *Subscription) setConfirmedLocked(entryNumber uint64) {
	sub.lastConfirmed = max(sub.lastConfirmed, entryNumber)
	sub.pushedRanges = slices.DeleteFunc(sub.pushedRanges,
		func(entryRange pushedRange) bool { return entryRange.lastNumber <= entryNumber })
	if len(sub.pushedRanges) == 0 {
		sub.pushedRanges = nil
	}
}

// confirmCollected records that entries left to GetMsgEx were handed out up to cursor.
func (sub *Subscription) confirmCollected(cursor uint64) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if sub.confirmUpToLocked(cursor) {
		sub.confirmArrivedLocked()
	}
}

// addPushedEntryLocked adds an entry that was written to the connection. standsAlone means that no
// answer was written just before it. sub.mu must be held.
func (sub *Subscription) addPushedEntryLocked(entryNumber uint64, now time.Duration, standsAlone bool) {
	switch {
	case entryNumber <= sub.lastConfirmed || sub.confirmsByNumber:
	case sub.pacer != nil:
		entryRange := pushedRange{entryNumber, now, stateWritten}
		if !standsAlone {
			entryRange.state = stateDoubtful
		}
		if previous := sub.latestRangeLocked(); previous != nil && previous.lastNumber == entryNumber {
			*previous = entryRange
			sub.pacer.repeats++
			return
		}
		sub.pushedRanges = append(sub.pushedRanges, entryRange)
		sub.pacer.repeats = 0
		sub.mergeRangesLocked()
	default:
		if rest := now % rangeTimeStep; rest > 0 {
			now += rangeTimeStep - rest
		}
		if n := len(sub.pushedRanges); n > 0 && sub.pushedRanges[n-1].pushedAt == now {
			sub.pushedRanges[n-1].lastNumber = entryNumber
			return
		}
		sub.pushedRanges = append(sub.pushedRanges, pushedRange{entryNumber, now, stateWritten})
		sub.mergeRangesLocked()
	}
}

// mergeRangesLocked joins neighbouring ranges of the same state. Ranges in stateWritten are joined only
// if they are older than arrivalDelay, because the next record confirms them together. sub.mu must be
// held.
func (sub *Subscription) mergeRangesLocked() {
	if len(sub.pushedRanges) < 2 {
		return
	}
	latestRange := sub.pushedRanges[len(sub.pushedRanges)-1]
	merged := sub.pushedRanges[:1]
	for _, entryRange := range sub.pushedRanges[1:] {
		previous := &merged[len(merged)-1]
		if entryRange.state == previous.state &&
			(entryRange.state != stateWritten || latestRange.pushedAt-entryRange.pushedAt >= arrivalDelay) {
			*previous = entryRange
		} else {
			merged = append(merged, entryRange)
		}
	}
	// All ranges but the latest become one that is left to GetMsgEx. Some of its entries may arrive twice.
	if n := len(merged); n > maxPushedRanges {
		merged = append(merged[:0], pushedRange{merged[n-2].lastNumber, merged[n-2].pushedAt, stateLeftToPoll},
			latestRange)
	}
	sub.pushedRanges = merged
}

// saveConfirmsByNumberSoon stores in the background that the session confirms by number, and retries if
// that fails. A restart before that loses it.
func (s *Service) saveConfirmsByNumberSoon(c *consumer) {
	const task = "store that a client confirms by number"
	s.background.start(task, func(ctx context.Context) {
		if err := s.saveConfirmsByNumber(context.WithoutCancel(ctx), c); err != nil {
			s.log.Debug("cannot "+task, "account", c.account.uin, "error", err)
			s.background.startAfter(retryInterval, task, func(context.Context) { s.saveConfirmsByNumberSoon(c) })
		}
	})
}

func (s *Service) saveConfirmsByNumber(ctx context.Context, c *consumer) error {
	account := c.account
	if err := account.changeLock.acquire(ctx); err != nil { // the session must not be renewed meanwhile
		return err
	}
	defer account.changeLock.release()
	account.mu.Lock()
	session, confirmsByNumber := account.sessionOnDeviceLocked(c.device), c.confirmsByNumber
	account.mu.Unlock()
	if session == nil || !confirmsByNumber {
		return nil // another session has taken its place
	}
	details := session.details
	details.ConfirmsByNumber = true
	return s.store.SetConfirmsByNumber(ctx, details)
}
