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

// States of a connection. A shutdown closes an idle connection at once, because no request is in
// progress on it.
const (
	stateIdle int32 = iota
	stateActive
	stateClosing
)

// Conn is a client's connection. It counts against the limits and delays Shutdown until Close is
// called. One goroutine reads and calls BecomeIdle, BecomeActive and ReserveMemory. Others may write,
// set deadlines and call Close.
type Conn struct {
	net.Conn
	// Addr is the remote IP address, with IPv4 in IPv6 unmapped. It is the zero Addr for
	// connections that are not TCP.
	Addr netip.Addr
	// BlankBytes is how many bytes of blank lines ProtocolDetector dropped before the first unread
	// byte. Protocols count them against their own limits.
	BlankBytes int

	server       *Server
	unreadBytes  []byte        // returned by the next Reads
	detectBuffer *detectBuffer // backs unreadBytes; nil if they were not read by ProtocolDetector
	state        atomic.Int32
	hasWritten   atomic.Bool // false if there is no answer that a close could destroy
	closeOnce    sync.Once

	requestMemory      *memoryBudget // shared by all connections of the server
	reservation        memoryReservation
	hasReservation     bool // the last ReserveMemory was not 0; used only by the reading goroutine
	reservationRevoked atomic.Bool

	graceEnded         atomic.Bool  // set by endGrace
	graceWriteDeadline atomic.Int64 // Unix nanoseconds; set by the first Write after endGrace, 0 before
}

// Unread makes p the next bytes to be read, for a Protocol that takes over the connection. Conn
// takes ownership of p. Unread must not be called during a Read.
func (c *Conn) Unread(p []byte) { c.unreadBytes = append(p, c.unreadBytes...) }

// Read reads the bytes passed to Unread first.
func (c *Conn) Read(p []byte) (int, error) {
	if len(c.unreadBytes) > 0 {
		n := copy(p, c.unreadBytes)
		if c.unreadBytes = c.unreadBytes[n:]; len(c.unreadBytes) == 0 {
			c.releaseUnread() // a connection may last for days
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

// Write limits the time for all writes together once the shutdown's grace has ended.
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

// SetReadDeadline sets the read deadline. It has no effect once reading was stopped, by the end of
// the shutdown's grace or because the memory reservation was revoked.
func (c *Conn) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	if c.graceEnded.Load() || c.reservationRevoked.Load() {
		return c.Conn.SetReadDeadline(pastDeadline)
	}
	return err
}

// SetDeadline sets the read and the write deadline. After the shutdown's grace, Write shortens the
// latter.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// endGrace stops reading, and limits all writes from the first one on to Limits.LingerTime in
// total.
func (c *Conn) endGrace() {
	c.graceEnded.Store(true)
	_ = c.Conn.SetReadDeadline(pastDeadline)
	_ = c.Conn.SetWriteDeadline(time.Now().Add(c.server.limits.LingerTime))
}

// pastDeadline makes pending reads or writes return at once.
var pastDeadline = time.Unix(1, 0)

// DiscardUnsent drops output that the client has not received when the connection is closed.
// Without it, the system would keep megabytes for minutes for a client that does not read.
func (c *Conn) DiscardUnsent() {
	c.hasWritten.Store(false)
	if tcp, ok := c.Conn.(interface{ SetLinger(sec int) error }); ok {
		_ = tcp.SetLinger(0)
	}
}

// CloseWrite shuts down the sending side if the connection supports that.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// BecomeIdle marks the connection as waiting for a request. It reports false if the server is
// shutting down. Call it after SetReadDeadline: from then on, Shutdown may set a past deadline to
// stop the reader. A new connection is idle.
func (c *Conn) BecomeIdle() bool {
	c.state.Store(stateIdle)
	return !c.ShuttingDown()
}

// BecomeActive marks a request as in progress, so that Shutdown lets it finish. It reports false if
// Shutdown has closed the idle connection already.
func (c *Conn) BecomeActive() bool { return c.state.CompareAndSwap(stateIdle, stateActive) }

// ShuttingDown reports whether the server is shutting down. The current answer is then the
// connection's last.
func (c *Conn) ShuttingDown() bool { return c.server.shuttingDown.Load() }

// ShutdownStarted returns a channel that is closed when the server starts to shut down.
func (c *Conn) ShutdownStarted() <-chan struct{} { return c.server.shutdownStarted }

// closeIfIdle makes the reader of an idle connection close it. Closing the socket here could reset
// it before the client has received the previous answer.
func (c *Conn) closeIfIdle() {
	if c.state.CompareAndSwap(stateIdle, stateClosing) {
		_ = c.SetReadDeadline(pastDeadline)
	}
}

// Close waits up to Limits.LingerTime for the client to read what was written, then closes the
// connection. Further calls wait for the first and return net.ErrClosed.
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

// drainBeforeClose closes the sending side and reads on until the client closes too. Closing a
// socket with unread input sends a reset, which can destroy an answer before the client has read
// it.
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

// ContextWithConn returns a context from which ConnFromContext gets conn.
func ContextWithConn(ctx context.Context, conn *Conn) context.Context {
	return context.WithValue(ctx, connContextKey{}, conn)
}

// ConnFromContext returns the connection of a page request. It panics if ctx is not derived from
// that request's context.
func ConnFromContext(ctx context.Context) *Conn { return ctx.Value(connContextKey{}).(*Conn) }

// remoteAddr returns the remote IP address, or the zero Addr if conn is not TCP.
func remoteAddr(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
