package service_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// The pace of a line whose client may take one read for one record: sections 1.2
// and 6 of the protocol.

// asks has the client make a request that is answered at once.
func (p *phone) asks() {
	p.Helper()
	p.feed.Heard(p.now())
	p.feed.Asked()
	p.feed.Answered()
	p.feed.Idle()
	p.settle()
}

// onLine runs a test with an address session of 10002 on a line, just bound.
func onLine(t *testing.T, test func(w *world, me *service.Session, phone *phone)) {
	t.Helper()
	inBubble(t, func(w *world) {
		w.befriend(10001, 10002)
		me := w.signIn(10001, home)
		test(w, me, w.attach(w.signIn(10002, cafe)))
	}, 10001, 10002)
}

func TestAPushKeepsAwayFromTheRecordBeforeIt(t *testing.T) {
	onLine(t, func(w *world, me *service.Session, phone *phone) {
		w.says(me, 10002, "a", "b")
		w.pass(1499 * time.Millisecond)
		phone.want()
		w.pass(time.Millisecond)
		phone.want("1 a")
		w.must(w.SetStatus(w.Context(), me, rookery.StatusAway, rookery.RequestKey{}))
		w.pass(1499 * time.Millisecond)
		phone.want()
		w.pass(time.Millisecond)
		phone.want("#1 10001:30") // of any kind; entries and the rest take turns
		w.pass(1500 * time.Millisecond)
		phone.want("2 b")
		w.pass(time.Minute)
		phone.asks()
		w.says(me, 10002, "c")
		w.pass(1499 * time.Millisecond)
		phone.want()
		w.pass(time.Millisecond)
		phone.want("3 c")
		w.pass(time.Minute)
		w.says(me, 10002, "d")
		phone.want("4 d") // after a pause at once
	})
}

func TestAPushWaitsWhileARequestIsOpen(t *testing.T) {
	onLine(t, func(w *world, me *service.Session, phone *phone) {
		w.pass(time.Minute)
		phone.feed.Asked()
		w.says(me, 10002, "a")
		w.pass(5 * time.Second)
		phone.want()
		phone.feed.Answered()
		phone.feed.Idle()
		w.pass(999 * time.Millisecond)
		phone.want()
		w.pass(time.Millisecond) // 6 s are over
		phone.want("1 a")
		w.pass(1499 * time.Millisecond)
		phone.want()
		w.pass(time.Millisecond)
		phone.want("1 a") // the answer was too near
		w.pass(time.Minute)
		phone.want()
	})
}

func TestEachPushWaitsForAGapAnew(t *testing.T) {
	onLine(t, func(w *world, me *service.Session, phone *phone) {
		w.pass(time.Minute)
		phone.asks()
		w.says(me, 10002, "a")
		for range 5 {
			w.pass(1100 * time.Millisecond)
			phone.asks()
			phone.want()
		}
		w.pass(500 * time.Millisecond)
		phone.want("1 a") // after 6 s, in vain
		w.pass(2 * time.Second)
		phone.want("1 a")
		w.pass(time.Hour / 20)
		phone.asks()
		w.says(me, 10002, "b")
		w.pass(1499 * time.Millisecond)
		phone.want() // what waited before is forgotten
		w.pass(time.Millisecond)
		phone.want("2 b")
	})
}

func TestAnAnswerBesideAPushHasItPushedAgain(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration // the push
		again bool
	}{{0, true}, {1499 * time.Millisecond, true}, {1500 * time.Millisecond, false}} {
		t.Run(fmt.Sprint("an answer ", tt.after, " later"), func(t *testing.T) {
			onLine(t, func(w *world, me *service.Session, phone *phone) {
				w.pass(2 * time.Second)
				w.says(me, 10002, "a")
				phone.want("1 a")
				w.pass(tt.after)
				phone.asks()
				phone.want()
				w.says(me, 10002, "b")
				w.pass(1500 * time.Millisecond)
				if tt.again {
					phone.want("1 a") // before all others
					w.pass(1500 * time.Millisecond)
				}
				phone.want("2 b")
				w.pass(6 * time.Second)
				w.wantPlace(10002, "", 0)
				phone.asks()
				w.pass(time.Second)
				w.wantPlace(10002, "", 2)
			})
		})
	}
}

func TestAPushIsRepeatedThreeTimesAndThenLeftToGetMsgEx(t *testing.T) {
	onLine(t, func(w *world, me *service.Session, phone *phone) {
		you, err := w.Session(w.Context(), 10002, service.Caller{Address: cafe})
		w.must(err)
		w.pass(2 * time.Second)
		w.says(me, 10002, "a")
		for range 4 {
			phone.want("1 a")
			phone.asks()
			w.pass(time.Second)
			w.wantCollected(you, fmt.Sprint("early ", w.now()))
			w.pass(500 * time.Millisecond)
		}
		phone.want()
		w.says(me, 10002, "b") // what follows is pushed
		phone.want("2 b")
		w.pass(6 * time.Second)
		phone.asks() // confirms it
		w.says(me, 10002, "c")
		w.pass(1500 * time.Millisecond)
		phone.want("3 c")
		w.wantCollected(you, "just behind a push") // they could come together
		w.pass(1500 * time.Millisecond)
		w.wantCollected(you, "collect 1", "a")
		w.wantCollected(you, "collect 1", "a")
		w.wantCollected(you, "collect 2")
		phone.cut()
		w.wantPlace(10002, "", 2)
		w.wantCollected(you, "collect 3", "c")
	})
}

