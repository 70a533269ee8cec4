package service_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/service"
)

// gate blocks its callers until opened is closed or their contexts end.
type gate struct {
	opened chan struct{}
	calls  atomic.Int32
	ended  atomic.Int32 // calls whose context ended
}

func newGate() *gate { return &gate{opened: make(chan struct{})} }

func (h *gate) wait(ctx context.Context) {
	h.calls.Add(1)
	select {
	case <-h.opened:
	case <-ctx.Done():
		h.ended.Add(1)
	}
}

// pendingCall is a call that runs beside the test.
type pendingCall struct {
	cancel context.CancelFunc
	err    chan error
}

func startCall(w *world, do func(context.Context) error) pendingCall {
	ctx, cancel := context.WithCancel(w.Context())
	a := pendingCall{cancel, make(chan error, 1)}
	go func() { a.err <- do(ctx) }()
	w.waitIdle()
	return a
}

// cancelAndWait cancels the call's context and checks that the call then ends.
func (a pendingCall) cancelAndWait(w *world) {
	w.Helper()
	a.cancel()
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

func (a pendingCall) wantWaiting(w *world) {
	w.Helper()
	select {
	case err := <-a.err:
		w.Errorf("the call has ended: %v", err)
	default:
	}
}

func login(w *world) func(context.Context) error {
	return func(ctx context.Context) error {
		proof := auth.ProofOf(password)
		_, _, err := w.SignIn(ctx, service.SignInRequest{UIN: 10001, Proof: &proof, Address: home})
		return err
	}
}

func TestALoginThatSeveralWaitForDoesNotEndWithTheFirst(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		gate := newGate()
		w.store.beforeKnownAddress = gate.wait
		first, second := startCall(w, login(w)), startCall(w, login(w))
		if n := gate.calls.Load(); n != 1 {
			t.Errorf("the proof is checked %d times", n)
		}
		first.cancelAndWait(w)
		second.wantWaiting(w)
		close(gate.opened)
		w.must(<-second.err)
		if gate.ended.Load() != 0 {
			t.Error("the work has ended with its first caller")
		}
	}, 10001)
}

func TestALoginThatNobodyWaitsForEnds(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		gate := newGate()
		w.store.beforeKnownAddress = gate.wait
		first, second := startCall(w, login(w)), startCall(w, login(w))
		first.cancelAndWait(w)
		second.cancelAndWait(w)
		if gate.ended.Load() != 1 {
			t.Error("the work goes on although nobody waits for it")
		}
		w.store.beforeKnownAddress = nil
		w.must(startCall(w, login(w)).result()) // the next login starts a new check
	}, 10001)
}

// result returns the result of a call that must have ended.
func (a pendingCall) result() error {
	select {
	case err := <-a.err:
		return err
	default:
		return errors.New("the call goes on")
	}
}

func TestALoginEndsWithTheService(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		gate := newGate()
		w.store.beforeKnownAddress = gate.wait
		one := startCall(w, login(w))
		w.Service.Close(w.Context())
		w.waitIdle()
		if gate.ended.Load() != 1 {
			t.Error("the work goes on after the service has ended")
		}
		<-one.err
	}, 10001)
}

func TestAPanicOfSharedWorkIsOneOfEverybodyWhoWaits(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		gate := newGate()
		w.store.beforeKnownAddress = func(ctx context.Context) { gate.wait(ctx); panic("out of order") }
		caught := func(ctx context.Context) (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			return login(w)(ctx)
		}
		first, second := startCall(w, caught), startCall(w, caught)
		close(gate.opened)
		w.waitIdle()
		for _, a := range []pendingCall{first, second} {
			got := a.result().Error()
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
		gate := newGate()
		w.store.beforeHistory = func(rookery.UIN) { gate.wait(w.Context()) }
		one, two, three := w.signIn(10001, home), w.signIn(10002, home), w.signIn(10003, home)
		begun := []pendingCall{startCall(w, search(w, one)), startCall(w, search(w, two))}
		startCall(w, search(w, one)).cancelAndWait(w)   // waits for the account's other search
		startCall(w, search(w, three)).cancelAndWait(w) // waits for the searches of other accounts
		startCall(w, find(w, one)).cancelAndWait(w)     // waits for the account's other search
		if n := gate.calls.Load(); n != 2 {
			t.Errorf("%d searches read the store", n)
		}
		close(gate.opened)
		for _, a := range begun {
			w.must(<-a.err)
		}
		w.must(find(w, one)(w.Context()))
	}, 10001, 10002, 10003)
}

func TestASearchForPeopleHoldsUpNobodyWhileItReadsTheStore(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		one, two := w.signIn(10001, home), w.signIn(10002, home)
		gate := newGate()
		w.store.beforeAccounts = func(ctx context.Context) {
			if gate.calls.Load() == 0 {
				gate.wait(ctx)
			}
		}
		find := func(ctx context.Context, session *service.Session) error {
			page, _, err := w.FindAccounts(ctx, session, rookery.ProfileQuery{}, service.PageQuery{Limit: 10})
			if err == nil && len(page) != 2 {
				err = fmt.Errorf("found %v", page)
			}
			return err
		}
		slow := startCall(w, func(ctx context.Context) error { return find(ctx, one) })
		slow.wantWaiting(w)
		w.must(startCall(w, func(ctx context.Context) error { return find(ctx, two) }).result())
		close(gate.opened)
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
				return w.MarkRead(ctx, session, rookery.ReadMark{Peer: 10002}, none)
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
			startCall(w, c.call).cancelAndWait(w)
			end()
		}
	}, 10001, 10002)
}
