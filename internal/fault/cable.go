package fault

import (
	"io"
	"net"
	"sync"
	"time"
)

// FaultyConn is a client's connection through a bad network, which delays, cuts and
// drops what the server writes, to the byte.
type FaultyConn struct {
	net.Conn
	// Delay is how long each piece of what the server writes is held up.
	Delay time.Duration
	// Silent: that the cable is cut is told to nobody. What either side writes
	// afterwards is lost, and the server still believes in the connection when
	// the client has given it up.
	Silent bool

	mu sync.Mutex // guards what follows
	// ends: it is cut after left bytes more.
	ends bool
	left int
	cut  chan struct{} // closed when it is cut
}

// Cut cuts the cable after n bytes more from the server, at once if n is 0. The
// channel is closed when that has happened.
func (c *FaultyConn) Cut(n int) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends, c.left, c.cut = true, n, make(chan struct{})
	if n == 0 {
		c.end()
	}
	return c.cut
}

// end is called with mu held.
func (c *FaultyConn) end() {
	close(c.cut)
	if !c.Silent {
		_ = c.Conn.Close() // a reader and the server see it
	}
}

// pass is how many of n bytes from the server still get through.
func (c *FaultyConn) pass(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ends || n == 0 {
		return n
	}
	n = min(n, c.left)
	if c.left -= n; c.left == 0 && n > 0 {
		c.end()
	}
	return n
}

func (c *FaultyConn) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ends && c.left == 0
}

// Read reads what gets through. It ends with an error if the cable is cut for
// all to see, and with a silent one waits until the client closes it.
func (c *FaultyConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 && c.Delay > 0 {
			<-time.After(c.Delay)
		}
		if n = c.pass(n); n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// Write passes on what the client writes, or loses it.
func (c *FaultyConn) Write(p []byte) (int, error) {
	switch {
	case !c.isCut():
		return c.Conn.Write(p)
	case c.Silent:
		return len(p), nil
	}
	return 0, io.ErrClosedPipe
}

// Close ends the client's side. The server is not told if the cable was cut in
// silence: end that with Forget.
func (c *FaultyConn) Close() error {
	if c.Silent && c.isCut() {
		return c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
	return c.Conn.Close()
}

// Forget closes the connection on the server's side too.
func (c *FaultyConn) Forget() { _ = c.Conn.Close() }
