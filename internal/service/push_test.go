package service_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// These tests cover section 6 of the protocol, one for each sentence that concerns the service.

func TestWhatWaitsAndWhatArrivesIsPushed(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you := w.signIn(10001, home), w.signInDevice(10002, "phone")
		w.sendTexts(me, 10002, "waiting")
		phone := w.subscribe(you)
		phone.wantPushed("1 waiting")
		phone.confirm(1)
		w.sendTexts(me, 10002, "b", "c")
		phone.wantPushed("2 b", "3 c")
	}, 10001, 10002)
}

func TestWhatIsPushedIsNotGivenToGetMsgExAsWell(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		w.befriend(10001, 10002)
		me, you := w.signIn(10001, home), w.signInDevice(10002, "phone")
		w.sendTexts(me, 10002, "polled")
		w.wantCollected(you, "collect 1", "polled")
		w.sendTexts(me, 10002, "pushed")
		phone := w.subscribe(you)
		phone.wantPushed("2 pushed")
		w.wantCollected(you, "collect 1", "polled") // a repeat still gets its batch
		w.wantCollected(you, "collect 2")
		w.wantCollected(you, "collect 1") // "collect 2" has confirmed it
		phone.disconnect()
		w.must(w.SetStatus(w.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
		w.wantCollected(you, "collect 3", "pushed", "10001:30")
		w.sendTexts(me, 10002, "polled again")
		w.wantCollected(you, "collect 4", "polled again")
	}, 10001, 10002)
}

func TestWhatWasNotConfirmedComesAgainWithTheNextConnection(t *testing.T) {
	for name, between := range map[string]func(w *world, you *service.Session) *service.Session{
		"at once": func(_ *world, you *service.Session) *service.Session { return you },
		"after a restart": func(w *world, _ *service.Session) *service.Session {
			w.restart(time.Second)
			you, err := w.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
			w.must(err)
			return you
		},
		"after a login from another address": func(w *world,
			_ *service.Session) *service.Session {
			return w.signIn(10002, home)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(w *world) {
				me, you := w.signIn(10001, home), w.signIn(10002, cafe)
				phone := w.subscribeFramed(you)
				w.sendTexts(me, 10002, "a")
				phone.wantPushed("1 a")
				phone.confirm(1)
				w.sendTexts(me, 10002, "b", "c", "d")
				phone.wantPushed("2 b", "3 c", "4 d")
				phone.confirm(2)
				phone.disconnect()
				phone = w.subscribeFramed(between(w, you))
				phone.confirm(3)
				phone.wantPushed("3 c", "4 d")
			}, 10001, 10002)
		})
	}
}

func TestPushingWritesNothingAndConfirmationsAreStoredTogether(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you := w.signIn(10001, home), w.signInDevice(10002, "phone")
		phone := w.subscribe(you)
		for i := range 20 {
			w.sendTexts(me, 10002, fmt.Sprint(i))
		}
		w.passTime(time.Minute)
		w.wantCursor(10002, "phone", 0)
		before := w.store.calls()
		for i := range 7 {
			phone.confirm(uint64(i))
		}
		w.passTime(100 * time.Millisecond)
		if got := w.store.calls() - before; got > 7 { // one write for all; the other calls may be reads
			w.Errorf("7 confirmations asked the store %d times", got)
		}
		w.wantCursor(10002, "phone", 6)
		phone.confirm(7)
		phone.disconnect() // closing the connection stores it
		w.wantCursor(10002, "phone", 7)
	}, 10001, 10002)
}

func (w *world) wantCursor(uin rookery.UIN, deviceName string, entryNumber uint64) {
	w.Helper()
	_, cursor, err := w.store.MailboxState(w.Context(), uin, deviceName)
	w.must(err)
	if cursor.Number != entryNumber {
		w.Errorf("the stored cursor of %q is %d, want %d", deviceName, cursor.Number, entryNumber)
	}
}

func TestAConfirmationNeverGoesBeyondWhatWasPushed(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you := w.signIn(10001, home), w.signInDevice(10002, "phone")
		phone := w.subscribe(you)
		w.sendTexts(me, 10002, "a")
		phone.wantPushed("1 a")
		phone.confirm(1000)
		w.sendTexts(me, 10002, "b")
		phone.wantPushed("2 b")
		phone.disconnect()
		w.subscribe(you).wantPushed("2 b")
	}, 10001, 10002)
}

func TestAConfirmationCountsBeforeItIsStored(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you := w.signIn(10001, home), w.signInDevice(10002, "phone")
		phone := w.subscribe(you)
		w.sendTexts(me, 10002, "a", "b")
		phone.wantPushed("1 a", "2 b")
		phone.confirm(1)
		you = w.signInDevice(10002, "phone") // from another client
		w.wantCursor(10002, "phone", 0)
		w.wantCollected(you, "collect", "b")
	}, 10001, 10002)
}

