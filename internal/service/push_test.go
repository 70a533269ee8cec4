package service_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// These tests cover section 6 of the protocol, one for each sentence that concerns the service.

func TestPendingAndNewEntriesArePushed(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me, you := f.signIn(10001, home), f.signInDevice(10002, "phone")
		f.sendTexts(me, 10002, "waiting")
		phone := f.subscribe(you)
		phone.wantPushed("1 waiting")
		phone.confirm(1)
		f.sendTexts(me, 10002, "b", "c")
		phone.wantPushed("2 b", "3 c")
	}, 10001, 10002)
}

func TestPushedEntriesAreNotCollected(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		f.befriend(10001, 10002)
		me, you := f.signIn(10001, home), f.signInDevice(10002, "phone")
		f.sendTexts(me, 10002, "polled")
		f.wantCollected(you, "collect 1", "polled")
		f.sendTexts(me, 10002, "pushed")
		phone := f.subscribe(you)
		phone.wantPushed("2 pushed")
		f.wantCollected(you, "collect 1", "polled") // a repeat still gets its batch
		f.wantCollected(you, "collect 2")
		f.wantCollected(you, "collect 1") // "collect 2" has confirmed it
		phone.disconnect()
		f.must(f.SetStatus(f.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
		f.wantCollected(you, "collect 3", "pushed", "10001:30")
		f.sendTexts(me, 10002, "polled again")
		f.wantCollected(you, "collect 4", "polled again")
	}, 10001, 10002)
}

func TestNextConnectionRepeatsUnconfirmedEntries(t *testing.T) {
	for name, between := range map[string]func(f *fixture, you *service.Session) *service.Session{
		"at once": func(_ *fixture, you *service.Session) *service.Session { return you },
		"after a restart": func(f *fixture, _ *service.Session) *service.Session {
			f.restart(time.Second)
			you, err := f.AuthenticateSession(t.Context(), 10002, service.Caller{Address: cafe})
			f.must(err)
			return you
		},
		"after a login from another address": func(f *fixture,
			_ *service.Session) *service.Session {
			return f.signIn(10002, home)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(f *fixture) {
				me, you := f.signIn(10001, home), f.signIn(10002, cafe)
				phone := f.subscribeFramed(you)
				f.sendTexts(me, 10002, "a")
				phone.wantPushed("1 a")
				phone.confirm(1)
				f.sendTexts(me, 10002, "b", "c", "d")
				phone.wantPushed("2 b", "3 c", "4 d")
				phone.confirm(2)
				phone.disconnect()
				phone = f.subscribeFramed(between(f, you))
				phone.confirm(3)
				phone.wantPushed("3 c", "4 d")
			}, 10001, 10002)
		})
	}
}

func TestConfirmationsAreStoredInOneWrite(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me, you := f.signIn(10001, home), f.signInDevice(10002, "phone")
		phone := f.subscribe(you)
		for i := range 20 {
			f.sendTexts(me, 10002, fmt.Sprint(i))
		}
		f.passTime(time.Minute)
		f.wantCursor(10002, "phone", 0)
		before := f.store.calls()
		for i := range 7 {
			phone.confirm(uint64(i))
		}
		f.passTime(100 * time.Millisecond)
		if got := f.store.calls() - before; got > 7 { // one write for all; the other calls may be reads
			f.Errorf("7 confirmations called the store %d times, want at most 7", got)
		}
		f.wantCursor(10002, "phone", 6)
		phone.confirm(7)
		phone.disconnect() // closing the connection stores it
		f.wantCursor(10002, "phone", 7)
	}, 10001, 10002)
}

func (f *fixture) wantCursor(uin rookery.UIN, deviceName string, entryNumber uint64) {
	f.Helper()
	_, cursor, err := f.store.MailboxState(f.Context(), uin, deviceName)
	f.must(err)
	if cursor.Number != entryNumber {
		f.Errorf("the stored cursor of %q is %d, want %d", deviceName, cursor.Number, entryNumber)
	}
}

func TestConfirmationIsLimitedToPushedEntries(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me, you := f.signIn(10001, home), f.signInDevice(10002, "phone")
		phone := f.subscribe(you)
		f.sendTexts(me, 10002, "a")
		phone.wantPushed("1 a")
		phone.confirm(1000)
		f.sendTexts(me, 10002, "b")
		phone.wantPushed("2 b")
		phone.disconnect()
		f.subscribe(you).wantPushed("2 b")
	}, 10001, 10002)
}

func TestConfirmationCountsBeforeItIsStored(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me, you := f.signIn(10001, home), f.signInDevice(10002, "phone")
		phone := f.subscribe(you)
		f.sendTexts(me, 10002, "a", "b")
		phone.wantPushed("1 a", "2 b")
		phone.confirm(1)
		you = f.signInDevice(10002, "phone") // from another client
		f.wantCursor(10002, "phone", 0)
		f.wantCollected(you, "collect", "b")
	}, 10001, 10002)
}

