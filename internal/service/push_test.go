package service_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// Section 6 of the protocol, a test for each sentence that the service has to
// keep.

func TestWhatWaitsAndWhatArrivesIsPushed(t *testing.T) {
	inBubble(t, func(w *world) {
		me, you := w.signIn(10001, home), w.device(10002, "phone")
		w.says(me, 10002, "waiting")
		phone := w.attach(you)
		phone.want("1 waiting")
		phone.confirm(1)
		w.says(me, 10002, "b", "c")
		phone.want("2 b", "3 c")
	}, 10001, 10002)
}

func TestWhatIsPushedIsNotGivenToGetMsgExAsWell(t *testing.T) {
	inBubble(t, func(w *world) {
		w.befriend(10001, 10002)
		me, you := w.signIn(10001, home), w.device(10002, "phone")
		w.says(me, 10002, "polled")
		w.wantCollected(you, "collect 1", "polled")
		w.says(me, 10002, "pushed")
		phone := w.attach(you)
		phone.want("2 pushed")
		w.wantCollected(you, "collect 1", "polled") // a repeat still gets its batch
		w.wantCollected(you, "collect 2")
		w.wantCollected(you, "collect 1") // "collect 2" has confirmed it
		phone.cut()
		w.must(w.SetStatus(w.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
		w.wantCollected(you, "collect 3", "pushed", "10001:30")
		w.says(me, 10002, "polled again")
		w.wantCollected(you, "collect 4", "polled again")
	}, 10001, 10002)
}

func TestWhatWasNotConfirmedComesAgainWithTheNextConnection(t *testing.T) {
	for name, between := range map[string]func(w *world, you *service.Session) *service.Session{
		"at once": func(_ *world, you *service.Session) *service.Session { return you },
		"after a restart": func(w *world, _ *service.Session) *service.Session {
			w.restart(time.Second)
			you, err := w.Session(t.Context(), 10002, service.Caller{Address: cafe})
			w.must(err)
			return you
		},
		"after a login from another address": func(w *world, _ *service.Session) *service.Session { return w.signIn(10002, home) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				me, you := w.signIn(10001, home), w.signIn(10002, cafe)
				phone := w.webSocket(you)
				w.says(me, 10002, "a")
				phone.want("1 a")
				phone.confirm(1)
				w.says(me, 10002, "b", "c", "d")
				phone.want("2 b", "3 c", "4 d")
				phone.confirm(2)
				phone.cut()
				phone = w.webSocket(between(w, you))
				phone.confirm(3)
				phone.want("3 c", "4 d")
			}, 10001, 10002)
		})
	}
}

func TestPushingWritesNothingAndConfirmationsAreStoredTogether(t *testing.T) {
	inBubble(t, func(w *world) {
		me, you := w.signIn(10001, home), w.device(10002, "phone")
		phone := w.attach(you)
		for i := range 20 {
			w.says(me, 10002, fmt.Sprint(i))
		}
		w.pass(time.Minute)
		w.wantPlace(10002, "phone", 0)
		before := w.store.count()
		for i := range 7 {
			phone.confirm(uint64(i))
		}
		w.pass(100 * time.Millisecond)
		if got := w.store.count() - before; got > 7 { // of which 6 read, once there is no pause
			w.Errorf("7 confirmations asked the store %d times", got)
		}
		w.wantPlace(10002, "phone", 6)
		phone.confirm(7)
		phone.cut() // now or never
		w.wantPlace(10002, "phone", 7)
	}, 10001, 10002)
}

func (w *world) wantPlace(uin rookery.UIN, device string, number uint64) {
	w.Helper()
	_, place, err := w.store.MailboxState(w.Context(), uin, device)
	w.must(err)
	if place.Number != number {
		w.Errorf("the stored place of %q is %d, want %d", device, place.Number, number)
	}
}

func TestAConfirmationNeverGoesBeyondWhatWasPushed(t *testing.T) {
	inBubble(t, func(w *world) {
		me, you := w.signIn(10001, home), w.device(10002, "phone")
		phone := w.attach(you)
		w.says(me, 10002, "a")
		phone.want("1 a")
		phone.confirm(1000)
		w.says(me, 10002, "b")
		phone.want("2 b")
		phone.cut()
		w.attach(you).want("2 b")
	}, 10001, 10002)
}

func TestAConfirmationCountsBeforeItIsStored(t *testing.T) {
	inBubble(t, func(w *world) {
		me, you := w.signIn(10001, home), w.device(10002, "phone")
		phone := w.attach(you)
		w.says(me, 10002, "a", "b")
		phone.want("1 a", "2 b")
		phone.confirm(1)
		you = w.device(10002, "phone") // elsewhere
		w.wantPlace(10002, "phone", 0)
		w.wantCollected(you, "collect", "b")
	}, 10001, 10002)
}

