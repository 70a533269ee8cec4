package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery"
)

const password = "123456"

var (
	home = netip.MustParseAddr("192.0.2.1")
	cafe = netip.MustParseAddr("192.0.2.2")
)

// fixture is a Passwords with one hash slot, the accounts 10001 to 10020, and a store's memory of the
// addresses from which they have signed in.
type fixture struct {
	*testing.T
	passwords *Passwords
	// wrongCount counts the hashed passwords that were wrong.
	wrongCount atomic.Int32

	mu      sync.Mutex // guards the fields below
	elapsed time.Duration
	known   map[limiterKey]bool
	stored  rookery.Credential
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{T: t, known: make(map[limiterKey]bool)}
	f.passwords = New(Config{Cost: TestCost, ConcurrentHashes: 1, Now: f.now,
		Log: slog.New(wrongPasswordCounter{count: &f.wrongCount})})
	t.Cleanup(f.passwords.Close)
	f.stored = HashProof(ProofOf(password), TestCost)
	return f
}

// inVirtualTime runs a test in a synctest bubble.
func inVirtualTime(t *testing.T, test func(f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newFixture(t)) })
}

// wrongPasswordCounter counts the log lines about wrong passwords.
type wrongPasswordCounter struct {
	slog.Handler
	count *atomic.Int32
}

func (h wrongPasswordCounter) Enabled(context.Context, slog.Level) bool { return true }

func (h wrongPasswordCounter) Handle(_ context.Context, record slog.Record) error {
	if record.Message == "wrong password" {
		h.count.Add(1)
	}
	return nil
}

func (f *fixture) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Unix(0, 0).Add(f.elapsed)
}

func (f *fixture) advance(delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.elapsed += delay
}

// signIn verifies a password. An address with a right password is known afterwards.
func (f *fixture) signIn(uin rookery.UIN, from netip.Addr, password string) error {
	return f.signInUntil(f.Context(), uin, from, password)
}

func (f *fixture) signInUntil(ctx context.Context, uin rookery.UIN, from netip.Addr, password string) error {
	f.mu.Lock()
	credentials := []NamedCredential{{Name: "password", Kind: KindPasswordMD5, Uses: UseEverything, Hash: f.stored}}
	f.mu.Unlock()
	if uin < 10001 || uin > 10020 {
		credentials = nil
	}
	key := limiterKey{uin, rookery.Network(from)}
	_, err := f.passwords.Verify(ctx, Attempt{Account: uin, Address: from, Use: UseAddressSession,
		Secret: SecretFromProof(ProofOf(password)), Credentials: credentials,
		IsKnownAddress: func(context.Context) (bool, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.known[key], nil
		}})
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.known[key] = true
	}
	return err
}

// recordFailures records n wrong passwords at an account from an unknown address.
func (f *fixture) recordFailures(uin rookery.UIN, from netip.Addr, n int) {
	for range n {
		f.passwords.limiter.recordFailure(
			loginAttempt{account: uin, address: rookery.Network(from)}, f.passwords.uptime())
	}
}

// holdSlot occupies the hash slot until release is called.
func (f *fixture) holdSlot() (release func()) {
	f.Helper()
	f.must(f.passwords.hashQueue.acquire(f.Context(), priorityOperator, netip.Addr{}))
	return f.passwords.hashQueue.release
}

func (f *fixture) pendingCount() int {
	f.passwords.limiter.mu.Lock()
	defer f.passwords.limiter.mu.Unlock()
	return len(f.passwords.limiter.pending)
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) wantWrong(err error) {
	f.Helper()
	if err == nil || err.Error() != "Password error" {
		f.Errorf("error %v, want a wrong password", err)
	}
}

func (f *fixture) wantWait(err error) {
	f.Helper()
	if err == nil || !strings.Contains(err.Error(), "too many tries, wait") {
		f.Errorf("error %v, want a wait", err)
	}
}