func TestWhatWasLeftComesWithTheNextConnection(t *testing.T) {
	onLine(t, func(w *world, me *service.Session, phone *phone) {
		w.pass(2 * time.Second)
		w.says(me, 10002, "a")
		for range 4 {
			phone.want("1 a")
			phone.asks()
			w.pass(1500 * time.Millisecond)
		}
		phone.want()
		phone.cut()
		phone = w.attach(w.signIn(10002, cafe))
		w.pass(1500 * time.Millisecond)
		phone.want("1 a")
	})
}

func TestADeviceAndAWebSocketWaitForNothing(t *testing.T) {
	for device, connect := range map[string]func(w *world) *phone{
		"phone": func(w *world) *phone { return w.attach(w.device(10002, "phone")) },
		"":      func(w *world) *phone { return w.webSocket(w.signIn(10002, cafe)) },
	} {
		t.Run("device "+device, func(t *testing.T) {
			inBubble(t, func(w *world) {
				me := w.signIn(10001, home)
				w.says(me, 10002, "a", "b", "c")
				phone := connect(w)
				phone.want("1 a", "2 b", "3 c")
				phone.feed.Asked()
				w.says(me, 10002, "d")
				phone.want("4 d")
				phone.feed.Answered()
				phone.feed.Idle()
				w.pass(time.Minute)
				phone.want()
				phone.feed.Heard(w.now())
				phone.cut()
				w.wantPlace(10002, device, 4) // what was written 5 s before has arrived
			}, 10001, 10002)
		})
	}
}

func TestOfASessionThatHasConfirmedByNumberNothingElseConfirms(t *testing.T) {
	for name, next := range map[string]func(w *world, phone *phone) *phone{
		"on the same connection": func(_ *world, phone *phone) *phone { return phone },
		"on the next connection": func(w *world, phone *phone) *phone {
			phone.cut()
			return w.attach(w.signIn(10002, cafe))
		},
		"on one that takes over": func(w *world, _ *phone) *phone { return w.attach(w.signIn(10002, cafe)) },
		"after a renewal elsewhere": func(w *world, phone *phone) *phone {
			w.signIn(10002, cafe)
			return phone
		},
		"after a restart": func(w *world, phone *phone) *phone {
			phone.cut()
			w.restart(time.Second)
			return w.attach(w.signIn(10002, cafe))
		},
		"after a crash": func(w *world, phone *phone) *phone {
			phone.cut()
			w.must(w.store.Close())
			w.start()
			return w.attach(w.signIn(10002, cafe))
		},
	} {
		t.Run(name, func(t *testing.T) {
			onLine(t, func(w *world, me *service.Session, phone *phone) {
				w.pass(2 * time.Second)
				w.says(me, 10002, "a", "b", "c")
				phone.want("1 a")
				phone.confirm(0) // of nothing
				phone.want()
				phone.confirm(1)
				phone.want("2 b", "3 c") // at once
				now := next(w, phone)
				if now != phone {
					now.want("2 b", "3 c") // at once
				}
				w.pass(10 * time.Second)
				now.asks()
				w.pass(10 * time.Second)
				now.asks()
				now.want() // and nothing is repeated
				now.cut()
				w.wantPlace(10002, "", 1)
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
			w.pass(service.SessionLife)
			return w.signIn(10002, cafe)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onLine(t, func(w *world, _ *service.Session, phone *phone) {
				me := w.device(10001, "desk")
				w.pass(2 * time.Second)
				w.says(me, 10002, "a")
				phone.want("1 a")
				phone.confirm(1)
				phone.cut()
				phone = w.attach(begin(w))
				w.says(w.device(10001, "desk"), 10002, "b")
				phone.want()
				w.pass(1500 * time.Millisecond)
				phone.want("2 b")
				w.pass(5 * time.Second)
				phone.asks()
				w.pass(time.Second)
				w.wantPlace(10002, "", 2)
			})
		})
	}
}

func TestWhatIsLeftForLongTakesLittleMemory(t *testing.T) {
	onLine(t, func(w *world, _ *service.Session, phone *phone) {
		me := w.device(10001, "desk")
		for i := range 400 {
			_, err := w.Heard(me)
			w.must(err)
			_, err = w.Session(w.Context(), 10002, service.Caller{Address: cafe})
			w.must(err)
			w.pass(6 * time.Second)
			w.says(me, 10002, fmt.Sprint(i))
			w.settle() // it is pushed at once
			if i%2 == 1 {
				continue // that one arrives
			}
			for range 4 {
				phone.asks()
				w.pass(1500 * time.Millisecond)
			}
		}
		if n := service.Waves(phone.feed); n > 70 {
			t.Errorf("%d times are remembered", n)
		}
		if got := phone.got(); len(got) != 200*4+200 {
			t.Errorf("pushed were %d, want 200 four times and 200 once", len(got))
		}
	})
}
