package service_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// These tests cover sections 1.2 and 6 of the protocol for a line whose client may take one read for
// one record.

// makeRequest sends a request that is answered at once.
func (p *pushClient) makeRequest() {
	p.Helper()
	p.subscription.RecordReceived(p.now())
	p.subscription.RequestStarted()
	p.subscription.AnswerWritten()
	p.subscription.RequestsDone()
	p.waitIdle()
}

// withLineClient runs a test with an address session of 10002 on a new line connection.
func withLineClient(t *testing.T, test func(f *fixture, me *service.Session, phone *pushClient)) {
	t.Helper()
	inVirtualTime(t, func(f *fixture) {
		f.befriend(10001, 10002)
		me := f.signIn(10001, home)
		test(f, me, f.subscribe(f.signIn(10002, cafe)))
	}, 10001, 10002)
}

func TestPushKeepsGapAfterEarlierRecord(t *testing.T) {
	withLineClient(t, func(f *fixture, me *service.Session, phone *pushClient) {
		f.sendTexts(me, 10002, "a", "b")
		f.passTime(1499 * time.Millisecond)
		phone.wantPushed()
		f.passTime(time.Millisecond)
		phone.wantPushed("1 a")
		f.must(f.SetStatus(f.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
		f.passTime(1499 * time.Millisecond)
		phone.wantPushed()
		f.passTime(time.Millisecond)
		phone.wantPushed("#1 10001:30") // events of all kinds keep the gap; entries alternate with others
		f.passTime(1500 * time.Millisecond)
		phone.wantPushed("2 b")
		f.passTime(time.Minute)
		phone.makeRequest()
		f.sendTexts(me, 10002, "c")
		f.passTime(1499 * time.Millisecond)
		phone.wantPushed()
		f.passTime(time.Millisecond)
		phone.wantPushed("3 c")
		f.passTime(time.Minute)
		f.sendTexts(me, 10002, "d")
		phone.wantPushed("4 d") // at once after a pause
	})
}

func TestPushWaitsForOpenRequest(t *testing.T) {
	withLineClient(t, func(f *fixture, me *service.Session, phone *pushClient) {
		f.passTime(time.Minute)
		phone.subscription.RequestStarted()
		f.sendTexts(me, 10002, "a")
		f.passTime(5 * time.Second)
		phone.wantPushed()
		phone.subscription.AnswerWritten()
		phone.subscription.RequestsDone()
		f.passTime(999 * time.Millisecond)
		phone.wantPushed()
		f.passTime(time.Millisecond) // 6 s have passed
		phone.wantPushed("1 a")
		f.passTime(1499 * time.Millisecond)
		phone.wantPushed()
		f.passTime(time.Millisecond)
		phone.wantPushed("1 a") // repeated, because the answer followed too closely
		f.passTime(time.Minute)
		phone.wantPushed()
	})
}

func TestEachPushWaitsForItsOwnGap(t *testing.T) {
	withLineClient(t, func(f *fixture, me *service.Session, phone *pushClient) {
		f.passTime(time.Minute)
		phone.makeRequest()
		f.sendTexts(me, 10002, "a")
		for range 5 {
			f.passTime(1100 * time.Millisecond)
			phone.makeRequest()
			phone.wantPushed()
		}
		f.passTime(500 * time.Millisecond)
		phone.wantPushed("1 a") // after 6 s without a gap
		f.passTime(2 * time.Second)
		phone.wantPushed("1 a")
		f.passTime(time.Hour / 20)
		phone.makeRequest()
		f.sendTexts(me, 10002, "b")
		f.passTime(1499 * time.Millisecond)
		phone.wantPushed() // an earlier wait does not count
		f.passTime(time.Millisecond)
		phone.wantPushed("2 b")
	})
}

func TestAnswerCloseToPushRepeatsPush(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration // time of the push
		again bool
	}{{0, true}, {1499 * time.Millisecond, true}, {1500 * time.Millisecond, false}} {
		t.Run(fmt.Sprint("an answer ", tt.after, " later"), func(t *testing.T) {
			withLineClient(t, func(f *fixture, me *service.Session, phone *pushClient) {
				f.passTime(2 * time.Second)
				f.sendTexts(me, 10002, "a")
				phone.wantPushed("1 a")
				f.passTime(tt.after)
				phone.makeRequest()
				phone.wantPushed()
				f.sendTexts(me, 10002, "b")
				f.passTime(1500 * time.Millisecond)
				if tt.again {
					phone.wantPushed("1 a") // before all other entries
					f.passTime(1500 * time.Millisecond)
				}
				phone.wantPushed("2 b")
				f.passTime(6 * time.Second)
				f.wantCursor(10002, "", 0)
				phone.makeRequest()
				f.passTime(time.Second)
				f.wantCursor(10002, "", 2)
			})
		})
	}
}

func TestPushIsRepeatedThreeTimesThenLeftToGetMsgEx(t *testing.T) {
	withLineClient(t, func(f *fixture, me *service.Session, phone *pushClient) {
		you, err := f.AuthenticateSession(f.Context(), 10002, service.Caller{Address: cafe})
		f.must(err)
		f.passTime(2 * time.Second)
		f.sendTexts(me, 10002, "a")
		for range 4 {
			phone.wantPushed("1 a")
			phone.makeRequest()
			f.passTime(time.Second)
			f.wantCollected(you, fmt.Sprint("early ", f.now()))
			f.passTime(500 * time.Millisecond)
		}
		phone.wantPushed()
		f.sendTexts(me, 10002, "b") // later entries are pushed
		phone.wantPushed("2 b")
		f.passTime(6 * time.Second)
		phone.makeRequest() // confirms it
		f.sendTexts(me, 10002, "c")
		f.passTime(1500 * time.Millisecond)
		phone.wantPushed("3 c")
		f.wantCollected(you, "just behind a push") // the answer and the push could arrive together
		f.passTime(1500 * time.Millisecond)
		f.wantCollected(you, "collect 1", "a")
		f.wantCollected(you, "collect 1", "a")
		f.wantCollected(you, "collect 2")
		phone.disconnect()
		f.wantCursor(10002, "", 2)
		f.wantCollected(you, "collect 3", "c")
	})
}

func TestNextConnectionPushesEntryLeftToPoll(t *testing.T) {
	withLineClient(t, func(f *fixture, me *service.Session, phone *pushClient) {
		f.passTime(2 * time.Second)
		f.sendTexts(me, 10002, "a")
		for range 4 {
			phone.wantPushed("1 a")
			phone.makeRequest()
			f.passTime(1500 * time.Millisecond)
		}
		phone.wantPushed()
		phone.disconnect()
		phone = f.subscribe(f.signIn(10002, cafe))
		f.passTime(1500 * time.Millisecond)
		phone.wantPushed("1 a")
	})
}

func TestDevicesAndWebSocketsGetPushesAtOnce(t *testing.T) {
	for deviceName, connect := range map[string]func(f *fixture) *pushClient{
		"phone": func(f *fixture) *pushClient { return f.subscribe(f.signInDevice(10002, "phone")) },
		"":      func(f *fixture) *pushClient { return f.subscribeFramed(f.signIn(10002, cafe)) },
	} {
		t.Run("device "+deviceName, func(t *testing.T) {
			inVirtualTime(t, func(f *fixture) {
				me := f.signIn(10001, home)
				f.sendTexts(me, 10002, "a", "b", "c")
				phone := connect(f)
				phone.wantPushed("1 a", "2 b", "3 c")
				phone.subscription.RequestStarted()
				f.sendTexts(me, 10002, "d")
				phone.wantPushed("4 d")
				phone.subscription.AnswerWritten()
				phone.subscription.RequestsDone()
				f.passTime(time.Minute)
				phone.wantPushed()
				phone.subscription.RecordReceived(f.now())
				phone.disconnect()
				f.wantCursor(10002, deviceName, 4) // entries written 5 s before are confirmed
			}, 10001, 10002)
		})
	}
}

func TestSessionThatConfirmsByNumberIgnoresRecords(t *testing.T) {
	for name, next := range map[string]func(f *fixture, phone *pushClient) *pushClient{
		"on the same connection": func(_ *fixture, phone *pushClient) *pushClient { return phone },
		"on the next connection": func(f *fixture, phone *pushClient) *pushClient {
			phone.disconnect()
			return f.subscribe(f.signIn(10002, cafe))
		},
		"on one that takes over": func(f *fixture,
			_ *pushClient) *pushClient {
			return f.subscribe(f.signIn(10002, cafe))
		},
		"after a renewal elsewhere": func(f *fixture, phone *pushClient) *pushClient {
			f.signIn(10002, cafe)
			return phone
		},
		"after a restart": func(f *fixture, phone *pushClient) *pushClient {
			phone.disconnect()
			f.restart(time.Second)
			return f.subscribe(f.signIn(10002, cafe))
		},
		"after a crash": func(f *fixture, phone *pushClient) *pushClient {
			phone.disconnect()
			f.must(f.store.Close())
			f.start()
			return f.subscribe(f.signIn(10002, cafe))
		},
	} {
		t.Run(name, func(t *testing.T) {
			withLineClient(t, func(f *fixture, me *service.Session, phone *pushClient) {
				f.passTime(2 * time.Second)
				f.sendTexts(me, 10002, "a", "b", "c")
				phone.wantPushed("1 a")
				phone.confirm(0) // confirms nothing
				phone.wantPushed()
				phone.confirm(1)
				phone.wantPushed("2 b", "3 c") // at once
				now := next(f, phone)
				if now != phone {
					now.wantPushed("2 b", "3 c") // at once
				}
				f.passTime(10 * time.Second)
				now.makeRequest()
				f.passTime(10 * time.Second)
				now.makeRequest()
				now.wantPushed() // without repeats
				now.disconnect()
				f.wantCursor(10002, "", 1)
			})
		})
	}
}

func TestNewSessionConfirmsByRecordsAgain(t *testing.T) {
	for name, begin := range map[string]func(f *fixture) *service.Session{
		"after a logout": func(f *fixture) *service.Session {
			f.SignOut(f.Context(), 10002, service.Caller{Address: cafe})
			return f.signIn(10002, cafe)
		},
		"from another address": func(f *fixture) *service.Session { return f.signIn(10002, home) },
		"after it ran out": func(f *fixture) *service.Session {
			f.passTime(service.SessionTimeout)
			return f.signIn(10002, cafe)
		},
	} {
		t.Run(name, func(t *testing.T) {
			withLineClient(t, func(f *fixture, _ *service.Session, phone *pushClient) {
				me := f.signInDevice(10001, "desk")
				f.passTime(2 * time.Second)
				f.sendTexts(me, 10002, "a")
				phone.wantPushed("1 a")
				phone.confirm(1)
				phone.disconnect()
				phone = f.subscribe(begin(f))
				f.sendTexts(f.signInDevice(10001, "desk"), 10002, "b")
				phone.wantPushed()
				f.passTime(1500 * time.Millisecond)
				phone.wantPushed("2 b")
				f.passTime(5 * time.Second)
				phone.makeRequest()
				f.passTime(time.Second)
				f.wantCursor(10002, "", 2)
			})
		})
	}
}

func TestManyEntriesLeftToPollUseLittleMemory(t *testing.T) {
	withLineClient(t, func(f *fixture, _ *service.Session, phone *pushClient) {
		me := f.signInDevice(10001, "desk")
		for i := range 400 {
			_, err := f.RefreshSession(me)
			f.must(err)
			_, err = f.AuthenticateSession(f.Context(), 10002, service.Caller{Address: cafe})
			f.must(err)
			f.passTime(6 * time.Second)
			f.sendTexts(me, 10002, fmt.Sprint(i))
			f.waitIdle() // pushed at once
			if i%2 == 1 {
				continue // it arrives
			}
			for range 4 {
				phone.makeRequest()
				f.passTime(1500 * time.Millisecond)
			}
		}
		if n := service.PushedRangeCount(phone.subscription); n > 70 {
			t.Errorf("the subscription has %d ranges, want at most 70", n)
		}
		if got := phone.describeReceived(); len(got) != 200*4+200 {
			t.Errorf("the client received %d pushes, want 200 entries four times and 200 once", len(got))
		}
	})
}