func TestARecordConfirmsWhatWasWrittenFiveSecondsBefore(t *testing.T) {
	for _, tt := range []struct {
		record time.Duration // after the first push
		place  uint64
	}{
		{5*time.Second - time.Millisecond, 0}, // it may have been on its way already
		{5 * time.Second, 1},
		{7*time.Second - time.Millisecond, 1},
		{7 * time.Second, 2},
	} {
		t.Run(fmt.Sprint("a record after ", tt.record), func(t *testing.T) {
			inBubble(t, func(w *world) {
				me, you := w.signIn(10001, home), w.device(10002, "phone")
				phone := w.attach(you)
				w.says(me, 10002, "a")
				phone.want("1 a")
				w.pass(2 * time.Second)
				w.says(me, 10002, "b")
				phone.want("2 b")
				w.pass(tt.record - 2*time.Second)
				phone.feed.Heard(w.now())
				w.pass(time.Minute) // time alone confirms nothing
				w.wantPlace(10002, "phone", tt.place)
			}, 10001, 10002)
		})
	}
}

func TestASecondConnectionTakesOver(t *testing.T) {
	inBubble(t, func(w *world) {
		me, you := w.signIn(10001, home), w.device(10002, "phone")
		first := w.attach(you)
		w.says(me, 10002, "a")
		first.want("1 a")
		first.confirm(1)
		w.says(me, 10002, "b", "c")
		first.want("2 b", "3 c")
		second := w.attach(you)
		if !first.isClosed() || second.isClosed() {
			w.Errorf("closed are first: %v, second: %v", first.isClosed(), second.isClosed())
		}
		second.want("2 b", "3 c")
		first.confirm(3) // too late: the second is to get them
		first.cut()
		second.confirm(2)
		w.says(me, 10002, "d")
		first.want()
		second.want("4 d")
	}, 10001, 10002)
}

func TestARenewedLoginOnTheSameConnectionPushesNothingTwice(t *testing.T) {
	for name, renew := range map[string]func(*world) *service.Session{
		"of a device":   func(w *world) *service.Session { return w.device(10002, "phone") },
		"of an address": func(w *world) *service.Session { return w.signIn(10002, home) },
		"after a logout": func(w *world) *service.Session {
			w.SignOut(w.Context(), 10002, service.Caller{Address: home})
			return w.signIn(10002, home)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				me := w.signIn(10001, home)
				phone := w.webSocket(renew(w))
				w.says(me, 10002, "a")
				phone.want("1 a")
				phone.confirm(1)
				w.says(me, 10002, "b")
				phone.want("2 b")
				you := renew(w)
				w.says(me, 10002, "c")
				phone.again(you)
				phone.want("3 c")
				if phone.isClosed() {
					w.Error("the connection was closed")
				}
				phone.cut()
				phone = w.webSocket(you) // the same holds for what waits
				phone.confirm(2)
				phone.want("2 b", "3 c")
			}, 10001, 10002)
		})
	}
}

func TestWhatAnotherConnectionTookMeanwhileIsNotPushed(t *testing.T) {
	inBubble(t, func(w *world) {
		me := w.signIn(10001, home)
		phone := w.webSocket(w.signIn(10002, home))
		w.says(me, 10002, "a")
		phone.want("1 a")
		phone.confirm(1)
		first, second := make(chan struct{}), make(chan struct{})
		phone.holds(first)
		w.says(me, 10002, "b")
		w.settle() // it is on its way
		w.says(me, 10002, "c", "d", "e")
		phone.holds(second)
		close(first)
		w.settle() // now "c" is, and the others are next
		w.wantInbox(w.signIn(10002, cafe), "b", "c", "d", "e")
		phone.again(w.signIn(10002, home))
		phone.holds(nil)
		close(second)
		phone.want("2 b", "3 c")
		w.says(me, 10002, "f")
		phone.want("6 f")
	}, 10001, 10002)
}

func TestASessionThatRanOutLosesItsConnection(t *testing.T) {
	inBubble(t, func(w *world) {
		me, you := w.device(10001, "desk"), w.device(10002, "phone")
		phone := w.attach(you)
		w.pass(299 * time.Second)
		_, err := w.Heard(me)
		w.must(err)
		if phone.isClosed() {
			w.Error("closed too early")
		}
		w.pass(time.Second)
		if !phone.isClosed() {
			w.Error("not closed")
		}
		w.says(me, 10002, "a")
		phone.want()
		_, err = w.Attach(w.Context(), you, phone)
		w.code(err, rookery.CodeNotSignedIn)
	}, 10001, 10002)
}

