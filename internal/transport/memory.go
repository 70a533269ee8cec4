package transport

import "sync"

// memoryBudget bounds what all connections together hold of requests that have not
// arrived whole. When it is used up, whoever has been sending for longest gives
// way to who sends now. So a client that sends its request at once is served,
// however many hold back a part of theirs, as long as these cannot send as much
// as a good part of the bound in the time that the client takes.
type memoryBudget struct {
	most int // bytes

	mu     sync.Mutex // guards what follows, and each Conn's holding
	used   int
	oldest *Conn // of those that hold something; the others by holding.next
	newest *Conn
}

// memoryReservation is what a connection holds of a request that has not arrived whole.
type memoryReservation struct {
	bytes          int   // 0 if it is not in the list
	previous, next *Conn // who began to hold something before and after
}

// Hold is to be called before a connection waits for the rest of a request: it
// holds n bytes of it, or for it, beyond what every connection has. It returns
// false if the connection has to give way to others: then nothing more is read
// from it. Hold(0) says that the request is whole, or given up; it costs nothing
// if nothing was held. Both are called by who reads.
func (c *Conn) Hold(n int) bool {
	memoryBudget := c.memory
	if memoryBudget == nil || n == 0 && !c.holds {
		return true
	}
	c.holds = n > 0
	for _, other := range memoryBudget.set(c, n) {
		c.server.warnings.Warn(WarningContext{Cause: "request memory", Address: other.Addr},
			"a request that did not arrive whole was given up: all of these together held as much as --max-request-memory allows; "+
				"raise it if your clients are that slow", "limit_bytes", memoryBudget.most)
	}
	return n == 0 || !c.GaveWay()
}

// GaveWay reports whether the connection had to give up a request that had not
// arrived whole. Nothing more is read from it then.
func (c *Conn) GaveWay() bool { return c.gaveWay.Load() }

// set notes how much a connection holds, and returns who had to give way.
func (m *memoryBudget) set(conn *Conn, n int) (gaveWay []*Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n == 0 || conn.GaveWay() {
		m.drop(conn)
		return nil
	}
	if conn.holding.bytes == 0 {
		m.append(conn)
	}
	m.used += n - conn.holding.bytes
	conn.holding.bytes = n
	for m.used > m.most {
		oldest := m.oldest
		m.drop(oldest)
		oldest.giveWay()
		gaveWay = append(gaveWay, oldest)
	}
	return gaveWay
}

// end counts out a connection that ends, for good.
func (m *memoryBudget) end(conn *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(conn)
	conn.gaveWay.Store(true)
}

// giveWay wakes the connection's reader. If the request has become whole
// meanwhile, it is answered all the same.
func (c *Conn) giveWay() {
	c.gaveWay.Store(true)
	_ = c.Conn.SetReadDeadline(longAgo)
}

// append makes a connection the newest of the list. Called under mu.
func (m *memoryBudget) append(conn *Conn) {
	conn.holding.previous = m.newest
	if m.newest == nil {
		m.oldest = conn
	} else {
		m.newest.holding.next = conn
	}
	m.newest = conn
}

// drop takes a connection out of the list, if it is there. Called under mu.
func (m *memoryBudget) drop(conn *Conn) {
	h := &conn.holding
	if h.bytes == 0 {
		return
	}
	m.used -= h.bytes
	if h.previous == nil {
		m.oldest = h.next
	} else {
		h.previous.holding.next = h.next
	}
	if h.next == nil {
		m.newest = h.previous
	} else {
		h.next.holding.previous = h.previous
	}
	*h = memoryReservation{}
}
