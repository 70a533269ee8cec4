package transport

import "sync"

// memoryBudget limits the memory that all connections together hold for incomplete requests. When
// it is exceeded, the connections that have been sending longest lose their reservations. A client
// that sends promptly is therefore served even if many others withhold part of a request.
type memoryBudget struct {
	maxBytes int

	mu        sync.Mutex // guards the fields below and the reservation of each Conn
	usedBytes int
	oldest    *Conn // head of the list of connections with a reservation, linked by reservation.next
	newest    *Conn
}

// memoryReservation is a connection's share of the memoryBudget.
type memoryReservation struct {
	bytes          int   // 0 if the connection is not in the list
	previous, next *Conn // neighbours in the list, by start of the reservation
}

// ReserveMemory sets how many bytes the connection holds for an incomplete request, beyond its own
// small buffer. Call it before waiting for the rest of the request. It reports false if the
// reservation was revoked in favour of others: the connection must then read nothing more.
// ReserveMemory(0) releases the reservation, and is cheap if there is none. Only the reading
// goroutine may call it.
func (c *Conn) ReserveMemory(n int) bool {
	memoryBudget := c.requestMemory
	if memoryBudget == nil || n == 0 && !c.hasReservation {
		return true
	}
	c.hasReservation = n > 0
	for _, other := range memoryBudget.reserve(c, n) {
		c.server.warnings.Warn(WarningContext{Cause: "request memory", Address: other.Addr},
			"an incomplete request was dropped: all incomplete requests together exceeded --max-request-memory; "+
				"raise it if your clients are slow", "limit_bytes", memoryBudget.maxBytes)
	}
	return n == 0 || !c.ReservationRevoked()
}

// ReservationRevoked reports whether the connection has lost its reservation. It must read nothing
// more then.
func (c *Conn) ReservationRevoked() bool { return c.reservationRevoked.Load() }

// reserve sets the reservation of conn and returns the connections whose reservations it revoked.
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

// closeReservation releases the reservation of a closing connection and prevents a new one.
func (m *memoryBudget) closeReservation(conn *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.removeReservation(conn)
	conn.reservationRevoked.Store(true)
}

// revokeReservation stops the connection's reader. A request that has become complete meanwhile is
// answered all the same.
func (c *Conn) revokeReservation() {
	c.reservationRevoked.Store(true)
	_ = c.Conn.SetReadDeadline(pastDeadline)
}

// appendNewest adds conn to the end of the list. The caller holds mu.
func (m *memoryBudget) appendNewest(conn *Conn) {
	conn.reservation.previous = m.newest
	if m.newest == nil {
		m.oldest = conn
	} else {
		m.newest.reservation.next = conn
	}
	m.newest = conn
}

// removeReservation removes conn from the list if it is there. The caller holds mu.
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
