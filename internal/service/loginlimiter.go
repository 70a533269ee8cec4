package service

import (
	"context"
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/rookery-im/rookery"
)

const (
	freeFailuresPerPair    = 5    // wrong ones in a row, of one account from one address
	freeFailuresPerAddress = 100  // of one address, at all accounts it never signed in to
	freeFailuresPerAccount = 1000 // of one account, from all addresses it never signed in from
	initialLoginWait       = 10 * time.Second
	maxLoginWait           = 15 * time.Minute
	failureRetention       = 24 * time.Hour // after so long without a wrong try all is forgotten
	maxLimiterKeys         = 100_000
)

// loginLimiter slows down guessing. It counts wrong tries of an account from one
// address; and of those from addresses that the account never signed in from,
// the ones of an address at all accounts, and of an account from all addresses.
// Past the free ones each costs a wait, the double of the one before.
//
// Nobody must be able to keep an owner out. So an address that the account has
// signed in from answers for its own tries only, and from any other a stranger
// has to try wrong passwords at very many addresses: the bound of an account is
// there against those who have them, and an address counts for no more than its
// free tries until that bound is reached.
type loginLimiter struct {
	mu       sync.Mutex // guards the rest
	failures *lru.LRU[limiterKey, failedLogins]
	// pendingChecks is the tries that are being checked, by account and address.
	pending map[limiterKey]*pendingChecks
}

// limiterKey without an address counts all unknown ones, without an account all
// accountCache.
type limiterKey struct {
	account rookery.UIN
	address netip.Addr
}

// freeFailures is how many wrong tries cost no wait.
func (k limiterKey) freeFailures() int {
	switch {
	case k.account == 0:
		return freeFailuresPerAddress
	case !k.address.IsValid():
		return freeFailuresPerAccount
	}
	return freeFailuresPerPair
}

// failedLogins are wrong ones.
type failedLogins struct {
	count        int
	lastFailure  time.Duration // the latest
	blockedUntil time.Duration
}

// pendingChecks is how many tries of an account from an address are being checked.
type pendingChecks struct {
	running, waiters int
	// checkEnded is closed, and made anew, when one is done.
	checkEnded chan struct{}
}

// loginAttempt is somebody's who tries to sign in.
type loginAttempt struct {
	account          rookery.UIN
	address          netip.Addr // as it is counted, see rookery.Network
	fromKnownAddress bool       // the account has signed in from there
}

