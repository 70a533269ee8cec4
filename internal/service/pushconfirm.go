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
// the subscription has no pacer. f.mu must be held.
func (f *Subscription) latestRangeLocked() *pushedRange {
	if n := len(f.pushedRanges); f.pacer != nil && n > 0 {
		return &f.pushedRanges[n-1]
	}
	return nil
}

// RecordReceived tells the service that the client has sent a record at the given time. It confirms the
// entries that were pushed at least arrivalDelay before, except doubtful ones (section 6 of the
// protocol). It does nothing if the client confirms by number.
func (f *Subscription) RecordReceived(at time.Time) {
	writtenBy := f.service.uptimeAt(at) - arrivalDelay
	f.mu.Lock()
	hasMoved := !f.hasEndedLocked() && f.confirmWrittenByLocked(writtenBy)
	f.mu.Unlock()
	if hasMoved {
		f.service.scheduleSave(f.consumer)
	}
}

// confirmWrittenByLocked marks the ranges written at or before an uptime as arrived, and reports
// whether lastConfirmed has moved. f.mu must be held.
func (f *Subscription) confirmWrittenByLocked(writtenBy time.Duration) bool {
	for i := range f.pushedRanges {
		entryRange := &f.pushedRanges[i]
		if entryRange.pushedAt > writtenBy {
			break
		}
		if entryRange.state == stateWritten {
			entryRange.state = stateArrived
		}
	}
	f.mergeRangesLocked()
	return f.confirmArrivedLocked()
}

// confirmArrivedLocked moves lastConfirmed over the leading ranges that have arrived, and reports
// whether it has moved. f.mu must be held.
func (f *Subscription) confirmArrivedLocked() bool {
	n := 0
	for n < len(f.pushedRanges) && f.pushedRanges[n].state == stateArrived {
		n++
	}
	if n == 0 {
		return false
	}
	f.setConfirmedLocked(f.pushedRanges[n-1].lastNumber)
	return true
}

// Confirm records that the client has the entries up to a number. After the first confirmation of a
// pushed entry, the session's entries are confirmed in this way only.
func (f *Subscription) Confirm(entryNumber uint64) {
	isFirst := f.noteFirstConfirmation(entryNumber)
	f.mu.Lock()
	hasMoved := f.confirmUpToLocked(min(entryNumber, f.lastPushed))
	if isFirst {
		f.skipDelayLocked()
	}
	f.mu.Unlock()
	if isFirst {
		f.service.saveConfirmsByNumberSoon(f.consumer)
	}
	if hasMoved {
		f.service.scheduleSave(f.consumer)
	}
}

// noteFirstConfirmation returns true for the session's first confirmation of a pushed entry, and
// records that the session confirms by number.
func (f *Subscription) noteFirstConfirmation(entryNumber uint64) bool {
	account := f.consumer.account
	account.mu.Lock() // the session must not be replaced meanwhile
	defer account.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.confirmsByNumber || f.hasEndedLocked() || min(entryNumber, f.lastPushed) <= f.startNumber {
		return false
	}
	f.consumer.confirmsByNumber = true
	f.configurePacerLocked(true)
	return true
}

// confirmUpToLocked confirms entries up to a number, and reports whether that is new. f.mu must be
// held.
func (f *Subscription) confirmUpToLocked(upTo uint64) bool {
	if f.hasEndedLocked() || upTo <= f.lastConfirmed {
		return false
	}
	f.setConfirmedLocked(upTo)
	return true
}

// setConfirmedLocked raises lastConfirmed and drops the ranges up to it. f.mu must be held.
func (f *Subscription) setConfirmedLocked(entryNumber uint64) {
	f.lastConfirmed = max(f.lastConfirmed, entryNumber)
	f.pushedRanges = slices.DeleteFunc(f.pushedRanges,
		func(entryRange pushedRange) bool { return entryRange.lastNumber <= entryNumber })
	if len(f.pushedRanges) == 0 {
		f.pushedRanges = nil
	}
}

// confirmCollected records that entries left to GetMsgEx were handed out up to cursor.
func (f *Subscription) confirmCollected(cursor uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.confirmUpToLocked(cursor) {
		f.confirmArrivedLocked()
	}
}

// addPushedEntryLocked adds an entry that was written to the connection. standsAlone means that no
// answer was written just before it. f.mu must be held.
func (f *Subscription) addPushedEntryLocked(entryNumber uint64, now time.Duration, standsAlone bool) {
	switch {
	case entryNumber <= f.lastConfirmed || f.confirmsByNumber:
	case f.pacer != nil:
		entryRange := pushedRange{entryNumber, now, stateWritten}
		if !standsAlone {
			entryRange.state = stateDoubtful
		}
		if previous := f.latestRangeLocked(); previous != nil && previous.lastNumber == entryNumber {
			*previous = entryRange
			f.pacer.repeats++
			return
		}
		f.pushedRanges = append(f.pushedRanges, entryRange)
		f.pacer.repeats = 0
		f.mergeRangesLocked()
	default:
		if rest := now % rangeTimeStep; rest > 0 {
			now += rangeTimeStep - rest
		}
		if n := len(f.pushedRanges); n > 0 && f.pushedRanges[n-1].pushedAt == now {
			f.pushedRanges[n-1].lastNumber = entryNumber
			return
		}
		f.pushedRanges = append(f.pushedRanges, pushedRange{entryNumber, now, stateWritten})
		f.mergeRangesLocked()
	}
}

// mergeRangesLocked joins neighbouring ranges of the same state. Ranges in stateWritten are joined only
// if they are older than arrivalDelay, because the next record confirms them together. f.mu must be
// held.
func (f *Subscription) mergeRangesLocked() {
	if len(f.pushedRanges) < 2 {
		return
	}
	latestRange := f.pushedRanges[len(f.pushedRanges)-1]
	merged := f.pushedRanges[:1]
	for _, entryRange := range f.pushedRanges[1:] {
		previous := &merged[len(merged)-1]
		if entryRange.state == previous.state &&
			(entryRange.state != stateWritten || latestRange.pushedAt-entryRange.pushedAt >= arrivalDelay) {
			*previous = entryRange
		} else {
			merged = append(merged, entryRange)
		}
	}
	// the oldest ranges become one, left to GetMsgEx: some entries may arrive twice
	if n := len(merged); n > maxPushedRanges {
		merged = append(merged[:0], pushedRange{merged[n-2].lastNumber, merged[n-2].pushedAt, stateLeftToPoll},
			latestRange)
	}
	f.pushedRanges = merged
}

// saveConfirmsByNumberSoon stores in the background that the session confirms by number, and retries if
// that fails. A restart before that loses it.
func (s *Service) saveConfirmsByNumberSoon(c *consumer) {
	const task = "store that a client confirms by number"
	s.background.start(task, func() {
		if err := s.saveConfirmsByNumber(context.Background(), c); err != nil {
			s.log.Debug("cannot "+task, "account", c.account.uin, "error", err)
			s.background.startAfter(retryInterval, task, func() { s.saveConfirmsByNumberSoon(c) })
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
