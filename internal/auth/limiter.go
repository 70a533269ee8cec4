package auth

import (
	"context"
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/rookery-im/rookery"
)

const (
	freeFailuresPerPair    = 5    // consecutive failures of one account from one address
	freeFailuresPerAddress = 100  // failures from one address, at accounts that never signed in from it
	freeFailuresPerAccount = 1000 // failures at one account, from addresses that it never signed in from
	initialLoginWait       = 10 * time.Second
	maxLoginWait           = 15 * time.Minute
	failureRetention       = 24 * time.Hour // failures are forgotten after this time without another
	maxLimiterKeys         = 100_000
)

// loginLimiter slows down password guessing. It counts failed logins for each pair of account and
// address. For addresses from which the account has never signed in, it also counts all failures of the
// address and all failures at the account. Each count has some free failures; each further one requires
// a wait, which doubles every time.
//
// The limiter must not let strangers lock the owner out. An address from which the account has signed
// in is judged by the count of its pair only. From any other address the owner has to wait only after
// very many failures at the account, and until freeFailuresPerAccount is reached, an address adds no
// more than its free failures to that count.
type loginLimiter struct {
	mu       sync.Mutex // guards the fields below
	failures *lru.LRU[limiterKey, failedLogins]
	// pending holds the checks in progress, by account and address.
	pending map[limiterKey]*pendingChecks
}

// limiterKey identifies a count. Without an address it counts the failures at an account from all
// unknown addresses; without an account, the failures of an address at all accounts.
type limiterKey struct {
	account rookery.UIN
	address netip.Addr
}

// freeFailures is how many failures require no wait.
func (k limiterKey) freeFailures() int {
	switch {
	case k.account == 0:
		return freeFailuresPerAddress
	case !k.address.IsValid():
		return freeFailuresPerAccount
	}
	return freeFailuresPerPair
}

// failedLogins is the state of one count.
type failedLogins struct {
	count        int
	lastFailure  time.Duration // uptime of the latest failure
	blockedUntil time.Duration
}

// pendingChecks counts the attempts of one account and address that are being checked or wait to be.
type pendingChecks struct {
	running, waiters int
	// checkEnded is closed and replaced when a check ends.
	checkEnded chan struct{}
}

// loginAttempt is one attempt to sign in with a password.
type loginAttempt struct {
	account          rookery.UIN
	address          netip.Addr // the address or network that is counted, see rookery.Network
	fromKnownAddress bool       // the account has signed in from this address before
}

func newLoginLimiter() *loginLimiter {
	list, err := lru.NewLRU[limiterKey, failedLogins](maxLimiterKeys, nil)
	if err != nil {
		panic(err) // only if the size is not positive
	}
	return &loginLimiter{failures: list, pending: make(map[limiterKey]*pendingChecks)}
}

func (a loginAttempt) accountAddressKey() limiterKey { return limiterKey{a.account, a.address} }

// limiterKeys returns the counts that a failure of this attempt affects.
func (a loginAttempt) limiterKeys() []limiterKey {
	if a.fromKnownAddress {
		return []limiterKey{a.accountAddressKey()}
	}
	return []limiterKey{a.accountAddressKey(), {account: a.account}, {address: a.address}}
}

// hasNoFailures reports whether no count applies to the account or the address. In this common case the
// store need not be asked whether the address is known.
func (l *loginLimiter) hasNoFailures(uin rookery.UIN, address netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range (loginAttempt{account: uin, address: address}).limiterKeys() {
		if l.failures.Contains(key) {
			return false
		}
	}
	return true
}

// requiredWait returns how long the attempt has to wait before it may be checked.
func (l *loginLimiter) requiredWait(attempt loginAttempt, now time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requiredWaitLocked(attempt, now)
}

func (l *loginLimiter) requiredWaitLocked(attempt loginAttempt, now time.Duration) time.Duration {
	var waitTime time.Duration
	for _, key := range attempt.limiterKeys() {
		if failures, ok := l.failures.Get(key); ok {
			waitTime = max(waitTime, failures.blockedUntil-now)
		}
	}
	return waitTime
}

