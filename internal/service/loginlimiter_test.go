package service_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// countingHashes restarts the service with one hash slot and returns a counter of wrong passwords.
func (w *world) countingHashes() *atomic.Int32 {
	wrong := new(atomic.Int32)
	var err error
	w.Service, err = service.New(service.Config{Store: w.store, Now: w.now, ConcurrentHashes: 1,
		Log: slog.New(wrongPasswordCounter{wrong: wrong})})
	w.must(err)
	w.must(w.LoadSessions(w.Context()))
	return wrong
}

// wrongPasswordCounter counts the log lines about wrong passwords.
type wrongPasswordCounter struct {
	slog.Handler
	wrong *atomic.Int32
}

func (h wrongPasswordCounter) Enabled(context.Context, slog.Level) bool { return true }

func (h wrongPasswordCounter) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "wrong password" {
		h.wrong.Add(1)
	}
	return nil
}

func strangerAddress(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func TestTenThousandStrangersWhoGuessHoldUpNoOwner(t *testing.T) {
	const strangers = 10_000
	inVirtualTime(t, func(w *world) {
		w.signIn(10001, home)
		wrong := w.countingHashes()
		old := netip.MustParseAddr("192.0.2.99")
		w.must(w.tryPassword(10003, old, password)) // a client that logs in before each request
		for i := range strangers {
			service.RecordLoginFailures(w.Service, 10001+rookery.UIN(i%100), strangerAddress(i), 1)
		}
		release, err := service.HoldHashSlot(w.Context(), w.Service)
		w.must(err)
		refused := make(chan struct{}, strangers)
		ctx, leave := context.WithCancel(w.Context())
		for i := range strangers {
			go func() {
				proof := service.ProofOf(fmt.Sprint("wrong ", i))
				request := service.SignInRequest{UIN: 10001 + rookery.UIN(i%100), Proof: &proof,
					Address: strangerAddress(i)}
				_, _, _ = w.SignIn(ctx, request)
				refused <- struct{}{}
			}()
		}
		w.waitIdle()
		if n := len(refused); n != strangers-64 {
			t.Errorf("%d strangers were refused at once, 64 may wait", n)
		}
		w.must(w.tryPassword(10003, old, password)) // needs no hash

		for name, owner := range map[string]struct {
			uin  rookery.UIN
			from netip.Addr
		}{"known owner": {10001, home}, "new owner": {10002, cafe}} {
			signed := make(chan int32, 1)
			go func() {
				w.must(w.tryPassword(owner.uin, owner.from, password))
				signed <- wrong.Load()
			}()
			w.waitIdle()
			before := wrong.Load()
			release()
			if n := <-signed - before; n > 1 { // one more hash may finish before the counter is read
				t.Errorf("%s: %d passwords of strangers were hashed before", name, n)
			}
			release, err = service.HoldHashSlot(w.Context(), w.Service)
			w.must(err)
		}
		leave()
		release()
		w.waitIdle()
		if n := service.PendingCheckCount(w.Service); n != 0 || len(refused) != strangers {
			t.Errorf("%d strangers have ended, of %d something is left", len(refused), n)
		}
	}, 10001, 10002, 10003)
}

// Strangers without failures cannot be told from new owners, but known owners can be told from both.
func TestAKnownOwnerGoesBeforeStrangersWhoAreNew(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		w.signIn(10001, home)
		wrong := w.countingHashes()
		release, err := service.HoldHashSlot(w.Context(), w.Service)
		w.must(err)
		ctx, leave := context.WithCancel(w.Context())
		for i := range 200 {
			go func() {
				proof := service.ProofOf("wrong")
				request := service.SignInRequest{UIN: 10002 + rookery.UIN(i), Proof: &proof,
					Address: strangerAddress(i)}
				_, _, _ = w.SignIn(ctx, request)
			}()
		}
		w.waitIdle()
		signed := make(chan int32, 1)
		go func() {
			w.must(w.tryPassword(10001, home, password))
			signed <- wrong.Load()
		}()
		w.waitIdle()
		release()
		if n := <-signed; n > 1 { // one more hash may finish before the counter is read
			t.Errorf("%d passwords of strangers were hashed before", n)
		}
		leave()
		w.waitIdle()
	}, 10001)
}

// An attempt that waits for a slot is not hashed if its address has no free failures left meanwhile.
func TestManyTriesAtOnceAtManyAccountsAreNoWayAroundTheLimit(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		wrong := w.countingHashes()
		service.RecordLoginFailures(w.Service, 10777, cafe, 95)
		release, err := service.HoldHashSlot(w.Context(), w.Service)
		w.must(err)
		results := make(chan error, 100)
		for i := range 16 {
			go func() { results <- w.tryPassword(20000+rookery.UIN(i), cafe, "wrong") }()
		}
		w.waitIdle()
		release()
		w.waitIdle()
		answers := map[string]int{}
		for range 16 {
			answers[fmt.Sprint(<-results)]++
		}
		if wrong.Load() != 5 || answers["Password error"] != 5 {
			t.Errorf("%d passwords were hashed, answers: %v", wrong.Load(), answers)
		}
	}, 10001)
}

func TestAStrangerKeepsANewOwnerOutFromNowhereElse(t *testing.T) {
	w := newWorld(t, 10001)
	for i := range 5 {
		w.wantCode(w.tryPassword(10001, home, fmt.Sprint("wrong ", i)), rookery.CodePassword)
	}
	w.wantLoginWait(w.tryPassword(10001, home, password))
	w.must(w.tryPassword(10001, cafe, password))
}