func newLoginLimiter() *loginLimiter {
	list, err := lru.NewLRU[limiterKey, failedLogins](maxLimiterKeys, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &loginLimiter{failures: list, pending: make(map[limiterKey]*pendingChecks)}
}

func (a loginAttempt) accountAddressKey() limiterKey { return limiterKey{a.account, a.address} }

// limiterKeys are what a wrong try counts for. A known address answers for its own
// only.
func (a loginAttempt) limiterKeys() []limiterKey {
	if a.fromKnownAddress {
		return []limiterKey{a.accountAddressKey()}
	}
	return []limiterKey{a.accountAddressKey(), {account: a.account}, {address: a.address}}
}

// hasNoFailures reports whether nothing is held against the account or the address: the
// common case, which needs no look at known addresses.
func (g *loginLimiter) hasNoFailures(uin rookery.UIN, address netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, key := range (loginAttempt{account: uin, address: address}).limiterKeys() {
		if g.failures.Contains(key) {
			return false
		}
	}
	return true
}

// requiredWait is how long the next try has to wait.
func (g *loginLimiter) requiredWait(attempt loginAttempt, now time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.requiredWaitLocked(attempt, now)
}

func (g *loginLimiter) requiredWaitLocked(attempt loginAttempt, now time.Duration) time.Duration {
	var waitTime time.Duration
	for _, key := range attempt.limiterKeys() {
		if failures, ok := g.failures.Get(key); ok {
			waitTime = max(waitTime, failures.blockedUntil-now)
		}
	}
	return waitTime
}

// beginCheck lets a try be checked, to be ended with end. So many of an account from
// an address are checked at once as wrong ones would still cost no wait, at least
// one: many at once are no way around the limit. Further ones wait until one is
// done. It returns how long the try has to wait instead of being checked, and
// CodeTemporary if ctx ends before.
func (g *loginLimiter) beginCheck(ctx context.Context, attempt loginAttempt, now func() time.Duration) (time.Duration, error) {
	for {
		waitTime, checkEnded := g.tryBeginCheck(attempt, now())
		if checkEnded == nil {
			return waitTime, nil
		}
		select {
		case <-checkEnded:
			g.removeWaiter(attempt)
		case <-ctx.Done():
			g.removeWaiter(attempt)
			return 0, rookery.Temporary(ctx.Err())
		}
	}
}

// tryBeginCheck begins a check and returns 0, or how long it has to wait; or what is
// closed when it is worth trying again.
func (g *loginLimiter) tryBeginCheck(attempt loginAttempt, now time.Duration) (waitTime time.Duration, checkEnded <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if waitTime := g.requiredWaitLocked(attempt, now); waitTime > 0 {
		return waitTime, nil
	}
	checks := g.pending[attempt.accountAddressKey()]
	if checks == nil {
		checks = &pendingChecks{checkEnded: make(chan struct{})}
		g.pending[attempt.accountAddressKey()] = checks
	}
	failures, _ := g.failures.Get(attempt.accountAddressKey())
	if checks.running >= max(freeFailuresPerPair-failures.count, 1) {
		checks.waiters++
		return 0, checks.checkEnded
	}
	checks.running++
	return 0, nil
}

func (g *loginLimiter) removeWaiter(attempt loginAttempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	checks := g.pending[attempt.accountAddressKey()]
	checks.waiters--
	g.removeIfUnusedLocked(attempt, checks)
}

// endCheck says that a try was checked, whatever came of it.
func (g *loginLimiter) endCheck(attempt loginAttempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	checks := g.pending[attempt.accountAddressKey()]
	checks.running--
	close(checks.checkEnded)
	checks.checkEnded = make(chan struct{})
	g.removeIfUnusedLocked(attempt, checks)
}

// removeIfUnusedLocked forgets what nobody is checked by, or waits for.
func (g *loginLimiter) removeIfUnusedLocked(attempt loginAttempt, checks *pendingChecks) {
	if checks.running == 0 && checks.waiters == 0 {
		delete(g.pending, attempt.accountAddressKey())
	}
}

// recordFailure counts a wrong try. Right ones leave no trace.
func (g *loginLimiter) recordFailure(attempt loginAttempt, now time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pairFailures := g.recentFailuresLocked(attempt.accountAddressKey(), now)
	for _, key := range attempt.limiterKeys() {
		failures := g.recentFailuresLocked(key, now)
		if !key.address.IsValid() && pairFailures.count >= freeFailuresPerPair && failures.count < freeFailuresPerAccount {
			// Or one address could keep an owner out, if it goes on for days. Once
			// the bound is reached, all count.
			continue
		}
		failures.count, failures.lastFailure = failures.count+1, now
		if over := failures.count - key.freeFailures(); over >= 0 {
			failures.blockedUntil = now + min(initialLoginWait<<min(over, 10), maxLoginWait)
		}
		g.failures.Add(key, failures)
	}
}

// recentFailuresLocked are the wrong tries that are not forgotten.
func (g *loginLimiter) recentFailuresLocked(key limiterKey, now time.Duration) failedLogins {
	failures, _ := g.failures.Get(key)
	if now-failures.lastFailure > failureRetention {
		return failedLogins{}
	}
	return failures
}

// isGuessing reports whether the address has tried wrong passwords at accounts that
// it never signed in to.
func (g *loginLimiter) isGuessing(address netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failures.Contains(limiterKey{address: address})
}

// clearFailures forgets the wrong tries of an account from one address, after a right
// one. What counts for the address at other accounts stays: who guesses may have
// an account of his own.
func (g *loginLimiter) clearFailures(attempt loginAttempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures.Remove(attempt.accountAddressKey())
}

// clearAccountFailures forgets the wrong tries of an account from all addresses together: it
// has a new password.
func (g *loginLimiter) clearAccountFailures(uin rookery.UIN) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failures.Remove(limiterKey{account: uin})
}
