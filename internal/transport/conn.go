package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// The states of a connection. Only a waiting one may be ended at once when the
// server shuts down: no request of its is in flight.
const (
	stateIdle int32 = iota
	stateActive
	stateClosing
)

// Conn is one client's connection. Close must be called sooner or later: until
// then the connection counts against the limits, and Shutdown waits for it.
type Conn struct {
	net.Conn
	// Addr is the other end's address. An IPv4 address mapped into IPv6 is the
	// IPv4 address. It is the zero Addr if the connection is no IP connection.
	Addr netip.Addr
	// BlankBytes counts the blank lines that Detect dropped before what is
	// still to be read, for ways that bound them.
	BlankBytes int

	server       *Server
	unreadBytes  []byte        // given back by Unread
	detectBuffer *detectBuffer // what unread lies in, if it was lent by Detect
	state        atomic.Int32
	hasWritten   atomic.Bool // something was written, so there is an answer to lose
	closeOnce    sync.Once

	requestMemory      *memoryBudget // the server's
	reservation        memoryReservation
	hasReservation     bool // Hold was called, and Hold(0) not since; of who reads
	reservationRevoked atomic.Bool

	graceEnded         atomic.Bool  // hurry was called
	graceWriteDeadline atomic.Int64 // when a hurried client must have taken all, in Unix nanoseconds; 0 until the first write
}

// Unread puts p before what is still to be read, so that another reader can
// begin where the first one did. The connection keeps p. Not to be called
// beside Read.
func (c *Conn) Unread(p []byte) { c.unreadBytes = append(p, c.unreadBytes...) }

func (c *Conn) Read(p []byte) (int, error) {
	if len(c.unreadBytes) > 0 {
		n := copy(p, c.unreadBytes)
		if c.unreadBytes = c.unreadBytes[n:]; len(c.unreadBytes) == 0 {
			c.releaseUnread() // the connection may live for days
		}
		return n, nil
	}
	return c.Conn.Read(p)
}

func (c *Conn) releaseUnread() {
	c.unreadBytes = nil
	if c.detectBuffer != nil {
		c.detectBuffer.pool.Put(c.detectBuffer)
		c.detectBuffer = nil
	}
}

func (c *Conn) Write(p []byte) (int, error) {
	if !c.hasWritten.Load() {
		c.hasWritten.Store(true)
	}
	if c.graceEnded.Load() {
		now := time.Now()
		c.graceWriteDeadline.CompareAndSwap(0, now.Add(c.server.limits.LingerTime).UnixNano())
		_ = c.Conn.SetWriteDeadline(time.Unix(0, c.graceWriteDeadline.Load()))
	}
	return c.Conn.Write(p)
}

// SetReadDeadline bounds reads, of a client that is not hurried and has not given
// way.
func (c *Conn) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	if c.graceEnded.Load() || c.reservationRevoked.Load() {
		return c.Conn.SetReadDeadline(pastDeadline)
	}
	return err
}

// SetDeadline bounds reads and writes. Write moves the latter if need be.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// endGrace ends the time that a client has: what it has not sent is not read any
// more, and a write that waits for it ends after Limits.Linger. So do all later
// ones together, from the first one on.
func (c *Conn) endGrace() {
	c.graceEnded.Store(true)
	_ = c.Conn.SetReadDeadline(pastDeadline)
	_ = c.Conn.SetWriteDeadline(time.Now().Add(c.server.limits.LingerTime))
}

// pastDeadline is a deadline that wakes whoever reads or writes.
var pastDeadline = time.Unix(1, 0)

// DiscardUnsent says that the client does not read: what was written and not taken is
// thrown away when the connection is closed. The system would hold it for
// minutes otherwise, some megabytes of it.
func (c *Conn) DiscardUnsent() {
	c.hasWritten.Store(false)
	if tcp, ok := c.Conn.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0)
	}
}

// CloseWrite ends the server's side of the connection, as far as the
// connection can be half closed.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// BecomeIdle says that no request is in flight, and reports whether the connection
// may wait for one: not if the server is shutting down. The read deadline must
// be set before, since from now on Shutdown may set one in the past to wake
// the reader. A new connection waits.
func (c *Conn) BecomeIdle() bool {
	c.state.Store(stateIdle)
	return !c.ShuttingDown()
}

// BecomeActive says that a request has begun to arrive, which Shutdown lets finish.
// It reports false if Shutdown was first.
func (c *Conn) BecomeActive() bool { return c.state.CompareAndSwap(stateIdle, stateActive) }

// ShuttingDown reports whether the server is shutting down, so that the answer to
// the request in flight is the connection's last.
func (c *Conn) ShuttingDown() bool { return c.server.shuttingDown.Load() }

// ShutdownStarted returns a channel that is closed when the server begins to shut down.
func (c *Conn) ShutdownStarted() <-chan struct{} { return c.server.shutdownStarted }

// closeIfIdle ends the connection if it waits, by waking its reader. To close it
// here could reset the connection under an answer that is still on its way.
func (c *Conn) closeIfIdle() {
	if c.state.CompareAndSwap(stateIdle, stateClosing) {
		_ = c.SetReadDeadline(pastDeadline)
	}
}

// Close lets the client read what was written to it, for Limits.Linger at
// most, and closes the connection. Further calls wait for the first.
func (c *Conn) Close() error {
	err := net.ErrClosed
	c.closeOnce.Do(func() {
		c.requestMemory.closeReservation(c)
		c.drainBeforeClose()
		err = c.Conn.Close()
		c.server.removeConn(c)
	})
	return err
}

// drainBeforeClose closes the server's side and drains the client's: a socket closed
// with bytes unread sends a reset, and a client that is still sending when the
// reset comes may lose the answer that it has not read yet.
func (c *Conn) drainBeforeClose() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || !c.hasWritten.Load() || half.CloseWrite() != nil {
		return
	}
	limits := &c.server.limits
	if c.Conn.SetReadDeadline(time.Now().Add(limits.LingerTime)) == nil {
		_, _ = io.CopyN(io.Discard, c.Conn, limits.LingerBytes)
	}
}

type connContextKey struct{}

// ContextWithConn returns a context that ConnFromContext finds the connection in.
func ContextWithConn(ctx context.Context, conn *Conn) context.Context {
	return context.WithValue(ctx, connContextKey{}, conn)
}

// ConnFromContext is the connection that a page was asked for on, for those that keep
// it. ctx is the page's, or was made of that.
func ConnFromContext(ctx context.Context) *Conn { return ctx.Value(connContextKey{}).(*Conn) }

// remoteAddr is the IP address at the other end of c, the zero Addr if it has none.
func remoteAddr(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
