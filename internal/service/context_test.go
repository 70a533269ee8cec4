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

func startCall(f *fixture, do func(context.Context) error) pendingCall {
	ctx, cancel := context.WithCancel(f.Context())
	a := pendingCall{cancel, make(chan error, 1)}
	go func() { a.err <- do(ctx) }()
	f.waitIdle()
	return a
}

// cancelAndWait cancels the call's context and checks that the call then ends.
func (a pendingCall) cancelAndWait(f *fixture) {
	f.Helper()
	a.cancel()
	f.waitIdle()
	select {
	case err := <-a.err:
		f.wantCode(err, rookery.CodeTemporary)
		if !errors.Is(err, context.Canceled) {
			f.Errorf("the call returned error %v, want context.Canceled", err)
		}
	default:
		f.Error("the call goes on after its context has ended")
	}
}

func (a pendingCall) wantWaiting(f *fixture) {
	f.Helper()
	select {
	case err := <-a.err:
		f.Errorf("the call returned error %v, want it to wait", err)
	default:
	}
}

func login(f *fixture) func(context.Context) error {
	return func(ctx context.Context) error {
		proof := auth.ProofOf(password)
		_, _, err := f.SignIn(ctx, service.SignInRequest{UIN: 10001, Proof: &proof, Address: home})
		return err
	}
}

func TestSharedLoginOutlivesFirstCancelledCaller(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		gate := newGate()
		f.store.beforeKnownAddress = gate.wait
		first, second := startCall(f, login(f)), startCall(f, login(f))
		if n := gate.calls.Load(); n != 1 {
			t.Errorf("the proof is checked %d times, want once", n)
		}
		first.cancelAndWait(f)
		second.wantWaiting(f)
		close(gate.opened)
		f.must(<-second.err)
		if gate.ended.Load() != 0 {
			t.Error("the login ended with its first caller")
		}
	}, 10001)
}

func TestSharedLoginEndsWithLastCaller(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		gate := newGate()
		f.store.beforeKnownAddress = gate.wait
		first, second := startCall(f, login(f)), startCall(f, login(f))
		first.cancelAndWait(f)
		second.cancelAndWait(f)
		if gate.ended.Load() != 1 {
			t.Error("the login goes on although no caller waits for it")
		}
		f.store.beforeKnownAddress = nil
		f.must(startCall(f, login(f)).result()) // the next login starts a new check
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

func TestCloseCancelsLogins(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		gate := newGate()
		f.store.beforeKnownAddress = gate.wait
		one := startCall(f, login(f))
		f.Service.Close(f.Context())
		f.waitIdle()
		if gate.ended.Load() != 1 {
			t.Error("the login goes on after Close")
		}
		<-one.err
	}, 10001)
}

func TestPanicInSharedLoginReachesEveryCaller(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		gate := newGate()
		f.store.beforeKnownAddress = func(ctx context.Context) { gate.wait(ctx); panic("out of order") }
		caught := func(ctx context.Context) (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			return login(f)(ctx)
		}
		first, second := startCall(f, caught), startCall(f, caught)
		close(gate.opened)
		f.waitIdle()
		for _, a := range []pendingCall{first, second} {
			got := a.result().Error()
			if !strings.Contains(got, "out of order") || !strings.Contains(got, "context_test.go") {
				t.Errorf("a caller got panic %s, want the text and the stack", got)
			}
		}
	}, 10001)
}

