package service

import (
	"context"
	"slices"
	"time"
)

const (
	// arrivalTime: what was written this long before a record came has arrived
	// (section 6 of the protocol).
	arrivalTime = 5 * time.Second
	// waveStep is how finely it is remembered when entries were written.
	waveStep = 100 * time.Millisecond
	// mostWaves bounds what is remembered of a connection that goes on for long
	// beside an entry that is left to GetMsgEx.
	mostWaves = 64
)

// pushedRange is the pushed entries up to a number, above the wave before. They were
// written at a time, or a little before.
type pushedRange struct {
	upTo uint64
	at   time.Duration
	fate deliveryState
}

// deliveryState is what became of entries that were pushed and are not confirmed.
type deliveryState uint8

const (
	// written: a record that comes late enough says that they have arrived.
	written deliveryState = iota
	// doubtful: the latest entry may have come together with an answer, and is
	// to be pushed again.
	doubtful
	// left: pushed often enough, and left to GetMsgEx.
	left
	// arrived: but an entry before them has not.
	arrived
)

// latest is the wave of the latest entry on a connection with a pace, nil if
// that is confirmed. mu is held.
func (f *Subscription) latest() *pushedRange {
	if n := len(f.waves); f.pace != nil && n > 0 {
		return &f.waves[n-1]
	}
	return nil
}

// Heard says that a record came on the connection at a time of the service's
// clock: what was pushed long enough before has arrived (section 6 of the
// protocol), unless it may have come together with an answer. Of a client that
// confirms by number it says nothing.
func (f *Subscription) Heard(at time.Time) {
	by := f.service.uptimeAt(at) - arrivalTime
	f.mu.Lock()
	moved := !f.over() && f.arrivedBy(by)
	f.mu.Unlock()
	if moved {
		f.service.saveSoon(f.box)
	}
}

// arrivedBy notes that what was written by a time has arrived, and reports
// whether the place has moved. mu is held.
func (f *Subscription) arrivedBy(by time.Duration) bool {
	for i := range f.waves {
		pushed := &f.waves[i]
		if pushed.at > by {
			break
		}
		if pushed.fate == written {
			pushed.fate = arrived
		}
	}
	f.tidy()
	return f.advance()
}

// advance moves the place over what has arrived, and reports whether it has
// moved. mu is held.
func (f *Subscription) advance() bool {
	n := 0
	for n < len(f.waves) && f.waves[n].fate == arrived {
		n++
	}
	if n == 0 {
		return false
	}
	f.passed(f.waves[n-1].upTo)
	return true
}

// Confirm says that the client has the entries up to a number. From the first
// confirmation of a push on, nothing else confirms for the session.
func (f *Subscription) Confirm(number uint64) {
	first := f.confirmsByNumber(number)
	f.mu.Lock()
	moved := f.confirm(min(number, f.pushed))
	if first {
		f.hurry()
	}
	f.mu.Unlock()
	if first {
		f.service.storeByNumber(f.box)
	}
	if moved {
		f.service.saveSoon(f.box)
	}
}

// confirmsByNumber reports whether the session confirms a push by number for the
// first time, and then notes it.
func (f *Subscription) confirmsByNumber(number uint64) bool {
	active := f.box.member
	active.mu.Lock() // it is noted of this session, and not of one that follows
	defer active.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byNumber || f.over() || min(number, f.pushed) <= f.base {
		return false
	}
	f.box.byNumber = true
	f.setPace(true)
	return true
}

// confirm notes that entries have arrived, and reports whether that is new. mu
// is held.
func (f *Subscription) confirm(upTo uint64) bool {
	if f.over() || upTo <= f.confirmed {
		return false
	}
	f.passed(upTo)
	return true
}

// passed moves the place. mu is held.
func (f *Subscription) passed(number uint64) {
	f.confirmed = max(f.confirmed, number)
	f.waves = slices.DeleteFunc(f.waves, func(pushed pushedRange) bool { return pushed.upTo <= number })
	if len(f.waves) == 0 {
		f.waves = nil
	}
}

// collected says that entries that were left to GetMsgEx were handed out.
func (f *Subscription) collected(place uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.confirm(place) {
		f.advance()
	}
}

// wrote notes that an entry was handed to the network. alone: no answer was
// written just before. mu is held.
func (f *Subscription) wrote(number uint64, now time.Duration, alone bool) {
	switch {
	case number <= f.confirmed || f.byNumber:
	case f.pace != nil:
		pushed := pushedRange{number, now, written}
		if !alone {
			pushed.fate = doubtful
		}
		if before := f.latest(); before != nil && before.upTo == number {
			*before = pushed
			f.pace.repeats++
			return
		}
		f.waves = append(f.waves, pushed)
		f.pace.repeats = 0
		f.tidy()
	default:
		if rest := now % waveStep; rest > 0 {
			now += waveStep - rest
		}
		if n := len(f.waves); n > 0 && f.waves[n-1].at == now {
			f.waves[n-1].upTo = number
			return
		}
		f.waves = append(f.waves, pushedRange{number, now, written})
		f.tidy()
	}
}

// tidy makes one wave of those that share their fate: what the next record
// confirms in any case, what is left, what has arrived. mu is held.
func (f *Subscription) tidy() {
	if len(f.waves) < 2 {
		return
	}
	latest := f.waves[len(f.waves)-1]
	kept := f.waves[:1]
	for _, pushed := range f.waves[1:] {
		before := &kept[len(kept)-1]
		if pushed.fate == before.fate && (pushed.fate != written || latest.at-pushed.at >= arrivalTime) {
			*before = pushed
		} else {
			kept = append(kept, pushed)
		}
	}
	if n := len(kept); n > mostWaves { // some that have arrived come again
		kept = append(kept[:0], pushedRange{kept[n-2].upTo, kept[n-2].at, left}, latest)
	}
	f.waves = kept
}

// storeByNumber stores that the session of a collector has confirmed by number,
// for nobody who waits. A restart before that forgets it.
func (s *Service) storeByNumber(c *consumer) {
	const task = "store that a client confirms by number"
	s.background.start(task, func() {
		if err := s.setByNumber(context.Background(), c); err != nil {
			s.log.Debug("cannot "+task, "account", c.member.uin, "error", err)
			s.background.after(retryPause, task, func() { s.storeByNumber(c) })
		}
	})
}

func (s *Service) setByNumber(ctx context.Context, c *consumer) error {
	active := c.member
	if err := active.turn.take(ctx); err != nil { // so that the session is not renewed meanwhile
		return err
	}
	defer active.turn.end()
	active.mu.Lock()
	session, byNumber := active.sessionLocked(c.device), c.byNumber
	active.mu.Unlock()
	if session == nil || !byNumber {
		return nil // another session, that has not
	}
	about := session.about
	about.ConfirmsByNumber = true
	return s.store.SetConfirmsByNumber(ctx, about)
}
