package transport

import "sync"

// memoryBudget bounds what all connections together hold of requests that have not
// arrived whole. When it is used up, whoever has been sending for longest gives
// way to who sends now. So a client that sends its request at once is served,
// however many hold back a part of theirs, as long as these cannot send as much
// as a good part of the bound in the time that the client takes.
type memoryBudget struct {
	maxBytes int // bytes

	mu        sync.Mutex // guards what follows, and each Conn's holding
	usedBytes int
	oldest    *Conn // of those that hold something; the others by holding.next
	newest    *Conn
}

// memoryReservation is what a connection holds of a request that has not arrived whole.
type memoryReservation struct {
	bytes          int   // 0 if it is not in the list
	previous, next *Conn // who began to hold something before and after
}

// ReserveMemory is to be called before a connection waits for the rest of a request: it
// holds n bytes of it, or for it, beyond what every connection has. It returns
// false if the connection has to give way to others: then nothing more is read
// from it. Hold(0) says that the request is whole, or given up; it costs nothing
// if nothing was held. Both are called by who reads.
func (c *Conn) ReserveMemory(n int) bool {
	memoryBudget := c.requestMemory
	if memoryBudget == nil || n == 0 && !c.hasReservation {
		return true
	}
	c.hasReservation = n > 0
	for _, other := range memoryBudget.reserve(c, n) {
		c.server.warnings.Warn(WarningContext{Cause: "request memory", Address: other.Addr},
			"a request that did not arrive whole was given up: all of these together held as much as --max-request-memory allows; "+
				"raise it if your clients are that slow", "limit_bytes", memoryBudget.maxBytes)
	}
	return n == 0 || !c.ReservationRevoked()
}

// ReservationRevoked reports whether the connection had to give up a request that had not
// arrived whole. Nothing more is read from it then.
func (c *Conn) ReservationRevoked() bool { return c.reservationRevoked.Load() }

// reserve notes how much a connection holds, and returns who had to give way.
func (m *memoryBudget) reserve(conn *Conn, n int) (gaveWay []*Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n == 0 || conn.ReservationRevoked() {
		m.removeReservation(conn)
		return nil
	}
	if conn.reservation.bytes == 0 {
		m.appendNewest(conn)
	}
	m.usedBytes += n - conn.reservation.bytes
	conn.reservation.bytes = n
	for m.usedBytes > m.maxBytes {
		oldest := m.oldest
		m.removeReservation(oldest)
		oldest.revokeReservation()
		gaveWay = append(gaveWay, oldest)
	}
	return gaveWay
}

// closeReservation counts out a connection that ends, for good.
func (m *memoryBudget) closeReservation(conn *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.removeReservation(conn)
	conn.reservationRevoked.Store(true)
}

// revokeReservation wakes the connection's reader. If the request has become whole
// meanwhile, it is answered all the same.
func (c *Conn) revokeReservation() {
	c.reservationRevoked.Store(true)
	_ = c.Conn.SetReadDeadline(pastDeadline)
}

// appendNewest makes a connection the newest of the list. Called under mu.
func (m *memoryBudget) appendNewest(conn *Conn) {
	conn.reservation.previous = m.newest
	if m.newest == nil {
		m.oldest = conn
	} else {
		m.newest.reservation.next = conn
	}
	m.newest = conn
}

// removeReservation takes a connection out of the list, if it is there. Called under mu.
func (m *memoryBudget) removeReservation(conn *Conn) {
	h := &conn.reservation
	if h.bytes == 0 {
		return
	}
	m.usedBytes -= h.bytes
	if h.previous == nil {
		m.oldest = h.next
	} else {
		h.previous.reservation.next = h.next
	}
	if h.next == nil {
		m.newest = h.previous
	} else {
		h.next.reservation.previous = h.previous
	}
	*h = memoryReservation{}
}
