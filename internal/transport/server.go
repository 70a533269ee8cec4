package transport

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Protocol is a way in: it talks to one client after another. A way that tells
// others apart by a connection's first bytes reads these, gives them back with
// Conn.Unread and hands the connection on.
type Protocol interface {
	// ServeConn talks to the client and sees to it that c is closed in the end,
	// here or by whom it is handed to. It calls c.Begin and c.Wait around each
	// request. ctx ends when the server gives up on requests in flight.
	ServeConn(ctx context.Context, conn *Conn)
}

// Config is what a Server needs.
type Config struct {
	Protocol Protocol
	Limits   Limits
	// TrustedProxies are addresses that stand for many clients: Limits.PerAddress
	// does not bind them.
	Proxies []netip.Prefix
	Log     *slog.Logger
	// WarningLog logs what clients do wrong; nil is made of Log.
	Warnings *WarningLog
}

// Server accepts connections on any number of listeners, within limits, and
// ends them in good order.
type Server struct {
	protocol Protocol
	limits   Limits
	log      *slog.Logger
	warnings *WarningLog

	requestCtx      context.Context // given to the way
	cancelRequests  context.CancelFunc
	shuttingDown    atomic.Bool   // set under mu, read without
	shutdownStarted chan struct{} // closed when draining begins
	allClosed       chan struct{} // closed when draining and no connection is left

	connectionLimitLog, acceptErrorLog LogLimiter

	requestMemory memoryBudget

	workers workerPool

	mu                sync.Mutex // guards what follows
	listeners         map[net.Listener]struct{}
	conns             map[*Conn]struct{}
	connectionCounts  connectionCounts
	allClosedSignaled bool // empty is closed
}

// NewServer makes a server; Serve starts it.
func NewServer(cfg Config) *Server {
	ctx, giveUp := context.WithCancel(context.Background())
	server := &Server{
		protocol:         cfg.Protocol,
		limits:           cfg.Limits.withDefaults(),
		log:              cfg.Log,
		warnings:         cmp.Or(cfg.Warnings, NewWarningLog(cfg.Log, time.Now)),
		requestMemory:    memoryBudget{maxBytes: cfg.Limits.withDefaults().RequestMemory},
		requestCtx:       ctx,
		cancelRequests:   giveUp,
		shutdownStarted:  make(chan struct{}),
		allClosed:        make(chan struct{}),
		listeners:        make(map[net.Listener]struct{}),
		conns:            make(map[*Conn]struct{}),
		connectionCounts: connectionCounts{byNetwork: make(map[netip.Prefix]int), exempt: cfg.Proxies},
	}
	if !cfg.Limits.CountLoopback {
		loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
		server.connectionCounts.exempt = append(loopback, cfg.Proxies...)
	}
	return server
}

// Serve accepts connections from l until Shutdown, and then returns nil. It
// closes l. An error in accepting, such as too few file descriptors, passes: it
// is logged and tried again, with pauses of up to a second. Only if l is closed
// by someone else is that returned as an error.
func (s *Server) Serve(listener net.Listener) error {
	defer listener.Close()
	if !s.addListener(listener) {
		return nil
	}
	var pause time.Duration
	for {
		conn, err := listener.Accept()
		switch {
		case err == nil:
			pause = 0
			s.startConn(conn)
		case s.shuttingDown.Load():
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			if kept, ok := s.acceptErrorLog.Allow(); ok {
				s.log.Error("cannot accept a connection, trying on; if descriptors have run out, raise the limit (ulimit -n) or lower --max-connections",
					"error", err, "listener", listener.Addr(), "more_since", kept)
			}
			select {
			case <-time.After(pause):
			case <-s.shutdownStarted:
			}
		}
	}
}

// addListener takes note of a listener, unless the server is shutting down.
func (s *Server) addListener(listener net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners[listener] = struct{}{}
	return !s.shuttingDown.Load()
}