func TestARecordConfirmsWhatWasWrittenFiveSecondsBefore(t *testing.T) {
	for _, tt := range []struct {
		record time.Duration // after the first push
		place  uint64
	}{
		{5*time.Second - time.Millisecond, 0}, // the record may have been sent before the push arrived
		{5 * time.Second, 1},
		{7*time.Second - time.Millisecond, 1},
		{7 * time.Second, 2},
	} {
		t.Run(fmt.Sprint("a record after ", tt.record), func(t *testing.T) {
			inVirtualTime(t, func(w *world) {
				me, you := w.signIn(10001, home), w.signInDevice(10002, "phone")
				phone := w.subscribe(you)
				w.sendTexts(me, 10002, "a")
				phone.wantPushed("1 a")
				w.passTime(2 * time.Second)
				w.sendTexts(me, 10002, "b")
				phone.wantPushed("2 b")
				w.passTime(tt.record - 2*time.Second)
				phone.subscription.RecordReceived(w.now())
				w.passTime(time.Minute) // time alone confirms nothing
				w.wantCursor(10002, "phone", tt.place)
			}, 10001, 10002)
		})
	}
}

func TestASecondConnectionTakesOver(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you := w.signIn(10001, home), w.signInDevice(10002, "phone")
		first := w.subscribe(you)
		w.sendTexts(me, 10002, "a")
		first.wantPushed("1 a")
		first.confirm(1)
		w.sendTexts(me, 10002, "b", "c")
		first.wantPushed("2 b", "3 c")
		second := w.subscribe(you)
		if !first.isClosed() || second.isClosed() {
			w.Errorf("closed are first: %v, second: %v", first.isClosed(), second.isClosed())
		}
		second.wantPushed("2 b", "3 c")
		first.confirm(3) // too late: the second connection receives the entries
		first.disconnect()
		second.confirm(2)
		w.sendTexts(me, 10002, "d")
		first.wantPushed()
		second.wantPushed("4 d")
	}, 10001, 10002)
}

func TestARenewedLoginOnTheSameConnectionPushesNothingTwice(t *testing.T) {
	for name, renew := range map[string]func(*world) *service.Session{
		"of a device":   func(w *world) *service.Session { return w.signInDevice(10002, "phone") },
		"of an address": func(w *world) *service.Session { return w.signIn(10002, home) },
		"after a logout": func(w *world) *service.Session {
			w.SignOut(w.Context(), 10002, service.Caller{Address: home})
			return w.signIn(10002, home)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(w *world) {
				me := w.signIn(10001, home)
				phone := w.subscribeFramed(renew(w))
				w.sendTexts(me, 10002, "a")
				phone.wantPushed("1 a")
				phone.confirm(1)
				w.sendTexts(me, 10002, "b")
				phone.wantPushed("2 b")
				you := renew(w)
				w.sendTexts(me, 10002, "c")
				phone.resubscribe(you)
				phone.wantPushed("3 c")
				if phone.isClosed() {
					w.Error("the connection was closed")
				}
				phone.disconnect()
				phone = w.subscribeFramed(you) // the same holds for entries that wait
				phone.confirm(2)
				phone.wantPushed("2 b", "3 c")
			}, 10001, 10002)
		})
	}
}

func TestWhatAnotherConnectionTookMeanwhileIsNotPushed(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me := w.signIn(10001, home)
		phone := w.subscribeFramed(w.signIn(10002, home))
		w.sendTexts(me, 10002, "a")
		phone.wantPushed("1 a")
		phone.confirm(1)
		first, second := make(chan struct{}), make(chan struct{})
		phone.blockPushes(first)
		w.sendTexts(me, 10002, "b")
		w.waitIdle() // the push is in progress
		w.sendTexts(me, 10002, "c", "d", "e")
		phone.blockPushes(second)
		close(first)
		w.waitIdle() // now "c" is, and the others are next
		w.wantInbox(w.signIn(10002, cafe), "b", "c", "d", "e")
		phone.resubscribe(w.signIn(10002, home))
		phone.blockPushes(nil)
		close(second)
		phone.wantPushed("2 b", "3 c")
		w.sendTexts(me, 10002, "f")
		phone.wantPushed("6 f")
	}, 10001, 10002)
}