func strangerAddress(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func TestGuessersDoNotDelayOwners(t *testing.T) {
	const guessers = 10_000
	inVirtualTime(t, func(f *fixture) {
		f.must(f.signIn(10001, home, password))
		frequent := netip.MustParseAddr("192.0.2.99")
		f.must(f.signIn(10003, frequent, password)) // a client that logs in before each request
		for i := range guessers {
			f.recordFailures(10001+rookery.UIN(i%100), strangerAddress(i), 1)
		}
		release := f.holdSlot()
		ended := make(chan struct{}, guessers)
		ctx, cancel := context.WithCancel(f.Context())
		for i := range guessers {
			go func() {
				_ = f.signInUntil(ctx, 10001+rookery.UIN(i%100), strangerAddress(i), fmt.Sprint("wrong ", i))
				ended <- struct{}{}
			}()
		}
		synctest.Wait()
		if n := len(ended); n != guessers-64 {
			t.Errorf("%d guessers were refused at once, want all but the 64 that may wait", n)
		}
		f.must(f.signIn(10003, frequent, password)) // needs no hash

		for name, owner := range map[string]struct {
			uin  rookery.UIN
			from netip.Addr
		}{"known owner": {10001, home}, "new owner": {10002, cafe}} {
			f.passwords.verified.Purge() // the next sign-in needs a hash
			wrongCount := make(chan int32, 1)
			go func() {
				f.must(f.signIn(owner.uin, owner.from, password))
				wrongCount <- f.wrongCount.Load()
			}()
			synctest.Wait()
			before := f.wrongCount.Load()
			release()
			if n := <-wrongCount - before; n > 1 { // one more hash may finish before the counter is read
				t.Errorf("%s: %d passwords of guessers were hashed first, want 0", name, n)
			}
			release = f.holdSlot()
		}
		cancel()
		release()
		synctest.Wait()
		if n := f.pendingCount(); n != 0 || len(ended) != guessers {
			t.Errorf("%d guessers have ended, want %d; %d checks are pending, want 0", len(ended), guessers, n)
		}
	})
}

func TestFullHashQueueIsTemporary(t *testing.T) {
	for name, uin := range map[string]rookery.UIN{"wrong password": 10001, "no such account": 10777} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(f *fixture) {
				f.passwords.hashQueue = newHashQueue(1, 1)
				release := f.holdSlot()
				first := make(chan error, 1)
				go func() { first <- f.signIn(uin, home, "wrong 1") }()
				synctest.Wait()
				if err := f.signIn(uin, home, "wrong 2"); rookery.CodeOf(err) != rookery.CodeTemporary {
					t.Errorf("error %v, want code %d", err, rookery.CodeTemporary)
				}
				release()
				f.wantWrong(<-first)
				f.must(f.signIn(10001, home, password))
			})
		})
	}
}

// New addresses without failures may belong to owners, but known addresses go first.
func TestKnownAddressGoesBeforeNewAddresses(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		f.must(f.signIn(10001, home, password))
		f.passwords.verified.Purge() // the next sign-in needs a hash
		release := f.holdSlot()
		ctx, cancel := context.WithCancel(f.Context())
		for i := range 200 {
			go func() { _ = f.signInUntil(ctx, 10002+rookery.UIN(i), strangerAddress(i), "wrong") }()
		}
		synctest.Wait()
		wrongCount := make(chan int32, 1)
		go func() {
			f.must(f.signIn(10001, home, password))
			wrongCount <- f.wrongCount.Load()
		}()
		synctest.Wait()
		release()
		if n := <-wrongCount; n > 1 { // one more hash may finish before the counter is read
			t.Errorf("%d passwords of strangers were hashed first, want 0", n)
		}
		cancel()
		synctest.Wait()
	})
}

// An attempt that waits for a slot is not hashed if its address has no free failures left meanwhile.
func TestSimultaneousAttemptsAtManyAccountsStayWithinTheLimit(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		f.recordFailures(10777, cafe, 95)
		release := f.holdSlot()
		results := make(chan error, 100)
		for i := range 16 {
			go func() { results <- f.signIn(20000+rookery.UIN(i), cafe, "wrong") }()
		}
		synctest.Wait()
		release()
		synctest.Wait()
		answers := map[string]int{}
		for range 16 {
			answers[fmt.Sprint(<-results)]++
		}
		if n := f.wrongCount.Load(); n != 5 || answers["Password error"] != 5 {
			t.Errorf("%d passwords were hashed, want 5; answers: %v", n, answers)
		}
	})
}

func TestAttemptsInProgressWaitInsteadOfBeingRefused(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		release := f.holdSlot()
		results := make(chan error, 100)
		try := func(from netip.Addr, password string) { results <- f.signIn(10001, from, password) }
		for i := range 30 { // more than may wait for a slot
			go try(home, fmt.Sprint("wrong ", i))
		}
		go try(cafe, password) // independent of other addresses
		synctest.Wait()
		if len(results) != 0 {
			t.Fatalf("%d attempts were refused: %v", len(results), <-results)
		}
		release()
		synctest.Wait()
		answers := map[string]int{}
		for range 31 {
			answers[fmt.Sprint(<-results)]++
		}
		if n := f.wrongCount.Load(); answers["Password error"] != 5 || answers["<nil>"] != 1 || n != 5 {
			t.Errorf("answers: %v, %d wrong passwords were hashed, want 5", answers, n)
		}
		if answers["Password error: too many tries, wait 10 seconds"] != 25 {
			t.Errorf("answers: %v, want 25 waits", answers)
		}
		if n := f.pendingCount(); n != 0 {
			t.Errorf("%d checks are pending, want 0", n)
		}
	})
}