// beginCheck waits until the attempt may be checked. It returns 0, and then endCheck must be called, or
// the wait that the limiter requires instead of the check. It returns CodeTemporary if ctx ends first.
//
// The attempts of a pair that are checked at once never exceed its remaining free failures, but are at
// least one. Concurrent attempts can therefore not evade the limit.
func (l *loginLimiter) beginCheck(ctx context.Context, attempt loginAttempt,
	now func() time.Duration) (time.Duration, error) {
	for {
		waitTime, checkEnded := l.tryBeginCheck(attempt, now())
		if checkEnded == nil {
			return waitTime, nil
		}
		select {
		case <-checkEnded:
			l.removeWaiter(attempt)
		case <-ctx.Done():
			l.removeWaiter(attempt)
			return 0, rookery.Temporary(ctx.Err())
		}
	}
}

// tryBeginCheck returns 0 if the check begins, or the required wait. If the attempt has to wait for
// another check, it returns a channel that is closed when one has ended.
func (l *loginLimiter) tryBeginCheck(attempt loginAttempt,
	now time.Duration) (waitTime time.Duration, checkEnded <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if waitTime := l.requiredWaitLocked(attempt, now); waitTime > 0 {
		return waitTime, nil
	}
	checks := l.pending[attempt.accountAddressKey()]
	if checks == nil {
		checks = &pendingChecks{checkEnded: make(chan struct{})}
		l.pending[attempt.accountAddressKey()] = checks
	}
	failures, _ := l.failures.Get(attempt.accountAddressKey())
	if checks.running >= max(freeFailuresPerPair-failures.count, 1) {
		checks.waiters++
		return 0, checks.checkEnded
	}
	checks.running++
	return 0, nil
}

func (l *loginLimiter) removeWaiter(attempt loginAttempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	checks := l.pending[attempt.accountAddressKey()]
	checks.waiters--
	l.removeIfUnusedLocked(attempt, checks)
}

// endCheck ends a check, whatever its result.
func (l *loginLimiter) endCheck(attempt loginAttempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	checks := l.pending[attempt.accountAddressKey()]
	checks.running--
	close(checks.checkEnded)
	checks.checkEnded = make(chan struct{})
	l.removeIfUnusedLocked(attempt, checks)
}

// removeIfUnusedLocked removes the entry of a pair that has no checks and no waiters. l.mu must be
// held.
func (l *loginLimiter) removeIfUnusedLocked(attempt loginAttempt, checks *pendingChecks) {
	if checks.running == 0 && checks.waiters == 0 {
		delete(l.pending, attempt.accountAddressKey())
	}
}

// recordFailure counts a wrong password.
func (l *loginLimiter) recordFailure(attempt loginAttempt, now time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pairFailures := l.recentFailuresLocked(attempt.accountAddressKey(), now)
	for _, key := range attempt.limiterKeys() {
		failures := l.recentFailuresLocked(key, now)
		if !key.address.IsValid() && pairFailures.count >= freeFailuresPerPair &&
			failures.count < freeFailuresPerAccount {
			// Otherwise a single address could reach the account's limit in a few days. Above that
			// limit every failure counts.
			continue
		}
		failures.count, failures.lastFailure = failures.count+1, now
		if over := failures.count - key.freeFailures(); over >= 0 {
			failures.blockedUntil = now + min(initialLoginWait<<min(over, 10), maxLoginWait)
		}
		l.failures.Add(key, failures)
	}
}

// recentFailuresLocked returns a count, or zero if its latest failure is older than failureRetention.
// l.mu must be held.
func (l *loginLimiter) recentFailuresLocked(key limiterKey, now time.Duration) failedLogins {
	failures, _ := l.failures.Get(key)
	if now-failures.lastFailure > failureRetention {
		return failedLogins{}
	}
	return failures
}

// isGuessing reports whether the address has failed at accounts that never signed in from it.
func (l *loginLimiter) isGuessing(address netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failures.Contains(limiterKey{address: address})
}

// clearFailures resets the count of the pair after a right password. The count of the address stays,
// because somebody who guesses may own an account too.
func (l *loginLimiter) clearFailures(attempt loginAttempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures.Remove(attempt.accountAddressKey())
}

// clearAccountFailures resets the count of the account for unknown addresses. It is called when the
// password has changed.
func (l *loginLimiter) clearAccountFailures(uin rookery.UIN) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures.Remove(limiterKey{account: uin})
}