func TestASessionThatRanOutLosesItsConnection(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you := w.signInDevice(10001, "desk"), w.signInDevice(10002, "phone")
		phone := w.subscribe(you)
		w.passTime(299 * time.Second)
		_, err := w.RefreshSession(me)
		w.must(err)
		if phone.isClosed() {
			w.Error("closed too early")
		}
		w.passTime(time.Second)
		if !phone.isClosed() {
			w.Error("not closed")
		}
		w.sendTexts(me, 10002, "a")
		phone.wantPushed()
		_, err = w.Subscribe(w.Context(), you, phone)
		w.wantCode(err, rookery.CodeNotSignedIn)
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
			inVirtualTime(t, func(w *world) {
				me, you := w.signIn(10001, home), w.signIn(10002, cafe)
				phone := w.subscribe(you)
				w.must(end(w, you))
				_ = w.send(me, "", 10002, "a") // a removed account receives none
				phone.wantPushed()
				if phone.isClosed() {
					w.Error("the connection was closed: it can log in anew")
				}
				_, err := w.RefreshSession(you)
				w.wantCode(err, rookery.CodeNotSignedIn)
			}, 10001, 10002)
		})
	}
}

func TestASlowConnectionHoldsUpNobody(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you, other := w.signInDevice(10001, "desk"), w.signInDevice(10002, "slow"), w.signInDevice(10002, "fast")
		slow, fast := w.subscribe(you), w.subscribe(other)
		w.sendTexts(me, 10002, "a")
		slow.wantPushed("1 a")
		slow.confirm(1)
		fast.confirm(1)
		hold := make(chan struct{})
		slow.blockPushes(hold)
		before := w.store.calls()
		for i := range 200 {
			w.sendTexts(me, 10002, fmt.Sprint(i))
			w.waitIdle()
		}
		if got := len(fast.describeReceived()); got != 201 {
			w.Errorf("the other device got %d entries", got)
		}
		slow.mu.Lock()
		if slow.pushing != 1 {
			w.Errorf("%d pushes wait on one connection", slow.pushing)
		}
		slow.mu.Unlock()
		w.wantCollected(you, "collect") // nor does a poll
		// A slow connection does not read ahead.
		if reads := w.store.calls() - before; reads > 2*200+10 {
			w.Errorf("the store was asked %d times", reads)
		}
		slow.blockPushes(nil)
		close(hold)
		if got := len(slow.describeReceived()); got != 200 {
			w.Errorf("in the end it got %d entries", got)
		}
	}, 10001, 10002)
}

func TestABrokenConnectionIsNotTriedAgain(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you := w.signIn(10001, home), w.signInDevice(10002, "phone")
		phone := w.subscribe(you)
		phone.mu.Lock()
		phone.broken = true
		phone.mu.Unlock()
		w.sendTexts(me, 10002, "a", "b")
		w.waitIdle()
		w.wantCollected(you, "collect", "a", "b")
	}, 10001, 10002)
}

func TestWhatCannotBeReadIsPushedLater(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you := w.signIn(10001, home), w.signInDevice(10002, "phone")
		w.store.setUnreadable(true)
		_, err := w.Subscribe(w.Context(), you, &pushClient{world: w})
		w.wantCode(err, rookery.CodeTemporary)
		w.store.setUnreadable(false)
		phone := w.subscribe(you)
		w.sendTexts(me, 10002, "a")
		phone.wantPushed("1 a")
		phone.confirm(1)
		w.store.setUnreadable(true)
		w.sendTexts(me, 10002, "b")
		w.passTime(time.Second)
		phone.wantPushed()
		w.store.setUnreadable(false)
		w.passTime(10 * time.Second)
		phone.wantPushed("2 b")
	}, 10001, 10002)
}

func TestAConfirmationThatCannotBeStoredIsStoredWithTheNext(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you := w.signIn(10001, home), w.signInDevice(10002, "phone")
		phone := w.subscribe(you)
		w.sendTexts(me, 10002, "a")
		phone.wantPushed("1 a")
		w.store.setFull(true)
		phone.confirm(1)
		w.passTime(time.Second)
		w.store.setFull(false)
		w.wantCursor(10002, "phone", 0)
		phone.disconnect()
		w.wantCursor(10002, "phone", 1)
	}, 10001, 10002)
}

func TestManyUnconfirmedPushesTakeLittleMemory(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		me, you := w.signInDevice(10001, "desk"), w.signInDevice(10002, "phone")
		phone := w.subscribe(you)
		for i := range 100 {
			w.sendTexts(me, 10002, fmt.Sprint(i), "and", "more")
			w.passTime(2 * time.Second)
			_, err := w.RefreshSession(me)
			w.must(err)
		}
		if n := service.PushedRangeCount(phone.subscription); n > 4 {
			w.Errorf("%d times are remembered", n)
		}
		phone.subscription.RecordReceived(w.now())
		phone.disconnect()
		w.wantCursor(10002, "phone", 3*98) // the last two were written 4 and 2 s ago
	}, 10001, 10002)
}