func TestCancelledSearchStopsWaiting(t *testing.T) {
	search := func(f *fixture, session *service.Session) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := f.History(ctx, session, rookery.HistoryQuery{Limit: 1, Text: "word"})
			return err
		}
	}
	find := func(f *fixture, session *service.Session) func(context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := f.FindAccounts(ctx, session, rookery.ProfileQuery{}, service.PageQuery{Limit: 1})
			return err
		}
	}
	inVirtualTime(t, func(f *fixture) {
		gate := newGate()
		f.store.beforeHistory = func(rookery.UIN) { gate.wait(f.Context()) }
		one, two, three := f.signIn(10001, home), f.signIn(10002, home), f.signIn(10003, home)
		begun := []pendingCall{startCall(f, search(f, one)), startCall(f, search(f, two))}
		startCall(f, search(f, one)).cancelAndWait(f)   // waits for the account's other search
		startCall(f, search(f, three)).cancelAndWait(f) // waits for the searches of other accounts
		startCall(f, find(f, one)).cancelAndWait(f)     // waits for the account's other search
		if n := gate.calls.Load(); n != 2 {
			t.Errorf("%d searches read the store, want 2", n)
		}
		close(gate.opened)
		for _, a := range begun {
			f.must(<-a.err)
		}
		f.must(find(f, one)(f.Context()))
	}, 10001, 10002, 10003)
}

func TestFindAccountsBlocksNoOtherSearchDuringReads(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		one, two := f.signIn(10001, home), f.signIn(10002, home)
		gate := newGate()
		f.store.beforeAccounts = func(ctx context.Context) {
			if gate.calls.Load() == 0 {
				gate.wait(ctx)
			}
		}
		find := func(ctx context.Context, session *service.Session) error {
			page, _, err := f.FindAccounts(ctx, session, rookery.ProfileQuery{}, service.PageQuery{Limit: 10})
			if err == nil && len(page) != 2 {
				err = fmt.Errorf("found %v", page)
			}
			return err
		}
		slow := startCall(f, func(ctx context.Context) error { return find(ctx, one) })
		slow.wantWaiting(f)
		f.must(startCall(f, func(ctx context.Context) error { return find(ctx, two) }).result())
		close(gate.opened)
		f.must(<-slow.err)
	}, 10001, 10002)
}

// Every call that waits for changeLock or collectLock ends with its context.
func TestCancelledCallStopsWaitingForLock(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		session := f.signInDevice(10001, "desk")
		none := rookery.RequestKey{}
		for _, c := range []struct {
			name string
			hold func(context.Context, *service.Session) (func(), error)
			call func(context.Context) error
		}{
			{"login", service.HoldChangeLock, login(f)},
			{"status", service.HoldChangeLock, func(ctx context.Context) error {
				return f.SetStatus(ctx, session, rookery.StatusAway, none)
			}},
			{"block", service.HoldChangeLock, func(ctx context.Context) error {
				return f.Block(ctx, session, 10002, none)
			}},
			{"read", service.HoldChangeLock, func(ctx context.Context) error {
				return f.MarkRead(ctx, session, rookery.ReadMark{Peer: 10002}, none)
			}},
			{"forget a device", service.HoldChangeLock, func(ctx context.Context) error {
				return f.ForgetDevice(ctx, session, 7, none)
			}},
			{"revoke a device", service.HoldChangeLock, func(ctx context.Context) error {
				return f.RevokeDevice(ctx, 10001, 1)
			}},
			{"password", service.HoldChangeLock, func(ctx context.Context) error {
				return f.SetPassword(ctx, 10001, "new")
			}},
			{"remove", service.HoldChangeLock, func(ctx context.Context) error {
				return f.RemoveAccount(ctx, 10001)
			}},
			{"revoke a device that collects", service.HoldCollectLock, func(ctx context.Context) error {
				return f.RevokeDevice(ctx, 10001, 1)
			}},
			{"collect", service.HoldCollectLock, func(ctx context.Context) error {
				_, err := f.Collect(ctx, session, "1", service.BatchLimit{})
				return err
			}},
			{"attach", service.HoldCollectLock, func(ctx context.Context) error {
				_, err := f.Subscribe(ctx, session, nil)
				return err
			}},
		} {
			t.Log(c.name)
			end, err := c.hold(f.Context(), session)
			f.must(err)
			startCall(f, c.call).cancelAndWait(f)
			end()
		}
	}, 10001, 10002)
}