// startConn serves a connection on a goroutine of its own, or refuses it.
func (s *Server) startConn(nc net.Conn) {
	c := &Conn{Conn: nc, Addr: remoteAddr(nc), server: s, requestMemory: &s.requestMemory}
	if !s.admitConn(c) {
		_ = nc.Close()
		return
	}
	go s.serveConn(c)
}

// admitConn counts a connection in, if the limits allow.
func (s *Server) admitConn(conn *Conn) bool {
	s.mu.Lock()
	full := len(s.conns) >= s.limits.Connections
	draining := s.shuttingDown.Load()
	ok := !full && !draining && s.connectionCounts.add(conn.Addr, s.limits.ConnectionsPerAddress)
	if ok {
		s.conns[conn] = struct{}{}
	}
	s.mu.Unlock()

	switch {
	case ok || draining:
	case full:
		if kept, due := s.connectionLimitLog.Allow(); due {
			s.log.Warn("connection refused: there are as many as --max-connections allows; raise it to take more",
				"limit", s.limits.Connections, "client", conn.Addr, "more_since", kept)
		}
	default:
		s.warnings.Warn(WarningContext{Cause: "connections of one address", Address: conn.Addr},
			"connection refused: its address has as many as --max-connections-per-address allows; raise it to take more, "+
				"or name the address with --trusted-proxy if it is a proxy of yours", "limit", s.limits.ConnectionsPerAddress)
	}
	return ok
}

// serveConn runs the way on one connection. A panic costs that connection only.
func (s *Server) serveConn(conn *Conn) {
	defer func() {
		if p := recover(); p != nil {
			trace := debug.Stack()
			if b, ok := p.(*capturedPanic); ok {
				p, trace = b.value, b.stack
			}
			s.log.Error("a request made the server panic; its connection is closed", "panic", p, "client", conn.Addr, "stack", string(trace))
			_ = conn.Close()
		}
	}()
	s.protocol.ServeConn(s.requestCtx, conn)
}

// removeConn counts a connection out that has been closed.
func (s *Server) removeConn(conn *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	s.connectionCounts.remove(conn.Addr)
	s.signalIfAllClosed()
}

// signalIfAllClosed tells Shutdown when the last connection has gone. Called under mu.
func (s *Server) signalIfAllClosed() {
	if s.shuttingDown.Load() && len(s.conns) == 0 && !s.allClosedSignaled {
		s.allClosedSignaled = true
		close(s.allClosed)
	}
}

// Shutdown stops accepting, closes connections that wait at once and the
// others when their request is answered, and returns when none is left. Slow
// clients are waited for no longer than Limits.ShutdownGrace, and cut off. If
// ctx ends before that is done, it ends the context of the requests in flight,
// closes their connections and returns ctx's error; handlers may then still be at
// work.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.cancelRequests()
	defer s.workers.close()
	grace := s.limits.ShutdownGrace
	if deadline, ok := ctx.Deadline(); ok {
		grace = min(grace, time.Until(deadline)/3)
	}
	s.startShutdown()
	slow := time.NewTimer(grace)
	defer slow.Stop()
	select {
	case <-s.allClosed:
		return nil
	case <-slow.C:
		s.endGrace()
	case <-ctx.Done():
	}
	select {
	case <-s.allClosed:
		return nil
	case <-ctx.Done():
	}
	s.cancelRequests()
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		_ = conn.Conn.Close()
	}
	return ctx.Err()
}

// startShutdown closes the listeners and the connections that wait.
func (s *Server) startShutdown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.shuttingDown.Swap(true) {
		close(s.shutdownStarted)
	}
	for listener := range s.listeners {
		_ = listener.Close()
	}
	for conn := range s.conns {
		conn.closeIfIdle()
	}
	s.signalIfAllClosed()
}

// endGrace ends the time that clients have.
func (s *Server) endGrace() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Info("clients are not waited for any longer", "connections", len(s.conns))
	for conn := range s.conns {
		conn.endGrace()
	}
}

// Listen listens on a TCP address such as "127.0.0.1:8000". It leaves out
// TCP's own probes, which cost four system calls a connection and tell nothing
// that the ways' deadlines do not.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	return lc.Listen(ctx, "tcp", address)
}
