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

// Protocol serves connections, one call per connection. A Protocol that inspects the first bytes of
// a connection may return them with Conn.Unread and pass the connection to another Protocol.
type Protocol interface {
	// ServeConn serves one client. It must make sure that conn gets closed, either itself or by the
	// Protocol that it passes conn to. It calls conn.BecomeIdle before it waits for a request and
	// conn.BecomeActive when one arrives. ctx is cancelled when a shutdown runs out of time.
	ServeConn(ctx context.Context, conn *Conn)
}

// Config configures a Server.
type Config struct {
	Protocol Protocol
	Limits   Limits
	// Proxies are networks that are exempt from Limits.ConnectionsPerAddress, because one address
	// there stands for many clients.
	Proxies []netip.Prefix
	Log     *slog.Logger
	// Warnings logs mistakes of clients. If nil, NewServer makes one that writes to Log.
	Warnings *WarningLog
}

// Server accepts connections on any number of listeners, enforces Limits, and shuts down
// gracefully.
type Server struct {
	protocol Protocol
	limits   Limits
	log      *slog.Logger
	warnings *WarningLog

	requestCtx      context.Context // passed to Protocol.ServeConn
	cancelRequests  context.CancelFunc
	shuttingDown    atomic.Bool   // written under mu, read without it
	shutdownStarted chan struct{} // closed when the shutdown starts
	allClosed       chan struct{} // closed during a shutdown when the last connection has closed

	connectionLimitLog, acceptErrorLog LogLimiter

	requestMemory memoryBudget

	workers workerPool

	mu                sync.Mutex // guards the fields below
	listeners         map[net.Listener]struct{}
	conns             map[*Conn]struct{}
	connectionCounts  connectionCounts
	allClosedSignaled bool // allClosed has been closed
}

// NewServer returns a server that does nothing until Serve is called.
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

// Serve accepts connections from listener and closes it on return. It returns nil after Shutdown,
// and net.ErrClosed if something else closed the listener. Any other accept error, such as a lack
// of file descriptors, is logged, and Serve retries after at most one second.
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
			if suppressed, ok := s.acceptErrorLog.Allow(); ok {
				s.log.Error("cannot accept connections, retrying: if file descriptors have run out, "+
					"raise the limit (ulimit -n) or lower --max-connections",
					"error", err, "listener", listener.Addr(), "more_since", suppressed)
			}
			select {
			case <-time.After(pause):
			case <-s.shutdownStarted:
			}
		}
	}
}

// addListener registers a listener. It reports false if the server is shutting down.
func (s *Server) addListener(listener net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners[listener] = struct{}{}
	return !s.shuttingDown.Load()
}

// startConn serves a connection on a new goroutine, or closes it if a limit is reached.
func (s *Server) startConn(netConn net.Conn) {
	c := &Conn{Conn: netConn, Addr: remoteAddr(netConn), server: s, requestMemory: &s.requestMemory}
	if !s.admitConn(c) {
		_ = netConn.Close()
		return
	}
	go s.serveConn(c)
}

// admitConn registers a connection. It reports false, and logs why, if a limit is reached.
func (s *Server) admitConn(conn *Conn) bool {
	s.mu.Lock()
	isFull := len(s.conns) >= s.limits.Connections
	isShuttingDown := s.shuttingDown.Load()
	ok := !isFull && !isShuttingDown && s.connectionCounts.add(conn.Addr, s.limits.ConnectionsPerAddress)
	if ok {
		s.conns[conn] = struct{}{}
	}
	s.mu.Unlock()

	switch {
	case ok || isShuttingDown:
	case isFull:
		if suppressed, shouldLog := s.connectionLimitLog.Allow(); shouldLog {
			s.log.Warn("connection refused: there are as many as --max-connections allows; raise it to take more",
				"limit", s.limits.Connections, "client", conn.Addr, "more_since", suppressed)
		}
	default:
		s.warnings.Warn(WarningContext{Cause: "connections of one address", Address: conn.Addr},
			"connection refused: its address has as many as --max-connections-per-address allows; "+
				"raise it to take more, or name the address with --trusted-proxy if it is a proxy of yours",
			"limit", s.limits.ConnectionsPerAddress)
	}
	return ok
}

// serveConn runs the protocol on one connection. A panic closes only that connection.
func (s *Server) serveConn(conn *Conn) {
	defer func() {
		if p := recover(); p != nil {
			trace := debug.Stack()
			if captured, ok := p.(*capturedPanic); ok {
				p, trace = captured.value, captured.stack
			}
			s.log.Error("a connection caused a panic and is closed", "panic", p, "client", conn.Addr,
				"stack", string(trace))
			_ = conn.Close()
		}
	}()
	s.protocol.ServeConn(s.requestCtx, conn)
}

// removeConn unregisters a connection after it was closed.
func (s *Server) removeConn(conn *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	s.connectionCounts.remove(conn.Addr)
	s.signalIfAllClosed()
}

// signalIfAllClosed wakes Shutdown if no connection is left. The caller holds mu.
func (s *Server) signalIfAllClosed() {
	if s.shuttingDown.Load() && len(s.conns) == 0 && !s.allClosedSignaled {
		s.allClosedSignaled = true
		close(s.allClosed)
	}
}

// Shutdown stops accepting connections, closes idle ones at once, and closes each active one after
// its current answer. It returns nil when no connection is left. After Limits.ShutdownGrace,
// clients that are slow to send or to read are cut off. If ctx ends first, Shutdown cancels the
// contexts of requests in progress, closes their connections and returns ctx.Err(). Handlers may
// then still run.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.cancelRequests()
	defer s.workers.close()
	graceTime := s.limits.ShutdownGrace
	if deadline, ok := ctx.Deadline(); ok {
		graceTime = min(graceTime, time.Until(deadline)/3)
	}
	s.startShutdown()
	graceTimer := time.NewTimer(graceTime)
	defer graceTimer.Stop()
	select {
	case <-s.allClosed:
		return nil
	case <-graceTimer.C:
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

// startShutdown closes the listeners and the idle connections.
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

// endGrace cuts off clients that are still sending a request or reading an answer.
func (s *Server) endGrace() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Info("shutdown: slow clients are cut off", "connections", len(s.conns))
	for conn := range s.conns {
		conn.endGrace()
	}
}

// Listen listens on a TCP address such as "127.0.0.1:8000". It turns TCP keep-alive off, which
// would cost four system calls per connection and detect nothing that the protocols' deadlines do
// not.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	listenConfig := net.ListenConfig{KeepAlive: -1}
	return listenConfig.Listen(ctx, "tcp", address)
}
