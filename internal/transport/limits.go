package transport

import (
	"net/netip"
	"sync"
	"time"
)

// Limits are the limits for all clients together and for each address. Zero fields mean their
// defaults.
type Limits struct {
	// Connections is the maximum number of connections; 50,000. The flag is --max-connections.
	Connections int
	// ConnectionsPerAddress is the maximum for one IPv4 address or one IPv6 /64 network; 1,000,
	// enough for a school behind one router. The flag is --max-connections-per-address.
	ConnectionsPerAddress int
	// CountLoopback applies ConnectionsPerAddress to clients on this machine. By default they are
	// exempt: they can exhaust the machine anyway.
	CountLoopback bool
	// RequestMemory is how many bytes all connections together may hold of incomplete requests; 64
	// MiB. If it is exceeded, the oldest incomplete request is dropped. The flag is
	// --max-request-memory.
	RequestMemory int
	// LingerTime is how long a closing connection waits for the client to read the last answer and
	// close; 500 ms.
	LingerTime time.Duration
	// LingerBytes is how many bytes of input are read and discarded meanwhile; 256 KiB.
	LingerBytes int64
	// ShutdownGrace is how long a shutdown waits for clients to finish sending a request and to
	// read their answers; 2 s, but at most a third of the shutdown's time. Requests accepted by
	// then are completed, and their clients have LingerTime to read the answers.
	ShutdownGrace time.Duration
}

// withDefaults returns l with zero fields replaced by their defaults.
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

// connectionCounts counts connections by network. Server.mu guards it.
type connectionCounts struct {
	byNetwork map[netip.Prefix]int
	exempt    []netip.Prefix
}

// countedNetwork returns the network under which addr is counted. ok is false if addr is exempt.
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

// clientNetwork returns the network of one customer: an IPv4 address or an IPv6 /64. ok is false if
// addr is the zero Addr.
func clientNetwork(addr netip.Addr) (_ netip.Prefix, ok bool) {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	prefix, err := addr.Prefix(bits)
	return prefix, err == nil
}

// add counts a connection. It reports false if the network has limit connections already.
func (c *connectionCounts) add(addr netip.Addr, limit int) bool {
	prefix, ok := c.countedNetwork(addr)
	if !ok {
		return true
	}
	if c.byNetwork[prefix] >= limit {
		return false
	}
	c.byNetwork[prefix]++
	return true
}

// remove undoes add.
func (c *connectionCounts) remove(addr netip.Addr) {
	prefix, ok := c.countedNetwork(addr)
	if !ok {
		return
	}
	if c.byNetwork[prefix]--; c.byNetwork[prefix] == 0 {
		delete(c.byNetwork, prefix)
	}
}

// logInterval is the minimum time between two log lines of a LogLimiter.
const logInterval = time.Minute

// LogLimiter limits a log message that clients can provoke, to one line per minute.
type LogLimiter struct {
	mu         sync.Mutex // guards the fields below
	lastLogged time.Time
	suppressed int
}

// Allow reports whether the message may be logged now, and how many were suppressed since the last
// one.
func (l *LogLimiter) Allow() (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.lastLogged.IsZero() && now.Sub(l.lastLogged) < logInterval {
		l.suppressed++
		return 0, false
	}
	suppressed, l.suppressed, l.lastLogged = l.suppressed, 0, now
	return suppressed, true
}

// RateCounter limits the number of events in a second. The zero RateCounter is ready for use; it is
// not safe for concurrent use.
type RateCounter struct {
	secondStart time.Time // start of the current second
	count       int
}

// Allow returns how many of n events fit into the limit per second, and counts them. A limit of 0
// allows any number.
func (r *RateCounter) Allow(n, limit int) int {
	if limit == 0 {
		return n
	}
	if now := time.Now(); now.Sub(r.secondStart) >= time.Second {
		*r = RateCounter{secondStart: now}
	}
	n = min(n, limit-r.count)
	r.count += n
	return n
}
