package service_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// held blocks its callers until goOn is closed or their contexts end.
type held struct {
	goOn  chan struct{}
	calls atomic.Int32
	ended atomic.Int32 // calls whose context ended
}

func newHeld() *held { return &held{goOn: make(chan struct{})} }

func (h *held) hold(ctx context.Context) {
	h.calls.Add(1)
	select {
	case <-h.goOn:
	case <-ctx.Done():
		h.ended.Add(1)
	}
}

// asked is a call that runs beside the test.
type asked struct {
	leave context.CancelFunc
	err   chan error
}

func ask(w *world, do func(context.Context) error) asked {
	ctx, leave := context.WithCancel(w.Context())
	a := asked{leave, make(chan error, 1)}
	go func() { a.err <- do(ctx) }()
	w.waitIdle()
	return a
}

// left cancels the call's context and checks that the call then ends.
func (a asked) left(w *world) {
	w.Helper()
	a.leave()
	w.waitIdle()
	select {
	case err := <-a.err:
		w.wantCode(err, rookery.CodeTemporary)
		if !errors.Is(err, context.Canceled) {
			w.Errorf("not because of its context: %v", err)
		}
	default:
		w.Error("the call goes on after its context has ended")
	}
}

func (a asked) waits(w *world) {
	w.Helper()
	select {
	case err := <-a.err:
		w.Errorf("the call has ended: %v", err)
	default:
	}
}

func login(w *world) func(context.Context) error {
	return func(ctx context.Context) error {
		proof := service.ProofOf(password)
		_, _, err := w.SignIn(ctx, service.SignInRequest{UIN: 10001, Proof: &proof, Address: home})
		return err
	}
}

func TestALoginThatSeveralWaitForDoesNotEndWithTheFirst(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		held := newHeld()
		w.store.beforeKnownAddress = held.hold
		first, second := ask(w, login(w)), ask(w, login(w))
		if n := held.calls.Load(); n != 1 {
			t.Errorf("the proof is checked %d times", n)
		}
		first.left(w)
		second.waits(w)
		close(held.goOn)
		w.must(<-second.err)
		if held.ended.Load() != 0 {
			t.Error("the work has ended with its first caller")
		}
	}, 10001)
}

func TestALoginThatNobodyWaitsForEnds(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		held := newHeld()
		w.store.beforeKnownAddress = held.hold
		first, second := ask(w, login(w)), ask(w, login(w))
		first.left(w)
		second.left(w)
		if held.ended.Load() != 1 {
			t.Error("the work goes on for nobody")
		}
		w.store.beforeKnownAddress = nil
		w.must(ask(w, login(w)).now()) // the next login starts a new check
	}, 10001)
}

// now returns the result of a call that must have ended.
func (a asked) now() error {
	select {
	case err := <-a.err:
		return err
	default:
		return errors.New("the call goes on")
	}
}

func TestALoginEndsWithTheService(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		held := newHeld()
		w.store.beforeKnownAddress = held.hold
		one := ask(w, login(w))
		ended, end := context.WithCancel(w.Context())
		end()
		w.must(w.Service.Run(ended))
		w.waitIdle()
		if held.ended.Load() != 1 {
			t.Error("the work goes on after the service has ended")
		}
		<-one.err
	}, 10001)
}

func TestAPanicOfSharedWorkIsOneOfEverybodyWhoWaits(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		held := newHeld()
		w.store.beforeKnownAddress = func(ctx context.Context) { held.hold(ctx); panic("out of order") }
		caught := func(ctx context.Context) (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			return login(w)(ctx)
		}
		first, second := ask(w, caught), ask(w, caught)
		close(held.goOn)
		w.waitIdle()
		for _, a := range []asked{first, second} {
			got := a.now().Error()
			if !strings.Contains(got, "out of order") || !strings.Contains(got, "context_test.go") {
				t.Errorf("a caller got %s", got)
			}
		}
	}, 10001)
}