func TestASessionThatEndsOtherwiseIsPushedNothingMore(t *testing.T) {
	for name, end := range map[string]func(w *world, you *service.Session) error{
		"logout": func(w *world, _ *service.Session) error {
			w.SignOut(w.Context(), 10002, service.Caller{Address: cafe})
			return nil
		},
		"displaced":   func(w *world, _ *service.Session) error { w.signIn(10002, home); return nil },
		"password":    func(w *world, _ *service.Session) error { return w.SetPassword(w.Context(), 10002, "another") },
		"removed":     func(w *world, _ *service.Session) error { return w.RemoveAccount(w.Context(), 10002) },
		"devicesonly": func(w *world, _ *service.Session) error { return w.devicesOnly(10002, true) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				me, you := w.signIn(10001, home), w.signIn(10002, cafe)
				phone := w.attach(you)
				w.must(end(w, you))
				_ = w.send(me, "", 10002, "a") // a removed account takes none
				phone.want()
				if phone.isClosed() {
					w.Error("the connection was closed: it can log in anew")
				}
				_, err := w.Heard(you)
				w.code(err, rookery.CodeNotSignedIn)
			}, 10001, 10002)
		})
	}
}

func TestASlowConnectionHoldsUpNobody(t *testing.T) {
	inBubble(t, func(w *world) {
		me, you, other := w.device(10001, "desk"), w.device(10002, "slow"), w.device(10002, "fast")
		slow, fast := w.attach(you), w.attach(other)
		w.says(me, 10002, "a")
		slow.want("1 a")
		slow.confirm(1)
		fast.confirm(1)
		hold := make(chan struct{})
		slow.holds(hold)
		before := w.store.count()
		for i := range 200 {
			w.says(me, 10002, fmt.Sprint(i))
			w.settle()
		}
		if got := len(fast.got()); got != 201 {
			w.Errorf("the other device got %d entries", got)
		}
		slow.mu.Lock()
		if slow.pushing != 1 {
			w.Errorf("%d pushes wait on one connection", slow.pushing)
		}
		slow.mu.Unlock()
		w.wantCollected(you, "collect") // neither
		// The slow one does not read ahead: the mailbox is its queue.
		if reads := w.store.count() - before; reads > 2*200+10 {
			w.Errorf("the store was asked %d times", reads)
		}
		slow.holds(nil)
		close(hold)
		if got := len(slow.got()); got != 200 {
			w.Errorf("in the end it got %d entries", got)
		}
	}, 10001, 10002)
}

func TestABrokenConnectionIsNotTriedAgain(t *testing.T) {
	inBubble(t, func(w *world) {
		me, you := w.signIn(10001, home), w.device(10002, "phone")
		phone := w.attach(you)
		phone.mu.Lock()
		phone.broken = true
		phone.mu.Unlock()
		w.says(me, 10002, "a", "b")
		w.settle()
		w.wantCollected(you, "collect", "a", "b")
	}, 10001, 10002)
}

func TestWhatCannotBeReadIsPushedLater(t *testing.T) {
	inBubble(t, func(w *world) {
		me, you := w.signIn(10001, home), w.device(10002, "phone")
		w.store.setUnreadable(true)
		_, err := w.Attach(w.Context(), you, &phone{world: w})
		w.code(err, rookery.CodeTemporary)
		w.store.setUnreadable(false)
		phone := w.attach(you)
		w.says(me, 10002, "a")
		phone.want("1 a")
		phone.confirm(1)
		w.store.setUnreadable(true)
		w.says(me, 10002, "b")
		w.pass(time.Second)
		phone.want()
		w.store.setUnreadable(false)
		w.pass(10 * time.Second)
		phone.want("2 b")
	}, 10001, 10002)
}

func TestAConfirmationThatCannotBeStoredIsStoredWithTheNext(t *testing.T) {
	inBubble(t, func(w *world) {
		me, you := w.signIn(10001, home), w.device(10002, "phone")
		phone := w.attach(you)
		w.says(me, 10002, "a")
		phone.want("1 a")
		w.store.setFull(true)
		phone.confirm(1)
		w.pass(time.Second)
		w.store.setFull(false)
		w.wantPlace(10002, "phone", 0)
		phone.cut()
		w.wantPlace(10002, "phone", 1)
	}, 10001, 10002)
}

func TestManyUnconfirmedPushesTakeLittleMemory(t *testing.T) {
	inBubble(t, func(w *world) {
		me, you := w.device(10001, "desk"), w.device(10002, "phone")
		phone := w.attach(you)
		for i := range 100 {
			w.says(me, 10002, fmt.Sprint(i), "and", "more")
			w.pass(2 * time.Second)
			_, err := w.Heard(me)
			w.must(err)
		}
		if n := service.Waves(phone.feed); n > 4 {
			w.Errorf("%d times are remembered", n)
		}
		phone.feed.Heard(w.now())
		phone.cut()
		w.wantPlace(10002, "phone", 3*98) // the last were written 4 and 2 s ago
	}, 10001, 10002)
}
