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
	freeTries        = 5    // wrong ones in a row, of one account from one address
	freeTriesAddress = 100  // of one address, at all accounts it never signed in to
	freeTriesAccount = 1000 // of one account, from all addresses it never signed in from
	firstWait        = 10 * time.Second
	longestWait      = 15 * time.Minute
	guardMemory      = 24 * time.Hour // after so long without a wrong try all is forgotten
	guardSize        = 100_000
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
	mu    sync.Mutex // guards the rest
	tries *lru.LRU[limiterKey, failedLogins]
	// pendingChecks is the tries that are being checked, by account and address.
	checking map[limiterKey]*pendingChecks
}

// limiterKey without an address counts all unknown ones, without an account all
// accounts.
type limiterKey struct {
	account rookery.UIN
	address netip.Addr
}

// free is how many wrong tries cost no wait.
func (k limiterKey) free() int {
	switch {
	case k.account == 0:
		return freeTriesAddress
	case !k.address.IsValid():
		return freeTriesAccount
	}
	return freeTries
}

// failedLogins are wrong ones.
type failedLogins struct {
	count int
	at    time.Duration // the latest
	until time.Duration
}

// pendingChecks is how many tries of an account from an address are being checked.
type pendingChecks struct {
	count, waiting int
	// changed is closed, and made anew, when one is done.
	changed chan struct{}
}

// loginAttempt is somebody's who tries to sign in.
type loginAttempt struct {
	account rookery.UIN
	address netip.Addr // as it is counted, see rookery.Network
	known   bool       // the account has signed in from there
}

func newGuard() *loginLimiter {
	list, err := lru.NewLRU[limiterKey, failedLogins](guardSize, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &loginLimiter{tries: list, checking: make(map[limiterKey]*pendingChecks)}
}

func (a loginAttempt) key() limiterKey { return limiterKey{a.account, a.address} }

// keys are what a wrong try counts for. A known address answers for its own
// only.
func (a loginAttempt) keys() []limiterKey {
	if a.known {
		return []limiterKey{a.key()}
	}
	return []limiterKey{a.key(), {account: a.account}, {address: a.address}}
}

// quiet reports whether nothing is held against the account or the address: the
// common case, which needs no look at known addresses.
func (g *loginLimiter) quiet(uin rookery.UIN, address netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, limiterKey := range (loginAttempt{account: uin, address: address}).keys() {
		if g.tries.Contains(limiterKey) {
			return false
		}
	}
	return true
}

// wait is how long the next try has to wait.
func (g *loginLimiter) wait(attempt loginAttempt, now time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waitLocked(attempt, now)
}

func (g *loginLimiter) waitLocked(attempt loginAttempt, now time.Duration) time.Duration {
	var wait time.Duration
	for _, limiterKey := range attempt.keys() {
		if failedLogins, ok := g.tries.Get(limiterKey); ok {
			wait = max(wait, failedLogins.until-now)
		}
	}
	return wait
}

// begin lets a try be checked, to be ended with end. So many of an account from
// an address are checked at once as wrong ones would still cost no wait, at least
// one: many at once are no way around the limit. Further ones wait until one is
// done. It returns how long the try has to wait instead of being checked, and
// CodeTemporary if ctx ends before.
func (g *loginLimiter) begin(ctx context.Context, attempt loginAttempt, now func() time.Duration) (time.Duration, error) {
	for {
		wait, changed := g.tryBegin(attempt, now())
		if changed == nil {
			return wait, nil
		}
		select {
		case <-changed:
			g.stopWaiting(attempt)
		case <-ctx.Done():
			g.stopWaiting(attempt)
			return 0, rookery.Temporary(ctx.Err())
		}
	}
}

// tryBegin begins a check and returns 0, or how long it has to wait; or what is
// closed when it is worth trying again.
func (g *loginLimiter) tryBegin(attempt loginAttempt, now time.Duration) (wait time.Duration, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := g.waitLocked(attempt, now); wait > 0 {
		return wait, nil
	}
	c := g.checking[attempt.key()]
	if c == nil {
		c = &pendingChecks{changed: make(chan struct{})}
		g.checking[attempt.key()] = c
	}
	failedLogins, _ := g.tries.Get(attempt.key())
	if c.count >= max(freeTries-failedLogins.count, 1) {
		c.waiting++
		return 0, c.changed
	}
	c.count++
	return 0, nil
}

func (g *loginLimiter) stopWaiting(attempt loginAttempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pendingChecks := g.checking[attempt.key()]
	pendingChecks.waiting--
	g.tidy(attempt, pendingChecks)
}

// end says that a try was checked, whatever came of it.
func (g *loginLimiter) end(attempt loginAttempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pendingChecks := g.checking[attempt.key()]
	pendingChecks.count--
	close(pendingChecks.changed)
	pendingChecks.changed = make(chan struct{})
	g.tidy(attempt, pendingChecks)
}

// tidy forgets what nobody is checked by, or waits for.
func (g *loginLimiter) tidy(attempt loginAttempt, c *pendingChecks) {
	if c.count == 0 && c.waiting == 0 {
		delete(g.checking, attempt.key())
	}
}

// wrong counts a wrong try. Right ones leave no trace.
func (g *loginLimiter) wrong(attempt loginAttempt, now time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	own := g.triesLocked(attempt.key(), now)
	for _, limiterKey := range attempt.keys() {
		failedLogins := g.triesLocked(limiterKey, now)
		if !limiterKey.address.IsValid() && own.count >= freeTries && failedLogins.count < freeTriesAccount {
			// Or one address could keep an owner out, if it goes on for days. Once
			// the bound is reached, all count.
			continue
		}
		failedLogins.count, failedLogins.at = failedLogins.count+1, now
		if over := failedLogins.count - limiterKey.free(); over >= 0 {
			failedLogins.until = now + min(firstWait<<min(over, 10), longestWait)
		}
		g.tries.Add(limiterKey, failedLogins)
	}
}

// triesLocked are the wrong tries that are not forgotten.
func (g *loginLimiter) triesLocked(k limiterKey, now time.Duration) failedLogins {
	t, _ := g.tries.Get(k)
	if now-t.at > guardMemory {
		return failedLogins{}
	}
	return t
}

// guesses reports whether the address has tried wrong passwords at accounts that
// it never signed in to.
func (g *loginLimiter) guesses(address netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.tries.Contains(limiterKey{address: address})
}

// forgive forgets the wrong tries of an account from one address, after a right
// one. What counts for the address at other accounts stays: who guesses may have
// an account of his own.
func (g *loginLimiter) forgive(attempt loginAttempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tries.Remove(attempt.key())
}

// forget forgets the wrong tries of an account from all addresses together: it
// has a new password.
func (g *loginLimiter) forget(uin rookery.UIN) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tries.Remove(limiterKey{account: uin})
}