func TestRecordConfirmsPushesOlderThanFiveSeconds(t *testing.T) {
	for _, tt := range []struct {
		record time.Duration // after the first push
		cursor uint64
	}{
		{5*time.Second - time.Millisecond, 0}, // the record may have been sent before the push arrived
		{5 * time.Second, 1},
		{7*time.Second - time.Millisecond, 1},
		{7 * time.Second, 2},
	} {
		t.Run(fmt.Sprint("a record after ", tt.record), func(t *testing.T) {
			inVirtualTime(t, func(f *fixture) {
				me, you := f.signIn(10001, home), f.signInDevice(10002, "phone")
				phone := f.subscribe(you)
				f.sendTexts(me, 10002, "a")
				phone.wantPushed("1 a")
				f.passTime(2 * time.Second)
				f.sendTexts(me, 10002, "b")
				phone.wantPushed("2 b")
				f.passTime(tt.record - 2*time.Second)
				phone.subscription.RecordReceived(f.now())
				f.passTime(time.Minute) // time alone confirms nothing
				f.wantCursor(10002, "phone", tt.cursor)
			}, 10001, 10002)
		})
	}
}

func TestSecondConnectionReplacesFirst(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me, you := f.signIn(10001, home), f.signInDevice(10002, "phone")
		first := f.subscribe(you)
		f.sendTexts(me, 10002, "a")
		first.wantPushed("1 a")
		first.confirm(1)
		f.sendTexts(me, 10002, "b", "c")
		first.wantPushed("2 b", "3 c")
		second := f.subscribe(you)
		if !first.isClosed() || second.isClosed() {
			f.Errorf("closed: first %v, second %v, want true and false", first.isClosed(), second.isClosed())
		}
		second.wantPushed("2 b", "3 c")
		first.confirm(3) // too late: the second connection receives the entries
		first.disconnect()
		second.confirm(2)
		f.sendTexts(me, 10002, "d")
		first.wantPushed()
		second.wantPushed("4 d")
	}, 10001, 10002)
}

func TestRenewedLoginOnSameConnectionRepeatsNoPush(t *testing.T) {
	for name, renew := range map[string]func(*fixture) *service.Session{
		"of a device":   func(f *fixture) *service.Session { return f.signInDevice(10002, "phone") },
		"of an address": func(f *fixture) *service.Session { return f.signIn(10002, home) },
		"after a logout": func(f *fixture) *service.Session {
			f.SignOut(f.Context(), 10002, service.Caller{Address: home})
			return f.signIn(10002, home)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(f *fixture) {
				me := f.signIn(10001, home)
				phone := f.subscribeFramed(renew(f))
				f.sendTexts(me, 10002, "a")
				phone.wantPushed("1 a")
				phone.confirm(1)
				f.sendTexts(me, 10002, "b")
				phone.wantPushed("2 b")
				you := renew(f)
				f.sendTexts(me, 10002, "c")
				phone.resubscribe(you)
				phone.wantPushed("3 c")
				if phone.isClosed() {
					f.Error("the connection was closed")
				}
				phone.disconnect()
				phone = f.subscribeFramed(you) // the same holds for entries that wait
				phone.confirm(2)
				phone.wantPushed("2 b", "3 c")
			}, 10001, 10002)
		})
	}
}

func TestEntriesCollectedElsewhereAreNotPushed(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me := f.signIn(10001, home)
		phone := f.subscribeFramed(f.signIn(10002, home))
		f.sendTexts(me, 10002, "a")
		phone.wantPushed("1 a")
		phone.confirm(1)
		first, second := make(chan struct{}), make(chan struct{})
		phone.blockPushes(first)
		f.sendTexts(me, 10002, "b")
		f.waitIdle() // the push is in progress
		f.sendTexts(me, 10002, "c", "d", "e")
		phone.blockPushes(second)
		close(first)
		f.waitIdle() // now "c" is, and the others are next
		f.wantInbox(f.signIn(10002, cafe), "b", "c", "d", "e")
		phone.resubscribe(f.signIn(10002, home))
		phone.blockPushes(nil)
		close(second)
		phone.wantPushed("2 b", "3 c")
		f.sendTexts(me, 10002, "f")
		phone.wantPushed("6 f")
	}, 10001, 10002)
}

func TestExpiredSessionLosesItsConnection(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me, you := f.signInDevice(10001, "desk"), f.signInDevice(10002, "phone")
		phone := f.subscribe(you)
		f.passTime(299 * time.Second)
		_, err := f.RefreshSession(me)
		f.must(err)
		if phone.isClosed() {
			f.Error("the connection was closed too early")
		}
		f.passTime(time.Second)
		if !phone.isClosed() {
			f.Error("the connection is open after its session has expired")
		}
		f.sendTexts(me, 10002, "a")
		phone.wantPushed()
		_, err = f.Subscribe(f.Context(), you, phone)
		f.wantCode(err, rookery.CodeNotSignedIn)
	}, 10001, 10002)
}