func (w *world) wantLoginWait(err error) {
	w.Helper()
	if err == nil || !strings.Contains(err.Error(), "too many tries, wait") {
		w.Errorf("it has not to wait: %v", err)
	}
}

func TestOnlyVeryManyAddressesKeepANewOwnerOut(t *testing.T) {
	w := newWorld(t, 10001)
	for i := range 199 {
		service.RecordLoginFailures(w.Service, 10001, strangerAddress(i), 5)
	}
	w.must(w.tryPassword(10001, cafe, password))
	service.RecordLoginFailures(w.Service, 10001, strangerAddress(199), 5)
	fresh := netip.MustParseAddr("192.0.2.77")
	w.wantLoginWait(w.tryPassword(10001, fresh, password))
	w.must(w.tryPassword(10001, cafe, password)) // a known address by now
	w.must(w.SetPassword(t.Context(), 10001, "new one"))
	w.must(w.tryPassword(10001, fresh, "new one")) // after the operator's help
}

// Persistent guesses from one address do not count as many addresses.
func TestAPatientStrangerKeepsNoOwnerOut(t *testing.T) {
	w := newWorld(t, 10001)
	service.RecordLoginFailures(w.Service, 10001, strangerAddress(0), 2000)
	w.must(w.tryPassword(10001, cafe, password))
	for i := range 199 {
		service.RecordLoginFailures(w.Service, 10001, strangerAddress(1+i), 5)
	}
	fresh := netip.MustParseAddr("192.0.2.77")
	w.wantLoginWait(w.tryPassword(10001, fresh, password))
	w.advance(11 * time.Second)
	service.RecordLoginFailures(w.Service, 10001, strangerAddress(0), 1) // above the limit every failure counts
	w.wantLoginWait(w.tryPassword(10001, fresh, password))
}

func TestTriesInFlightWaitInsteadOfBeingRefused(t *testing.T) {
	inVirtualTime(t, func(w *world) {
		wrong := w.countingHashes()
		release, err := service.HoldHashSlot(w.Context(), w.Service)
		w.must(err)
		results := make(chan error, 100)
		try := func(from netip.Addr, password string) { results <- w.tryPassword(10001, from, password) }
		for i := range 30 { // more than may wait for a slot
			go try(home, fmt.Sprint("wrong ", i))
		}
		go try(cafe, password) // independent of other addresses
		w.waitIdle()
		if len(results) != 0 {
			t.Fatalf("%d tries were refused: %v", len(results), <-results)
		}
		release()
		w.waitIdle()
		answers := map[string]int{}
		for range 31 {
			err := <-results
			answers[fmt.Sprint(err)]++
		}
		if answers["Password error"] != 5 || answers["<nil>"] != 1 || wrong.Load() != 5 {
			t.Errorf("answers: %v, %d passwords were hashed", answers, wrong.Load())
		}
		if answers["Password error: too many tries, wait 10 seconds"] != 25 {
			t.Errorf("those that waited: %v", answers)
		}
		if n := service.PendingCheckCount(w.Service); n != 0 {
			t.Errorf("%d are still being checked", n)
		}
	}, 10001)
}

func TestRightOnesAtOnceWaitAndPass(t *testing.T) {
	var accounts []rookery.UIN
	for i := range 20 {
		accounts = append(accounts, 10001+rookery.UIN(i))
	}
	inVirtualTime(t, func(w *world) {
		w.countingHashes()
		results := make(chan error, 100)
		for round := range 2 { // in the second round the address is known
			for _, uin := range accounts {
				go func() { results <- w.tryPassword(uin, home, password) }()
				w.waitIdle() // one after the other, because all have the same address
			}
			for range accounts {
				if err := <-results; err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			}
		}
		service.RecordLoginFailures(w.Service, 10777, home, 99)
		proof := service.ProofOf(password)
		_, _, err := w.SignIn(w.Context(), service.SignInRequest{UIN: accounts[0], Proof: &proof, Address: home})
		w.must(err)
		// the hundredth failure: right passwords were not counted
		w.wantCode(w.tryPassword(10778, home, "wrong"), rookery.CodePassword)
		w.wantLoginWait(w.tryPassword(10779, home, password))
	}, accounts...)
}

// Somebody who guesses passwords may own an account. Signing in to it does not reset the count of the
// address.
func TestARightPasswordPaysForNoWrongOneElsewhere(t *testing.T) {
	w := newWorld(t, 10001, 10002)
	service.RecordLoginFailures(w.Service, 10002, cafe, 4)
	service.RecordLoginFailures(w.Service, 10777, cafe, 95)
	w.must(w.tryPassword(10001, cafe, password))
	w.wantCode(w.tryPassword(10002, cafe, "wrong"), rookery.CodePassword)
	w.wantLoginWait(w.tryPassword(10002, cafe, password))
	w.wantLoginWait(w.tryPassword(10778, cafe, password)) // the address has a hundred failures
	w.must(w.tryPassword(10001, cafe, password))          // a known address has its own count
}

func TestANetworkOfIPv6IsKnownAsAWhole(t *testing.T) {
	w := newWorld(t, 10001)
	w.signIn(10001, netip.MustParseAddr("2001:db8:0:7::1"))
	for i := range 200 {
		service.RecordLoginFailures(w.Service, 10001, strangerAddress(i), 5)
	}
	w.wantLoginWait(w.tryPassword(10001, netip.MustParseAddr("2001:db8:0:8::1"), password))
	w.restart(0)
	for i := range 200 {
		service.RecordLoginFailures(w.Service, 10001, strangerAddress(i), 5)
	}
	w.must(w.tryPassword(10001, netip.MustParseAddr("2001:db8:0:7:aaaa::2"), password))
}
