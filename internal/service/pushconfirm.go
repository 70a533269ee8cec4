package service

import (
	"context"
	"slices"
	"time"
)

const (
	// arrivalDelay: what was written this long before a record came has arrived
	// (section 6 of the protocol).
	arrivalDelay = 5 * time.Second
	// rangeTimeStep is how finely it is remembered when entries were written.
	rangeTimeStep = 100 * time.Millisecond
	// maxPushedRanges bounds what is remembered of a connection that goes on for long
	// beside an entry that is left to GetMsgEx.
	maxPushedRanges = 64
)

// pushedRange is the pushed entries up to a number, above the wave before. They were
// stateWritten at a time, or a little before.
type pushedRange struct {
	lastNumber uint64
	pushedAt   time.Duration
	state      deliveryState
}

// deliveryState is what became of entries that were pushed and are not confirmed.
type deliveryState uint8

const (
	// stateWritten: a record that comes late enough says that they have arrived.
	stateWritten deliveryState = iota
	// stateDoubtful: the latest entry may have come together with an answer, and is
	// to be pushed again.
	stateDoubtful
	// stateLeftToPoll: pushed often enough, and left to GetMsgEx.
	stateLeftToPoll
	// stateArrived: but an entry before them has not.
	stateArrived
)

// latestRangeLocked is the wave of the latest entry on a connection with a pace, nil if
// that is confirmed. mu is held.
func (f *Subscription) latestRangeLocked() *pushedRange {
	if n := len(f.pushedRanges); f.pacer != nil && n > 0 {
		return &f.pushedRanges[n-1]
	}
	return nil
}

// RecordReceived says that a record came on the connection at a time of the service's
// clock: what was pushed long enough before has arrived (section 6 of the
// protocol), unless it may have come together with an answer. Of a client that
// confirms by number it says nothing.
func (f *Subscription) RecordReceived(at time.Time) {
	writtenBy := f.service.uptimeAt(at) - arrivalDelay
	f.mu.Lock()
	hasMoved := !f.hasEndedLocked() && f.confirmWrittenByLocked(writtenBy)
	f.mu.Unlock()
	if hasMoved {
		f.service.scheduleSave(f.consumer)
	}
}

// confirmWrittenByLocked notes that what was written by a time has arrived, and reports
// whether the place has moved. mu is held.
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

// confirmArrivedLocked moves the place over what has arrived, and reports whether it has
// moved. mu is held.
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

// Confirm says that the client has the entries up to a number. From the first
// confirmation of a push on, nothing else confirms for the session.
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

// noteFirstConfirmation reports whether the session confirms a push by number for the
// first time, and then notes it.
func (f *Subscription) noteFirstConfirmation(entryNumber uint64) bool {
	account := f.consumer.account
	account.mu.Lock() // it is noted of this session, and not of one that follows
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

// confirmUpToLocked notes that entries have arrived, and reports whether that is new. mu
// is held.
func (f *Subscription) confirmUpToLocked(upTo uint64) bool {
	if f.hasEndedLocked() || upTo <= f.lastConfirmed {
		return false
	}
	f.setConfirmedLocked(upTo)
	return true
}

// setConfirmedLocked moves the place. mu is held.
func (f *Subscription) setConfirmedLocked(entryNumber uint64) {
	f.lastConfirmed = max(f.lastConfirmed, entryNumber)
	f.pushedRanges = slices.DeleteFunc(f.pushedRanges, func(entryRange pushedRange) bool { return entryRange.lastNumber <= entryNumber })
	if len(f.pushedRanges) == 0 {
		f.pushedRanges = nil
	}
}

// confirmCollected says that entries that were left to GetMsgEx were handed out.
func (f *Subscription) confirmCollected(cursor uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.confirmUpToLocked(cursor) {
		f.confirmArrivedLocked()
	}
}

// addPushedEntryLocked notes that an entry was handed to the network. alone: no answer was
// stateWritten just before. mu is held.
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

// mergeRangesLocked makes one wave of those that share their fate: what the next record
// confirms in any case, what is left, what has arrived. mu is held.
func (f *Subscription) mergeRangesLocked() {
	if len(f.pushedRanges) < 2 {
		return
	}
	latestRange := f.pushedRanges[len(f.pushedRanges)-1]
	merged := f.pushedRanges[:1]
	for _, entryRange := range f.pushedRanges[1:] {
		previous := &merged[len(merged)-1]
		if entryRange.state == previous.state && (entryRange.state != stateWritten || latestRange.pushedAt-entryRange.pushedAt >= arrivalDelay) {
			*previous = entryRange
		} else {
			merged = append(merged, entryRange)
		}
	}
	if n := len(merged); n > maxPushedRanges { // some that have arrived come again
		merged = append(merged[:0], pushedRange{merged[n-2].lastNumber, merged[n-2].pushedAt, stateLeftToPoll}, latestRange)
	}
	f.pushedRanges = merged
}

// saveConfirmsByNumberSoon stores that the session of a collector has confirmed by number,
// for nobody who waits. A restart before that forgets it.
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
	if err := account.changeLock.acquire(ctx); err != nil { // so that the session is not renewed meanwhile
		return err
	}
	defer account.changeLock.release()
	account.mu.Lock()
	session, confirmsByNumber := account.sessionOnDeviceLocked(c.device), c.confirmsByNumber
	account.mu.Unlock()
	if session == nil || !confirmsByNumber {
		return nil // another session, that has not
	}
	details := session.details
	details.ConfirmsByNumber = true
	return s.store.SetConfirmsByNumber(ctx, details)
}
