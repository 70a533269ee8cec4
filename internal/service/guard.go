package service

import (
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/rookery-im/rookery"
)

const (
	freeTries    = 5   // wrong ones in a row, of one account
	freeTriesAll = 100 // wrong ones from one address, of all accounts together
	firstWait    = 10 * time.Second
	longestWait  = 15 * time.Minute
	guardMemory  = 24 * time.Hour // after so long without a try all is forgotten
	guardSize    = 100_000
)

// guard slows down guessing. It counts wrong tries of an account from one
// address, of an account from all addresses it never signed in from, and of an
// address at all accounts. Past the free ones each costs a wait, the double of
// the one before.
type guard struct {
	mu    sync.Mutex // guards tries
	tries *lru.LRU[tryKey, try]
}

// tryKey without an address counts all unknown ones, without an account all
// accounts.
type tryKey struct {
	account rookery.UIN
	addr    netip.Addr
}

// free is how many tries cost no wait.
func (k tryKey) free() int {
	if k.account == 0 {
		return freeTriesAll
	}
	return freeTries
}

type try struct {
	count int
	at    time.Duration // the latest
	until time.Duration
}

func newGuard() *guard {
	tries, err := lru.NewLRU[tryKey, try](guardSize, nil)
	if err != nil {
		panic(err) // only for a size that is not positive
	}
	return &guard{tries: tries}
}

// keys are what a try counts for. A known address answers for its own tries
// only. Of IPv6 one customer has a whole network of 64 bits, which counts as one
// address unless it is a known one.
func keys(uin rookery.UIN, addr netip.Addr, known bool) []tryKey {
	if known {
		return []tryKey{{uin, addr}}
	}
	if addr.Is6() {
		addr = netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	return []tryKey{{uin, addr}, {account: uin}, {addr: addr}}
}

// quiet reports whether nothing is held against the account or the address: the
// common case, which needs no look at known addresses.
func (g *guard) quiet(uin rookery.UIN, addr netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range append(keys(uin, addr, false), keys(uin, addr, true)...) {
		if g.tries.Contains(k) {
			return false
		}
	}
	return true
}

// wait is how long the next try has to wait.
func (g *guard) wait(uin rookery.UIN, addr netip.Addr, known bool, now time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waitLocked(uin, addr, known, now)
}

func (g *guard) waitLocked(uin rookery.UIN, addr netip.Addr, known bool, now time.Duration) time.Duration {
	var wait time.Duration
	for _, k := range keys(uin, addr, known) {
		if t, ok := g.tries.Get(k); ok {
			wait = max(wait, t.until-now)
		}
	}
	return wait
}

// admit counts a try as wrong and returns 0, or how long it has to wait. It is
// counted before it is checked, so that many at once are no way around the
// limit; takeBack takes it back.
func (g *guard) admit(uin rookery.UIN, addr netip.Addr, known bool, now time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := g.waitLocked(uin, addr, known, now); wait > 0 {
		return wait
	}
	for _, k := range keys(uin, addr, known) {
		t, _ := g.tries.Get(k)
		if now-t.at > guardMemory {
			t = try{}
		}
		t.count, t.at = t.count+1, now
		if over := t.count - k.free(); over >= 0 {
			t.until = now + min(firstWait<<min(over, 10), longestWait)
		}
		g.tries.Add(k, t)
	}
	return 0
}

// takeBack takes one try off the counts.
func (g *guard) takeBack(uin rookery.UIN, addr netip.Addr, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range keys(uin, addr, known) {
		t, ok := g.tries.Peek(k)
		if !ok {
			continue
		}
		if t.count--; t.count <= 0 {
			g.tries.Remove(k)
			continue
		}
		if t.count < k.free() {
			t.until = 0
		}
		g.tries.Add(k, t)
	}
}

// forgive forgets the tries of an account from one address after a right one.
func (g *guard) forgive(uin rookery.UIN, addr netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tries.Remove(keys(uin, addr, true)[0])
	g.tries.Remove(keys(uin, addr, false)[0])
}