func TestFailuresAtOneAddressRequireNoWaitElsewhere(t *testing.T) {
	f := newFixture(t)
	for i := range 5 {
		f.wantWrong(f.signIn(10001, home, fmt.Sprint("wrong ", i)))
	}
	f.wantWait(f.signIn(10001, home, password))
	f.must(f.signIn(10001, cafe, password))
}

func TestOnlyFailuresFromVeryManyAddressesRequireAWaitFromNewOnes(t *testing.T) {
	f := newFixture(t)
	for i := range 199 {
		f.recordFailures(10001, strangerAddress(i), 5)
	}
	f.must(f.signIn(10001, cafe, password))
	f.recordFailures(10001, strangerAddress(199), 5)
	newAddress := netip.MustParseAddr("192.0.2.77")
	f.passwords.verified.Purge() // the next sign-in needs a hash
	f.wantWait(f.signIn(10001, newAddress, password))
	f.must(f.signIn(10001, cafe, password)) // a known address by now
	f.passwords.ClearFailures(10001)
	f.must(f.signIn(10001, newAddress, password)) // after the operator's help
}

func TestManyFailuresOfOneAddressDoNotCountAsManyAddresses(t *testing.T) {
	f := newFixture(t)
	f.recordFailures(10001, strangerAddress(0), 2000)
	f.must(f.signIn(10001, cafe, password))
	for i := range 199 {
		f.recordFailures(10001, strangerAddress(1+i), 5)
	}
	newAddress := netip.MustParseAddr("192.0.2.77")
	f.wantWait(f.signIn(10001, newAddress, password))
	f.advance(11 * time.Second)
	f.recordFailures(10001, strangerAddress(0), 1) // above the limit every failure counts
	f.wantWait(f.signIn(10001, newAddress, password))
}

func TestRightPasswordsAtOnceAreNotCounted(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		results := make(chan error, 20)
		for round := range 2 { // in the second round the address is known
			for i := range 20 {
				go func() { results <- f.signIn(10001+rookery.UIN(i), home, password) }()
				synctest.Wait() // one after the other, because all have the same address
			}
			for range 20 {
				if err := <-results; err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			}
		}
		f.recordFailures(10777, home, 99)
		f.must(f.signIn(10001, home, password))
		f.wantWrong(f.signIn(10778, home, "wrong")) // the hundredth failure: right passwords were not counted
		f.wantWait(f.signIn(10779, home, password))
	})
}

// Somebody who guesses passwords may own an account. Signing in to it does not reset the count of the
// address.
func TestRightPasswordDoesNotResetTheCountOfItsAddress(t *testing.T) {
	f := newFixture(t)
	f.recordFailures(10002, cafe, 4)
	f.recordFailures(10777, cafe, 95)
	f.must(f.signIn(10001, cafe, password))
	f.wantWrong(f.signIn(10002, cafe, "wrong"))
	f.wantWait(f.signIn(10002, cafe, password))
	f.wantWait(f.signIn(10778, cafe, password)) // the address has a hundred failures
	f.must(f.signIn(10001, cafe, password))     // a known address has its own count
}

// The proof that was right for the former credential is not accepted for a new one, nor is another proof
// for the former.
func TestVerifiedProofBelongsToItsCredential(t *testing.T) {
	f := newFixture(t)
	f.must(f.signIn(10001, home, password))
	f.wantWrong(f.signIn(10001, home, "wrong"))
	f.mu.Lock()
	f.stored = HashProof(ProofOf("new one"), TestCost)
	f.mu.Unlock()
	f.wantWrong(f.signIn(10001, home, password))
	f.must(f.signIn(10001, home, "new one"))
}

func TestClosedPasswordsRefuseAttempts(t *testing.T) {
	inVirtualTime(t, func(f *fixture) {
		release := f.holdSlot()
		result := make(chan error, 1)
		go func() { result <- f.signIn(10001, home, password) }()
		synctest.Wait()
		f.passwords.Close()
		for _, err := range []error{<-result, f.signIn(10002, home, password)} {
			if rookery.CodeOf(err) != rookery.CodeTemporary {
				t.Errorf("error %v, want code %d", err, rookery.CodeTemporary)
			}
		}
		release()
	})
}
