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
	willCut        bool
	remainingBytes int
	cutDone        chan struct{} // closed when it is cut
}

// CutAfter cuts the cable after n bytes more from the server, at once if n is 0. The
// channel is closed when that has happened.
func (c *FaultyConn) CutAfter(count int) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.willCut, c.remainingBytes, c.cutDone = true, count, make(chan struct{})
	if count == 0 {
		c.cutNow()
	}
	return c.cutDone
}

// cutNow is called with mu held.
func (c *FaultyConn) cutNow() {
	close(c.cutDone)
	if !c.Silent {
		_ = c.Conn.Close() // a reader and the server see it
	}
}

// passBytes is how many of n bytes from the server still get through.
func (c *FaultyConn) passBytes(count int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.willCut || count == 0 {
		return count
	}
	count = min(count, c.remainingBytes)
	if c.remainingBytes -= count; c.remainingBytes == 0 && count > 0 {
		c.cutNow()
	}
	return count
}

func (c *FaultyConn) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.willCut && c.remainingBytes == 0
}

// Read reads what gets through. It ends with an error if the cable is cut for
// all to see, and with a silent one waits until the client closes it.
func (c *FaultyConn) Read(p []byte) (int, error) {
	for {
		count, err := c.Conn.Read(p)
		if count > 0 && c.Delay > 0 {
			<-time.After(c.Delay)
		}
		if count = c.passBytes(count); count > 0 {
			return count, nil
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

// CloseServerSide closes the connection on the server's side too.
func (c *FaultyConn) CloseServerSide() { _ = c.Conn.Close() }
