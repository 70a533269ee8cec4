package transport

import (
	"net/netip"
	"sync"
	"time"
)

// Limits bound what all clients together, and each address, can hold. A zero
// number stands for its default.
type Limits struct {
	// Connections is how many there may be in all; 50,000. The setting is
	// --max-connections.
	Connections int
	// ConnectionsPerAddress is how many one address may have, for IPv6 one network of 64
	// bits, which is what one customer gets; 1,000: a school behind one router
	// fits in. The setting is --max-connections-per-address.
	ConnectionsPerAddress int
	// CountLoopback makes PerAddress bind clients on this machine too. By
	// default it does not: they can take the machine's resources anyway.
	CountLoopback bool
	// RequestMemory is how much all connections together may hold of requests that
	// have not arrived whole; 64 MiB. When it is used up, the one that began
	// first gives way. The setting is --max-request-memory.
	RequestMemory int
	// LingerTime is how long a connection waits, once its last answer is written,
	// for the client to read it and close; 500 ms.
	LingerTime time.Duration
	// LingerBytes is how much of what the client still sends is thrown away
	// meanwhile; 256 KiB.
	LingerBytes int64
	// ShutdownGrace is how long clients may take, when the server shuts down, to
	// send the rest of a request and to take their answers; 2 s, but not more
	// than a third of the time that the shutdown may take. What is accepted by
	// then is finished, and its client has Linger to take the answer.
	ShutdownGrace time.Duration
}

// withDefaults returns the limits with defaults in the place of zeros.
func (l Limits) withDefaults() Limits {
	setDefault(&l.Connections, 50_000)
	setDefault(&l.ConnectionsPerAddress, 1_000)
	setDefault(&l.RequestMemory, 64<<20)
	setDefault(&l.LingerTime, 500*time.Millisecond)
	setDefault(&l.LingerBytes, 256<<10)
	setDefault(&l.ShutdownGrace, 2*time.Second)
	return l
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// connectionCounts counts connections by the network that they come from. It has no lock
// of its own.
type connectionCounts struct {
	byNetwork map[netip.Prefix]int
	exempt    []netip.Prefix
}

// countedNetwork is what an address is counted under; ok is false for one that is
// not counted.
func (c *connectionCounts) countedNetwork(addr netip.Addr) (_ netip.Prefix, ok bool) {
	if !addr.IsValid() {
		return netip.Prefix{}, false
	}
	for _, prefix := range c.exempt {
		if prefix.Contains(addr.WithZone("")) {
			return netip.Prefix{}, false
		}
	}
	return clientNetwork(addr)
}

// clientNetwork is what one customer gets: an IPv4 address, or of IPv6 a network of
// 64 bits. ok is false for what is no address.
func clientNetwork(addr netip.Addr) (_ netip.Prefix, ok bool) {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	prefix, err := addr.Prefix(bits)
	return prefix, err == nil
}

// add counts a connection in, if its network has fewer than most.
func (c *connectionCounts) add(addr netip.Addr, most int) bool {
	prefix, ok := c.countedNetwork(addr)
	if !ok {
		return true
	}
	if c.byNetwork[prefix] >= most {
		return false
	}
	c.byNetwork[prefix]++
	return true
}

// remove counts a connection out that was counted in.
func (c *connectionCounts) remove(addr netip.Addr) {
	prefix, ok := c.countedNetwork(addr)
	if !ok {
		return
	}
	if c.byNetwork[prefix]--; c.byNetwork[prefix] == 0 {
		delete(c.byNetwork, prefix)
	}
}

// logInterval is how often the same complaint is logged at most.
const logInterval = time.Minute

// LogLimiter keeps a message that a stranger can cause at will from filling the
// log.
type LogLimiter struct {
	mu         sync.Mutex // guards what follows
	lastLogged time.Time
	suppressed int
}

// Allow counts one occasion to complain, and reports whether it is time to do
// so and how many earlier occasions passed in silence since the last time.
func (c *LogLimiter) Allow() (kept int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !c.lastLogged.IsZero() && now.Sub(c.lastLogged) < logInterval {
		c.suppressed++
		return 0, false
	}
	kept, c.suppressed, c.lastLogged = c.suppressed, 0, now
	return kept, true
}

// RateCounter bounds how much comes in one second.
type RateCounter struct {
	secondStart time.Time // when the second began
	count       int
}

// Allow returns how many of n more may come, if most may in one second; 0 is any
// number.
func (r *RateCounter) Allow(n, most int) int {
	if most == 0 {
		return n
	}
	if now := time.Now(); now.Sub(r.secondStart) >= time.Second {
		*r = RateCounter{secondStart: now}
	}
	n = min(n, most-r.count)
	r.count += n
	return n
}
