package service

import (
	"context"
	"time"

	"github.com/rookery-im/rookery"
)

// entriesPerRead is how many entries the pump reads at once. They stay in memory while the connection
// is slow.
const entriesPerRead = 16

// wake starts the pump, unless a timer will do so after the pacer's delay.
func (sub *Subscription) wake() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.wakeLocked()
}

// wakeLocked does the work of wake. sub.mu must be held.
func (sub *Subscription) wakeLocked() {
	switch {
	case sub.hasEndedLocked():
	case sub.running:
		sub.checkAgain = true
	case sub.cancelTimer == nil:
		sub.startPumpLocked()
	}
}

// startPumpLocked starts the pump on its own goroutine. It ends when there is nothing to push or the
// pacer requires a delay. sub.mu must be held.
func (sub *Subscription) startPumpLocked() {
	sub.running, sub.checkAgain = true, false
	sub.service.background.start("push", sub.pump)
}

// wakeAfterLocked wakes the subscription after a delay. sub.mu must be held.
func (sub *Subscription) wakeAfterLocked(delay time.Duration) {
	sub.cancelTimer = sub.service.background.startAfter(delay, "push", func(context.Context) {
		sub.mu.Lock()
		sub.cancelTimer = nil
		sub.mu.Unlock()
		sub.wake()
	})
}

// skipDelayLocked starts the pump at once if it waits for a timer. sub.mu must be held.
func (sub *Subscription) skipDelayLocked() {
	if sub.cancelTimer != nil && sub.cancelTimer() {
		sub.cancelTimer = nil
		sub.startPumpLocked()
	}
}

// stopTimerLocked cancels the timer. sub.mu must be held.
func (sub *Subscription) stopTimerLocked() {
	if sub.cancelTimer != nil {
		sub.cancelTimer()
		sub.cancelTimer = nil
	}
}

// pump pushes pending events. If it panics, the connection is closed, because nothing would push on it
// any more. The client receives the unconfirmed entries on its next connection.
func (sub *Subscription) pump(ctx context.Context) {
	panicking := true
	defer func() {
		if panicking {
			sub.disconnect()
		}
	}()
	sub.pushPending(ctx)
	panicking = false
}

func (sub *Subscription) pushPending(ctx context.Context) {
	for sub.continuePump() {
		events, err := sub.nextEvents(ctx)
		if ctx.Err() != nil {
			return // the service ends, and nothing wakes the subscription again
		}
		if err != nil {
			sub.service.log.Warn("cannot read the entries to push", "account", sub.consumer.account.uin, "error", err)
			sub.suspendPump(retryInterval)
			return
		}
		for _, event := range events {
			number, ok := sub.claimEvent(event)
			if !ok {
				break // ends the round: a resumed subscription reads its events anew
			}
			if err := sub.sink.Push(number, event); err != nil {
				sub.Close()
				break
			}
			sub.recordPush(event)
		}
	}
}

// continuePump reports whether an event can be pushed now. If not, it marks the pump as ended and sets
// a timer if the pacer requires a delay.
func (sub *Subscription) continuePump() bool {
	for {
		sub.mu.Lock()
		sub.checkAgain = false
		sub.mu.Unlock()
		hasPending := sub.mayHavePending()

		sub.mu.Lock()
		pause := sub.pacer.pushDelay(hasPending, sub.service.uptime())
		switch {
		case sub.hasEndedLocked() || !hasPending && !sub.checkAgain:
			sub.running = false
			sub.mu.Unlock()
			return false
		case hasPending && pause > 0:
			sub.running = false
			sub.wakeAfterLocked(pause)
			sub.mu.Unlock()
			return false
		}
		sub.mu.Unlock()
		if hasPending {
			return true
		}
	}
}

// suspendPump marks the pump as ended and wakes the subscription after a delay.
func (sub *Subscription) suspendPump(delay time.Duration) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.running = false
	if !sub.hasEndedLocked() {
		sub.wakeAfterLocked(delay)
	}
}

