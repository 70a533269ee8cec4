package fault

import (
	"io"
	"net"
	"sync"
	"time"
)

// FaultyConn is the client's end of a connection through an unreliable network. It delays what the server writes,
// and CutAfter cuts the connection at a chosen byte.
type FaultyConn struct {
	net.Conn
	// Delay is the time by which each Read is delayed after data has arrived.
	Delay time.Duration
	// Silent cuts the connection without telling either side. Later writes of both sides are lost, and the
	// server keeps its end open even after the client has closed its own.
	Silent bool

	mu sync.Mutex // guards the fields below
	// If willCut is set, the connection is cut after remainingBytes more bytes from the server.
	willCut        bool
	remainingBytes int
	cutDone        chan struct{} // closed when the connection is cut
}

// CutAfter cuts the connection after count more bytes from the server, immediately if count is 0. The returned
// channel is closed when the connection is cut.
func (c *FaultyConn) CutAfter(count int) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.willCut, c.remainingBytes, c.cutDone = true, count, make(chan struct{})
	if count == 0 {
		c.cutNow()
	}
	return c.cutDone
}

// cutNow cuts the connection. The caller must hold mu.
func (c *FaultyConn) cutNow() {
	close(c.cutDone)
	if !c.Silent {
		_ = c.Conn.Close() // so that a blocked Read and the server notice
	}
}

// passBytes returns how many of the next count bytes from the server reach the client, and cuts the connection when
// the limit of CutAfter is reached.
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

// Read returns bytes that reach the client. After a cut it returns an error; after a silent cut it blocks
// until the client closes the connection.
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

// Write sends the client's bytes, or drops them after a cut.
func (c *FaultyConn) Write(p []byte) (int, error) {
	switch {
	case !c.isCut():
		return c.Conn.Write(p)
	case c.Silent:
		return len(p), nil
	}
	return 0, io.ErrClosedPipe
}

// Close closes the client's side. After a silent cut it only unblocks Read, and the server does not notice; the
// caller must then call CloseServerSide to release the connection.
func (c *FaultyConn) Close() error {
	if c.Silent && c.isCut() {
		return c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
	return c.Conn.Close()
}

// CloseServerSide closes the underlying connection, which the server notices.
func (c *FaultyConn) CloseServerSide() { _ = c.Conn.Close() }
