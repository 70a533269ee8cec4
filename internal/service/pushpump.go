package service

import (
	"context"
	"time"
)

// entriesPerRead is how many entries the pump reads at once. They stay in memory while the connection
// is slow.
const entriesPerRead = 16

// wake starts the pump, unless a timer will do so after the pacer's delay.
func (f *Subscription) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wakeLocked()
}

// wakeLocked does the work of wake. f.mu must be held.
func (f *Subscription) wakeLocked() {
	switch {
	case f.hasEndedLocked():
	case f.running:
		f.checkAgain = true
	case f.cancelTimer == nil:
		f.startPumpLocked()
	}
}

// startPumpLocked starts the pump on its own goroutine. It ends when there is nothing to push or the
// pacer requires a delay. f.mu must be held.
func (f *Subscription) startPumpLocked() {
	f.running, f.checkAgain = true, false
	f.service.background.start("push", f.pump)
}

// wakeAfterLocked wakes the subscription after a delay. f.mu must be held.
func (f *Subscription) wakeAfterLocked(delay time.Duration) {
	f.cancelTimer = f.service.background.startAfter(delay, "push", func() {
		f.mu.Lock()
		f.cancelTimer = nil
		f.mu.Unlock()
		f.wake()
	})
}

// skipDelayLocked starts the pump at once if it waits for a timer. f.mu must be held.
func (f *Subscription) skipDelayLocked() {
	if f.cancelTimer != nil && f.cancelTimer() {
		f.cancelTimer = nil
		f.startPumpLocked()
	}
}

// stopTimerLocked cancels the timer. f.mu must be held.
func (f *Subscription) stopTimerLocked() {
	if f.cancelTimer != nil {
		f.cancelTimer()
		f.cancelTimer = nil
	}
}

// pump pushes pending events. If it panics, the connection is closed, because nothing would push on it
// any more. The client receives the unconfirmed entries on its next connection.
func (f *Subscription) pump() {
	panicking := true
	defer func() {
		if panicking {
			f.disconnect()
		}
	}()
	f.pushPending()
	panicking = false
}

func (f *Subscription) pushPending() {
	for f.continuePump() {
		events, err := f.nextEvents()
		if err != nil {
			f.service.log.Warn("cannot read the entries to push", "account", f.consumer.account.uin, "error", err)
			f.suspendPump(retryInterval)
			return
		}
		for _, event := range events {
			if !f.claimEvent(&event) {
				break // ends the round: a resumed subscription reads its events anew
			}
			if err := f.sink.Push(event); err != nil {
				f.Close()
				break
			}
			f.recordPush(event)
		}
	}
}

// continuePump reports whether an event can be pushed now. If not, it marks the pump as ended and sets
// a timer if the pacer requires a delay.
func (f *Subscription) continuePump() bool {
	for {
		f.mu.Lock()
		f.checkAgain = false
		f.mu.Unlock()
		hasPending := f.mayHavePending()

		f.mu.Lock()
		pause := f.pacer.pushDelay(hasPending, f.service.uptime())
		switch {
		case f.hasEndedLocked() || !hasPending && !f.checkAgain:
			f.running = false
			f.mu.Unlock()
			return false
		case hasPending && pause > 0:
			f.running = false
			f.wakeAfterLocked(pause)
			f.mu.Unlock()
			return false
		}
		f.mu.Unlock()
		if hasPending {
			return true
		}
	}
}

// suspendPump marks the pump as ended and wakes the subscription after a delay.
func (f *Subscription) suspendPump(delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = false
	if !f.hasEndedLocked() {
		f.wakeAfterLocked(delay)
	}
}

// mayHavePending reports whether there may be something to push.
func (f *Subscription) mayHavePending() bool {
	if f.consumer.hasNotices() {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.readMarks) > 0 || f.lastPushed < f.consumer.account.newestEntry.Load() || f.doubtfulNumberLocked() > 0
}

// nextEvents returns the next events to push. Entries alternate with notices and read marks, so that
// neither has to wait for long.
func (f *Subscription) nextEvents() ([]PushEvent, error) {
	f.entriesNext = !f.entriesNext
	if f.entriesNext {
		return f.nextEntries()
	}
	if notice, ok := f.consumer.popNotice(); ok {
		return []PushEvent{{Notice: &notice}}, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.readMarks) == 0 {
		return nil, nil
	}
	readMark := f.readMarks[0]
	if f.readMarks = f.readMarks[1:]; len(f.readMarks) == 0 {
		f.readMarks = nil
	}
	return []PushEvent{{ReadMark: &readMark}}, nil
}

// nextEntries reads the next entries to push, at most one if the pacer separates pushes. Entries that
// the consumer ignores are skipped.
func (f *Subscription) nextEntries() (events []PushEvent, err error) {
	if entryNumber := f.claimRepeatNumber(); entryNumber > 0 {
		return f.readRepeatedEntry(entryNumber)
	}
	f.mu.Lock()
	after, onlyOne := f.lastPushed, f.pacer != nil
	f.mu.Unlock()
	account := f.consumer.account
	upTo := account.newestEntry.Load()
	if upTo <= after {
		return nil, nil
	}
	page, err := f.service.store.Entries(context.Background(), account.uin, after, upTo, entriesPerRead)
	if err != nil {
		return nil, err
	}
	skippedUpTo := after
	for i := range page {
		entry := &page[i]
		if !f.consumer.ignores(entry) {
			events = append(events, PushEvent{Number: entry.Number, Entry: entry})
			if onlyOne {
				break
			}
		} else if len(events) == 0 {
			skippedUpTo = entry.Number
		}
	}
	if len(page) == 0 {
		skippedUpTo = upTo // retention has deleted the entries
	}
	f.skipUpTo(skippedUpTo)
	return events, nil
}

// readRepeatedEntry reads an entry that is to be pushed again.
func (f *Subscription) readRepeatedEntry(entryNumber uint64) ([]PushEvent, error) {
	page, err := f.service.store.Entries(context.Background(), f.consumer.account.uin, entryNumber-1, entryNumber, 1)
	if err != nil {
		return nil, err
	}
	if len(page) == 0 { // retention has deleted the entry
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.doubtfulNumberLocked() == entryNumber {
			f.latestRangeLocked().state = stateWritten
		}
		return nil, nil
	}
	return []PushEvent{{Number: entryNumber, Entry: &page[0]}}, nil
}

// skipUpTo records that there is nothing to push up to a number. If all earlier entries are confirmed,
// the skipped ones count as confirmed too.
func (f *Subscription) skipUpTo(upTo uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if upTo <= f.lastPushed {
		return
	}
	if f.lastConfirmed == f.lastPushed {
		f.lastConfirmed = upTo
	}
	f.lastPushed = upTo
}

// claimEvent reserves an event for pushing and numbers it unless it is an entry. It returns false if
// the subscription has ended or the entry was handed out meanwhile.
func (f *Subscription) claimEvent(event *PushEvent) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.hasEndedLocked():
		return false
	case event.Entry == nil:
		f.otherEvents++
		event.Number = f.otherEvents
	case event.Number == f.doubtfulNumberLocked():
	case event.Number <= f.lastPushed:
		return false
	default:
		f.lastPushed = event.Number
	}
	return true
}

// recordPush records that an event was written to the connection.
func (f *Subscription) recordPush(event PushEvent) {
	now := f.service.uptime()
	f.mu.Lock()
	defer f.mu.Unlock()
	standsAlone := f.pacer == nil || f.pacer.recordPush(now)
	if event.Entry != nil {
		f.addPushedEntryLocked(event.Number, now, standsAlone)
	}
}