// mayHavePending reports whether there may be something to push.
func (sub *Subscription) mayHavePending() bool {
	if sub.consumer.hasNotices() {
		return true
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return len(sub.readMarks) > 0 || sub.lastPushed < sub.consumer.account.newestEntry.Load() ||
		sub.doubtfulNumberLocked() > 0
}

// nextEvents returns the next events to push. Entries alternate with notices and read marks, so that
// neither has to wait for long.
func (sub *Subscription) nextEvents(ctx context.Context) ([]rookery.Event, error) {
	sub.entriesNext = !sub.entriesNext
	if sub.entriesNext {
		return sub.nextEntries(ctx)
	}
	if notice, ok := sub.consumer.popNotice(); ok {
		return []rookery.Event{notice}, nil
	}
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if len(sub.readMarks) == 0 {
		return nil, nil
	}
	readMark := sub.readMarks[0]
	if sub.readMarks = sub.readMarks[1:]; len(sub.readMarks) == 0 {
		sub.readMarks = nil
	}
	return []rookery.Event{readMark}, nil
}

// nextEntries reads the next entries to push, at most one if the pacer separates pushes. Entries that
// the consumer ignores are skipped.
func (sub *Subscription) nextEntries(ctx context.Context) (events []rookery.Event, err error) {
	if entryNumber := sub.claimRepeatNumber(); entryNumber > 0 {
		return sub.readRepeatedEntry(ctx, entryNumber)
	}
	sub.mu.Lock()
	after, onlyOne := sub.lastPushed, sub.pacer != nil
	sub.mu.Unlock()
	account := sub.consumer.account
	upTo := account.newestEntry.Load()
	if upTo <= after {
		return nil, nil
	}
	page, err := sub.service.store.Entries(ctx, account.uin, after, upTo, entriesPerRead)
	if err != nil {
		return nil, err
	}
	skippedUpTo := after
	for i := range page {
		entry := &page[i]
		if !sub.consumer.ignores(entry) {
			events = append(events, entry)
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
	sub.skipUpTo(skippedUpTo)
	return events, nil
}

// readRepeatedEntry reads an entry that is to be pushed again.
func (sub *Subscription) readRepeatedEntry(ctx context.Context, entryNumber uint64) ([]rookery.Event, error) {
	uin := sub.consumer.account.uin
	page, err := sub.service.store.Entries(ctx, uin, entryNumber-1, entryNumber, 1)
	if err != nil {
		return nil, err
	}
	if len(page) == 0 { // retention has deleted the entry
		sub.mu.Lock()
		defer sub.mu.Unlock()
		if sub.doubtfulNumberLocked() == entryNumber {
			sub.latestRangeLocked().state = stateWritten
		}
		return nil, nil
	}
	return []rookery.Event{&page[0]}, nil
}

// skipUpTo records that there is nothing to push up to a number. If all earlier entries are confirmed,
// the skipped ones count as confirmed too.
func (sub *Subscription) skipUpTo(upTo uint64) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if upTo <= sub.lastPushed {
		return
	}
	if sub.lastConfirmed == sub.lastPushed {
		sub.lastConfirmed = upTo
	}
	sub.lastPushed = upTo
}

// claimEvent reserves an event for pushing and returns its number on the connection. It returns false
// if the subscription has ended or the entry was handed out meanwhile.
func (sub *Subscription) claimEvent(event rookery.Event) (number uint64, ok bool) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	entry, isEntry := event.(*rookery.Entry)
	switch {
	case sub.hasEndedLocked():
		return 0, false
	case !isEntry:
		sub.otherEvents++
		return sub.otherEvents, true
	case entry.Number == sub.doubtfulNumberLocked():
	case entry.Number <= sub.lastPushed:
		return 0, false
	default:
		sub.lastPushed = entry.Number
	}
	return entry.Number, true
}

// recordPush records that an event was written to the connection.
func (sub *Subscription) recordPush(event rookery.Event) {
	now := sub.service.uptime()
	sub.mu.Lock()
	defer sub.mu.Unlock()
	standsAlone := sub.pacer == nil || sub.pacer.recordPush(now)
	if entry, ok := event.(*rookery.Entry); ok {
		sub.addPushedEntryLocked(entry.Number, now, standsAlone)
	}
}
