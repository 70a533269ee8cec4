package service

import (
	"context"
	"time"
)

// portion is how many entries a feed reads at once. What is read waits in
// consumerState for a slow connection.
const portion = 16

// wake makes the feed look for something to push, now or when the pace allows.
func (f *Subscription) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look()
}

// look is wake with mu held.
func (f *Subscription) look() {
	switch {
	case f.over():
	case f.running:
		f.more = true
	case f.timer == nil:
		f.start()
	}
}

// start has a goroutine push, which lives while there is something and the pace
// allows. mu is held.
func (f *Subscription) start() {
	f.running, f.more = true, false
	f.service.background.start("push", f.pump)
}

// sleep looks again after a while. mu is held.
func (f *Subscription) sleep(d time.Duration) {
	f.timer = f.service.background.after(d, "push", func() {
		f.mu.Lock()
		f.timer = nil
		f.mu.Unlock()
		f.wake()
	})
}

// hurry looks now where a timer would have. mu is held.
func (f *Subscription) hurry() {
	if f.timer != nil && f.timer() {
		f.timer = nil
		f.start()
	}
}

// stopTimer is called with mu held.
func (f *Subscription) stopTimer() {
	if f.timer != nil {
		f.timer()
		f.timer = nil
	}
}

// pump pushes one item after the other. If that panics, nobody would push on the
// connection any more: it is closed, and what was not confirmed comes with the
// next.
func (f *Subscription) pump() {
	panicking := true
	defer func() {
		if panicking {
			f.hangUp()
		}
	}()
	f.pushAll()
	panicking = false
}

func (f *Subscription) pushAll() {
	for f.goOn() {
		round, err := f.gather()
		if err != nil {
			f.service.log.Warn("cannot read what is to be pushed", "account", f.box.member.uin, "error", err)
			f.rest(retryPause)
			return
		}
		for _, item := range round {
			if !f.begin(&item) {
				break // and not the next: it may be resumed meanwhile
			}
			if err := f.out.Push(item); err != nil {
				f.Close()
				break
			}
			f.written(item)
		}
	}
}

// goOn reports whether something can be pushed now. If not, the goroutine is
// not running any more.
func (f *Subscription) goOn() bool {
	for {
		f.mu.Lock()
		f.more = false
		f.mu.Unlock()
		waiting := f.waiting()

		f.mu.Lock()
		pause := f.pace.pause(waiting, f.service.uptime())
		switch {
		case f.over() || !waiting && !f.more:
			f.running = false
			f.mu.Unlock()
			return false
		case waiting && pause > 0:
			f.running = false
			f.sleep(pause)
			f.mu.Unlock()
			return false
		}
		f.mu.Unlock()
		if waiting {
			return true
		}
	}
}

// rest ends the running for a while.
func (f *Subscription) rest(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = false
	if !f.over() {
		f.sleep(d)
	}
}

// waiting reports whether there may be something to push.
func (f *Subscription) waiting() bool {
	if f.box.hasNews() {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.reads) > 0 || f.pushed < f.box.member.newest.Load() || f.doubted() > 0
}

// gather returns what is to be pushed next: in turns some entries, and one of
// the rest.
func (f *Subscription) gather() ([]Event, error) {
	f.entriesTurn = !f.entriesTurn
	if f.entriesTurn {
		return f.entries()
	}
	if notice, ok := f.box.takeNews(); ok {
		return []Event{{Notice: &notice}}, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.reads) == 0 {
		return nil, nil
	}
	readMark := f.reads[0]
	if f.reads = f.reads[1:]; len(f.reads) == 0 {
		f.reads = nil
	}
	return []Event{{Read: &readMark}}, nil
}

// entries reads some entries, or one if only one can be pushed now. Those that
// do not concern the session are passed over.
func (f *Subscription) entries() (round []Event, err error) {
	if number := f.again(); number > 0 {
		return f.entry(number)
	}
	f.mu.Lock()
	after, one := f.pushed, f.pace != nil
	f.mu.Unlock()
	active := f.box.member
	upTo := active.newest.Load()
	if upTo <= after {
		return nil, nil
	}
	page, err := f.service.store.Entries(context.Background(), active.uin, after, upTo, portion)
	if err != nil {
		return nil, err
	}
	passed := after
	for i := range page {
		entry := &page[i]
		if !f.box.skips(entry) {
			round = append(round, Event{Number: entry.Number, Entry: entry})
			if one {
				break
			}
		} else if len(round) == 0 {
			passed = entry.Number
		}
	}
	if len(page) == 0 {
		passed = upTo // retention has taken them
	}
	f.skip(passed)
	return round, nil
}

// entry reads an entry that is to be pushed again.
func (f *Subscription) entry(number uint64) ([]Event, error) {
	page, err := f.service.store.Entries(context.Background(), f.box.member.uin, number-1, number, 1)
	if err != nil {
		return nil, err
	}
	if len(page) == 0 { // retention has taken it
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.doubted() == number {
			f.latest().fate = written
		}
		return nil, nil
	}
	return []Event{{Number: number, Entry: &page[0]}}, nil
}

// skip notes that there is nothing to push up to a number.
func (f *Subscription) skip(upTo uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if upTo <= f.pushed {
		return
	}
	if f.confirmed == f.pushed {
		f.confirmed = upTo
	}
	f.pushed = upTo
}

// begin gives an item its number, and reports false if it is not to be pushed:
// the feed has ended, or the entry was handed out meanwhile.
func (f *Subscription) begin(item *Event) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.over():
		return false
	case item.Entry == nil:
		f.count++
		item.Number = f.count
	case item.Number == f.doubted():
	case item.Number <= f.pushed:
		return false
	default:
		f.pushed = item.Number
	}
	return true
}

// written notes that an item was handed to the network.
func (f *Subscription) written(item Event) {
	now := f.service.uptime()
	f.mu.Lock()
	defer f.mu.Unlock()
	alone := f.pace == nil || f.pace.wrote(now)
	if item.Entry != nil {
		f.wrote(item.Number, now, alone)
	}
}