func TestEndedSessionGetsNoPushes(t *testing.T) {
	for name, end := range map[string]func(f *fixture, you *service.Session) error{
		"logout": func(f *fixture, _ *service.Session) error {
			f.SignOut(f.Context(), 10002, service.Caller{Address: cafe})
			return nil
		},
		"replaced": func(f *fixture, _ *service.Session) error {
			f.signIn(10002, home)
			return nil
		},
		"password": func(f *fixture, _ *service.Session) error {
			return f.SetPassword(f.Context(), 10002, "another")
		},
		"removed":     func(f *fixture, _ *service.Session) error { return f.RemoveAccount(f.Context(), 10002) },
		"devicesonly": func(f *fixture, _ *service.Session) error { return f.devicesOnly(10002, true) },
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(f *fixture) {
				me, you := f.signIn(10001, home), f.signIn(10002, cafe)
				phone := f.subscribe(you)
				f.must(end(f, you))
				_ = f.send(me, "", 10002, "a") // a removed account receives none
				phone.wantPushed()
				if phone.isClosed() {
					f.Error("the connection was closed, want it open for another login")
				}
				_, err := f.RefreshSession(you)
				f.wantCode(err, rookery.CodeNotSignedIn)
			}, 10001, 10002)
		})
	}
}

func TestSlowConnectionDelaysNoOther(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me, you, other := f.signInDevice(10001, "desk"), f.signInDevice(10002, "slow"), f.signInDevice(10002, "fast")
		slow, fast := f.subscribe(you), f.subscribe(other)
		f.sendTexts(me, 10002, "a")
		slow.wantPushed("1 a")
		slow.confirm(1)
		fast.confirm(1)
		unblock := make(chan struct{})
		slow.blockPushes(unblock)
		before := f.store.calls()
		for i := range 200 {
			f.sendTexts(me, 10002, fmt.Sprint(i))
			f.waitIdle()
		}
		if got := len(fast.describeReceived()); got != 201 {
			f.Errorf("the fast device got %d entries, want 201", got)
		}
		slow.mu.Lock()
		if slow.pushing != 1 {
			f.Errorf("%d pushes wait on the slow connection, want 1", slow.pushing)
		}
		slow.mu.Unlock()
		f.wantCollected(you, "collect") // nor does a poll
		// A slow connection does not read ahead.
		if reads := f.store.calls() - before; reads > 2*200+10 {
			f.Errorf("the store was called %d times, want at most %d", reads, 2*200+10)
		}
		slow.blockPushes(nil)
		close(unblock)
		if got := len(slow.describeReceived()); got != 200 {
			f.Errorf("the slow device got %d entries, want 200", got)
		}
	}, 10001, 10002)
}

func TestBrokenConnectionGetsNoMorePushes(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me, you := f.signIn(10001, home), f.signInDevice(10002, "phone")
		phone := f.subscribe(you)
		phone.mu.Lock()
		phone.broken = true
		phone.mu.Unlock()
		f.sendTexts(me, 10002, "a", "b")
		f.waitIdle()
		f.wantCollected(you, "collect", "a", "b")
	}, 10001, 10002)
}

func TestUnreadableEntriesArePushedLater(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me, you := f.signIn(10001, home), f.signInDevice(10002, "phone")
		f.store.setUnreadable(true)
		_, err := f.Subscribe(f.Context(), you, &pushClient{fixture: f})
		f.wantCode(err, rookery.CodeTemporary)
		f.store.setUnreadable(false)
		phone := f.subscribe(you)
		f.sendTexts(me, 10002, "a")
		phone.wantPushed("1 a")
		phone.confirm(1)
		f.store.setUnreadable(true)
		f.sendTexts(me, 10002, "b")
		f.passTime(time.Second)
		phone.wantPushed()
		f.store.setUnreadable(false)
		f.passTime(10 * time.Second)
		phone.wantPushed("2 b")
	}, 10001, 10002)
}

func TestFailedConfirmationIsStoredLater(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me, you := f.signIn(10001, home), f.signInDevice(10002, "phone")
		phone := f.subscribe(you)
		f.sendTexts(me, 10002, "a")
		phone.wantPushed("1 a")
		f.store.setFull(true)
		phone.confirm(1)
		f.passTime(time.Second)
		f.store.setFull(false)
		f.wantCursor(10002, "phone", 0)
		phone.disconnect()
		f.wantCursor(10002, "phone", 1)
	}, 10001, 10002)
}

func TestManyUnconfirmedPushesUseLittleMemory(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		me, you := f.signInDevice(10001, "desk"), f.signInDevice(10002, "phone")
		phone := f.subscribe(you)
		for i := range 100 {
			f.sendTexts(me, 10002, fmt.Sprint(i), "and", "more")
			f.passTime(2 * time.Second)
			_, err := f.RefreshSession(me)
			f.must(err)
		}
		if n := service.PushedRangeCount(phone.subscription); n > 4 {
			f.Errorf("the subscription has %d ranges, want at most 4", n)
		}
		phone.subscription.RecordReceived(f.now())
		phone.disconnect()
		f.wantCursor(10002, "phone", 3*98) // the last two were written 4 and 2 s ago
	}, 10001, 10002)
}
