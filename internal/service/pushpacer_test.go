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
func withLineClient(t *testing.T, test func(w *world, me *service.Session, phone *pushClient)) {
	t.Helper()
	inVirtualTime(t, func(w *world) {
		w.befriend(10001, 10002)
		me := w.signIn(10001, home)
		test(w, me, w.subscribe(w.signIn(10002, cafe)))
	}, 10001, 10002)
}

func TestAPushKeepsAwayFromTheRecordBeforeIt(t *testing.T) {
	withLineClient(t, func(w *world, me *service.Session, phone *pushClient) {
		w.sendTexts(me, 10002, "a", "b")
		w.passTime(1499 * time.Millisecond)
		phone.wantPushed()
		w.passTime(time.Millisecond)
		phone.wantPushed("1 a")
		w.must(w.SetStatus(w.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
		w.passTime(1499 * time.Millisecond)
		phone.wantPushed()
		w.passTime(time.Millisecond)
		phone.wantPushed("#1 10001:30") // events of all kinds keep the gap; entries alternate with others
		w.passTime(1500 * time.Millisecond)
		phone.wantPushed("2 b")
		w.passTime(time.Minute)
		phone.makeRequest()
		w.sendTexts(me, 10002, "c")
		w.passTime(1499 * time.Millisecond)
		phone.wantPushed()
		w.passTime(time.Millisecond)
		phone.wantPushed("3 c")
		w.passTime(time.Minute)
		w.sendTexts(me, 10002, "d")
		phone.wantPushed("4 d") // at once after a pause
	})
}

func TestAPushWaitsWhileARequestIsOpen(t *testing.T) {
	withLineClient(t, func(w *world, me *service.Session, phone *pushClient) {
		w.passTime(time.Minute)
		phone.subscription.RequestStarted()
		w.sendTexts(me, 10002, "a")
		w.passTime(5 * time.Second)
		phone.wantPushed()
		phone.subscription.AnswerWritten()
		phone.subscription.RequestsDone()
		w.passTime(999 * time.Millisecond)
		phone.wantPushed()
		w.passTime(time.Millisecond) // 6 s have passed
		phone.wantPushed("1 a")
		w.passTime(1499 * time.Millisecond)
		phone.wantPushed()
		w.passTime(time.Millisecond)
		phone.wantPushed("1 a") // repeated, because the answer followed too closely
		w.passTime(time.Minute)
		phone.wantPushed()
	})
}

func TestEachPushWaitsForAGapAnew(t *testing.T) {
	withLineClient(t, func(w *world, me *service.Session, phone *pushClient) {
		w.passTime(time.Minute)
		phone.makeRequest()
		w.sendTexts(me, 10002, "a")
		for range 5 {
			w.passTime(1100 * time.Millisecond)
			phone.makeRequest()
			phone.wantPushed()
		}
		w.passTime(500 * time.Millisecond)
		phone.wantPushed("1 a") // after 6 s without a gap
		w.passTime(2 * time.Second)
		phone.wantPushed("1 a")
		w.passTime(time.Hour / 20)
		phone.makeRequest()
		w.sendTexts(me, 10002, "b")
		w.passTime(1499 * time.Millisecond)
		phone.wantPushed() // an earlier wait does not count
		w.passTime(time.Millisecond)
		phone.wantPushed("2 b")
	})
}

func TestAnAnswerBesideAPushHasItPushedAgain(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration // time of the push
		again bool
	}{{0, true}, {1499 * time.Millisecond, true}, {1500 * time.Millisecond, false}} {
		t.Run(fmt.Sprint("an answer ", tt.after, " later"), func(t *testing.T) {
			withLineClient(t, func(w *world, me *service.Session, phone *pushClient) {
				w.passTime(2 * time.Second)
				w.sendTexts(me, 10002, "a")
				phone.wantPushed("1 a")
				w.passTime(tt.after)
				phone.makeRequest()
				phone.wantPushed()
				w.sendTexts(me, 10002, "b")
				w.passTime(1500 * time.Millisecond)
				if tt.again {
					phone.wantPushed("1 a") // before all other entries
					w.passTime(1500 * time.Millisecond)
				}
				phone.wantPushed("2 b")
				w.passTime(6 * time.Second)
				w.wantCursor(10002, "", 0)
				phone.makeRequest()
				w.passTime(time.Second)
				w.wantCursor(10002, "", 2)
			})
		})
	}
}

func TestAPushIsRepeatedThreeTimesAndThenLeftToGetMsgEx(t *testing.T) {
	withLineClient(t, func(w *world, me *service.Session, phone *pushClient) {
		you, err := w.AuthenticateSession(w.Context(), 10002, service.Caller{Address: cafe})
		w.must(err)
		w.passTime(2 * time.Second)
		w.sendTexts(me, 10002, "a")
		for range 4 {
			phone.wantPushed("1 a")
			phone.makeRequest()
			w.passTime(time.Second)
			w.wantCollected(you, fmt.Sprint("early ", w.now()))
			w.passTime(500 * time.Millisecond)
		}
		phone.wantPushed()
		w.sendTexts(me, 10002, "b") // later entries are pushed
		phone.wantPushed("2 b")
		w.passTime(6 * time.Second)
		phone.makeRequest() // confirms it
		w.sendTexts(me, 10002, "c")
		w.passTime(1500 * time.Millisecond)
		phone.wantPushed("3 c")
		w.wantCollected(you, "just behind a push") // the answer and the push could arrive together
		w.passTime(1500 * time.Millisecond)
		w.wantCollected(you, "collect 1", "a")
		w.wantCollected(you, "collect 1", "a")
		w.wantCollected(you, "collect 2")
		phone.disconnect()
		w.wantCursor(10002, "", 2)
		w.wantCollected(you, "collect 3", "c")
	})
}

func TestWhatWasLeftComesWithTheNextConnection(t *testing.T) {
	withLineClient(t, func(w *world, me *service.Session, phone *pushClient) {
		w.passTime(2 * time.Second)
		w.sendTexts(me, 10002, "a")
		for range 4 {
			phone.wantPushed("1 a")
			phone.makeRequest()
			w.passTime(1500 * time.Millisecond)
		}
		phone.wantPushed()
		phone.disconnect()
		phone = w.subscribe(w.signIn(10002, cafe))
		w.passTime(1500 * time.Millisecond)
		phone.wantPushed("1 a")
	})
}

func TestADeviceAndAWebSocketWaitForNothing(t *testing.T) {
	for deviceName, connect := range map[string]func(w *world) *pushClient{
		"phone": func(w *world) *pushClient { return w.subscribe(w.signInDevice(10002, "phone")) },
		"":      func(w *world) *pushClient { return w.subscribeFramed(w.signIn(10002, cafe)) },
	} {
		t.Run("device "+deviceName, func(t *testing.T) {
			inVirtualTime(t, func(w *world) {
				me := w.signIn(10001, home)
				w.sendTexts(me, 10002, "a", "b", "c")
				phone := connect(w)
				phone.wantPushed("1 a", "2 b", "3 c")
				phone.subscription.RequestStarted()
				w.sendTexts(me, 10002, "d")
				phone.wantPushed("4 d")
				phone.subscription.AnswerWritten()
				phone.subscription.RequestsDone()
				w.passTime(time.Minute)
				phone.wantPushed()
				phone.subscription.RecordReceived(w.now())
				phone.disconnect()
				w.wantCursor(10002, deviceName, 4) // entries written 5 s before are confirmed
			}, 10001, 10002)
		})
	}
}

func TestOfASessionThatHasConfirmedByNumberNothingElseConfirms(t *testing.T) {
	for name, next := range map[string]func(w *world, phone *pushClient) *pushClient{
		"on the same connection": func(_ *world, phone *pushClient) *pushClient { return phone },
		"on the next connection": func(w *world, phone *pushClient) *pushClient {
			phone.disconnect()
			return w.subscribe(w.signIn(10002, cafe))
		},
		"on one that takes over": func(w *world,
			_ *pushClient) *pushClient {
			return w.subscribe(w.signIn(10002, cafe))
		},
		"after a renewal elsewhere": func(w *world, phone *pushClient) *pushClient {
			w.signIn(10002, cafe)
			return phone
		},
		"after a restart": func(w *world, phone *pushClient) *pushClient {
			phone.disconnect()
			w.restart(time.Second)
			return w.subscribe(w.signIn(10002, cafe))
		},
		"after a crash": func(w *world, phone *pushClient) *pushClient {
			phone.disconnect()
			w.must(w.store.Close())
			w.start()
			return w.subscribe(w.signIn(10002, cafe))
		},
	} {
		t.Run(name, func(t *testing.T) {
			withLineClient(t, func(w *world, me *service.Session, phone *pushClient) {
				w.passTime(2 * time.Second)
				w.sendTexts(me, 10002, "a", "b", "c")
				phone.wantPushed("1 a")
				phone.confirm(0) // confirms nothing
				phone.wantPushed()
				phone.confirm(1)
				phone.wantPushed("2 b", "3 c") // at once
				now := next(w, phone)
				if now != phone {
					now.wantPushed("2 b", "3 c") // at once
				}
				w.passTime(10 * time.Second)
				now.makeRequest()
				w.passTime(10 * time.Second)
				now.makeRequest()
				now.wantPushed() // without repeats
				now.disconnect()
				w.wantCursor(10002, "", 1)
			})
		})
	}
}

func TestASessionThatBeginsAnewConfirmsByRecordsAgain(t *testing.T) {
	for name, begin := range map[string]func(w *world) *service.Session{
		"after a logout": func(w *world) *service.Session {
			w.SignOut(w.Context(), 10002, service.Caller{Address: cafe})
			return w.signIn(10002, cafe)
		},
		"from another address": func(w *world) *service.Session { return w.signIn(10002, home) },
		"after it ran out": func(w *world) *service.Session {
			w.passTime(service.SessionTimeout)
			return w.signIn(10002, cafe)
		},
	} {
		t.Run(name, func(t *testing.T) {
			withLineClient(t, func(w *world, _ *service.Session, phone *pushClient) {
				me := w.signInDevice(10001, "desk")
				w.passTime(2 * time.Second)
				w.sendTexts(me, 10002, "a")
				phone.wantPushed("1 a")
				phone.confirm(1)
				phone.disconnect()
				phone = w.subscribe(begin(w))
				w.sendTexts(w.signInDevice(10001, "desk"), 10002, "b")
				phone.wantPushed()
				w.passTime(1500 * time.Millisecond)
				phone.wantPushed("2 b")
				w.passTime(5 * time.Second)
				phone.makeRequest()
				w.passTime(time.Second)
				w.wantCursor(10002, "", 2)
			})
		})
	}
}

func TestWhatIsLeftForLongTakesLittleMemory(t *testing.T) {
	withLineClient(t, func(w *world, _ *service.Session, phone *pushClient) {
		me := w.signInDevice(10001, "desk")
		for i := range 400 {
			_, err := w.RefreshSession(me)
			w.must(err)
			_, err = w.AuthenticateSession(w.Context(), 10002, service.Caller{Address: cafe})
			w.must(err)
			w.passTime(6 * time.Second)
			w.sendTexts(me, 10002, fmt.Sprint(i))
			w.waitIdle() // pushed at once
			if i%2 == 1 {
				continue // it arrives
			}
			for range 4 {
				phone.makeRequest()
				w.passTime(1500 * time.Millisecond)
			}
		}
		if n := service.PushedRangeCount(phone.subscription); n > 70 {
			t.Errorf("%d times are remembered", n)
		}
		if got := phone.describeReceived(); len(got) != 200*4+200 {
			t.Errorf("pushed were %d, want 200 four times and 200 once", len(got))
		}
	})
}