func TestSearchesHeedTheirContextWhileTheyWait(t *testing.T) {
	search := func(w *world, session *service.Session) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := w.History(ctx, session, rookery.HistoryQuery{Limit: 1, Text: "word"})
			return err
		}
	}
	find := func(w *world, session *service.Session) func(context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := w.FindAccounts(ctx, session, rookery.ProfileQuery{}, service.PageQuery{Limit: 1})
			return err
		}
	}
	inVirtualTime(t, func(w *world) {
		held := newHeld()
		w.store.beforeHistory = func(rookery.UIN) { held.hold(w.Context()) }
		one, two, three := w.signIn(10001, home), w.signIn(10002, home), w.signIn(10003, home)
		begun := []asked{ask(w, search(w, one)), ask(w, search(w, two))}
		ask(w, search(w, one)).left(w)   // waits for the account's other search
		ask(w, search(w, three)).left(w) // waits for the searches of other accounts
		ask(w, find(w, one)).left(w)     // waits for the account's other search
		if n := held.calls.Load(); n != 2 {
			t.Errorf("%d searches read the store", n)
		}
		close(held.goOn)
		for _, a := range begun {
			w.must(<-a.err)
		}
		w.must(find(w, one)(w.Context()))
	}, 10001, 10002, 10003)
}

func TestASearchForPeopleHoldsUpNobodyWhileItReadsTheStore(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		one, two := w.signIn(10001, home), w.signIn(10002, home)
		held := newHeld()
		w.store.beforeAccounts = func(ctx context.Context) {
			if held.calls.Load() == 0 {
				held.hold(ctx)
			}
		}
		find := func(ctx context.Context, session *service.Session) error {
			page, _, err := w.FindAccounts(ctx, session, rookery.ProfileQuery{}, service.PageQuery{Limit: 10})
			if err == nil && len(page) != 2 {
				err = fmt.Errorf("found %v", page)
			}
			return err
		}
		slow := ask(w, func(ctx context.Context) error { return find(ctx, one) })
		slow.waits(w)
		w.must(ask(w, func(ctx context.Context) error { return find(ctx, two) }).now())
		close(held.goOn)
		w.must(<-slow.err)
	}, 10001, 10002)
}

// Every call that waits for changeLock or collectLock ends with its context.
func TestWhoeverWaitsForATurnHeedsItsContext(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		session := w.signInDevice(10001, "desk")
		none := rookery.RequestKey{}
		for _, c := range []struct {
			name string
			hold func(context.Context, *service.Session) (func(), error)
			call func(context.Context) error
		}{
			{"login", service.HoldChangeLock, login(w)},
			{"status", service.HoldChangeLock, func(ctx context.Context) error {
				return w.SetStatus(ctx, session, rookery.StatusAway, none)
			}},
			{"block", service.HoldChangeLock, func(ctx context.Context) error {
				return w.Block(ctx, session, 10002, none)
			}},
			{"read", service.HoldChangeLock, func(ctx context.Context) error {
				return w.MarkRead(ctx, session, rookery.ReadMark{With: 10002}, none)
			}},
			{"forget a device", service.HoldChangeLock, func(ctx context.Context) error {
				return w.ForgetDevice(ctx, session, 7, none)
			}},
			{"revoke a device", service.HoldChangeLock, func(ctx context.Context) error {
				return w.RevokeDevice(ctx, 10001, 1)
			}},
			{"password", service.HoldChangeLock, func(ctx context.Context) error {
				return w.SetPassword(ctx, 10001, "new")
			}},
			{"remove", service.HoldChangeLock, func(ctx context.Context) error {
				return w.RemoveAccount(ctx, 10001)
			}},
			{"revoke a device that collects", service.HoldCollectLock, func(ctx context.Context) error {
				return w.RevokeDevice(ctx, 10001, 1)
			}},
			{"collect", service.HoldCollectLock, func(ctx context.Context) error {
				_, err := w.Collect(ctx, session, "1", service.BatchLimit{})
				return err
			}},
			{"attach", service.HoldCollectLock, func(ctx context.Context) error {
				_, err := w.Subscribe(ctx, session, nil)
				return err
			}},
		} {
			t.Log(c.name)
			end, err := c.hold(w.Context(), session)
			w.must(err)
			ask(w, c.call).left(w)
			end()
		}
	}, 10001, 10002)
}
