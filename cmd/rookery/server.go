package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
	"github.com/rookery-im/rookery/internal/disk"
	"github.com/rookery-im/rookery/internal/protocol"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
	"github.com/rookery-im/rookery/internal/transport/line"
	"github.com/rookery-im/rookery/internal/transport/websocket"
	"github.com/rookery-im/rookery/internal/web"
)

// now is the clock of the program that users run. Only tests build servers with
// another.
var now = time.Now

// serverConfig says what a server is made of.
type serverConfig struct {
	dir            string
	listen         []string // host:port
	trustedProxies []netip.Prefix
	publicURLs     []transport.Origin
	origins        []transport.Origin
	limits         transport.Limits
	timeouts       timeouts
	// recordsPerSecond is how many records a line or WebSocket may bring in one
	// second, 0 for any number.
	recordsPerSecond int
	passwords        service.PasswordCost
	retention        time.Duration
	mailbox          rookery.BacklogLimit
	perMinute        int
	// reserve is how much of the disk is kept for those who collect, in bytes.
	reserve int64
	// shutdown is how long requests in flight are waited for in the end.
	shutdown time.Duration
	// now and afterFunc are the clock; nil afterFunc is time.AfterFunc.
	now       func() time.Time
	afterFunc func(d time.Duration, f func()) (stop func() bool)
	log       *slog.Logger
}

// timeouts are how long connections are waited for. A zero stands for the
// default of the way in.
type timeouts struct {
	first  time.Duration // for the first bytes, and for the header of a request
	record time.Duration // for the rest of a record that has begun
	write  time.Duration // for room for an answer or a push
	idle   time.Duration // for the next record on a line or WebSocket
}

// server is everything that runs on one data directory.
type server struct {
	*backend
	log       *slog.Logger
	shutdown  time.Duration
	transport *transport.Server
	listeners []net.Listener
	control   http.Server
	socket    net.Listener
}

// openServer makes the data directory if need be, locks it, and binds the
// addresses. Clients that connect then are served once run is called.
func openServer(ctx context.Context, c serverConfig) (*server, error) {
	if err := makeDataDir(c.dir); err != nil {
		return nil, err
	}
	lock, operator, err := claim(ctx, c.dir)
	if err != nil {
		return nil, err
	}
	if operator != nil {
		operator.Close()
		return nil, fmt.Errorf("a server runs on %s already; stop it first, or give this one another directory with --data", c.dir)
	}
	backend, err := openBackend(ctx, c.dir, lock, makeOne, c.reserve, service.Config{
		Now: c.now, AfterFunc: c.afterFunc, Log: c.log, PasswordCost: c.passwords, Retention: c.retention, BacklogLimit: c.mailbox, MessagesPerMinute: c.perMinute,
	})
	if err != nil {
		return nil, err
	}
	if backend.store.IsNew() {
		c.log.Info("there was no store, so a new one is made", "dir", c.dir)
	}
	s := &server{backend: backend, log: c.log, shutdown: c.shutdown}
	if err := s.listen(ctx, c); err != nil {
		return nil, errors.Join(err, s.close())
	}
	warnings := transport.NewWarningLog(c.log, c.now)
	s.transport = transport.NewServer(transport.Config{
		Protocol: s.ways(c, warnings),
		Limits:   c.limits,
		Proxies:  c.trustedProxies,
		Log:      c.log,
		Warnings: warnings,
	})
	s.control = http.Server{
		Handler:           control.Handler(s.service),
		ReadHeaderTimeout: control.RequestTime,
		ErrorLog:          slog.NewLogLogger(c.log.Handler(), slog.LevelWarn),
	}
	return s, nil
}

// ways are the ways in, of which each listener has all.
func (s *server) ways(c serverConfig, warnings *transport.WarningLog) transport.Protocol {
	handler := protocol.New(s.service, c.log)
	origins := transport.NewOriginPolicy(hostname(c.log), c.publicURLs, c.origins)
	publicURL := ""
	if len(c.publicURLs) > 0 {
		publicURL = c.publicURLs[0].String()
	}
	seen := web.New(publicURL)
	pages := http.NewServeMux()
	pages.Handle("/", seen)
	pages.Handle("/ws", websocket.New(websocket.Config{
		Handler:        handler,
		Limits:         websocket.Limits{IdleTime: c.timeouts.idle, WriteTime: c.timeouts.write, RecordsPerSecond: c.recordsPerSecond},
		TrustedProxies: c.trustedProxies,
		Origins:        origins,
		Log:            c.log,
		Warnings:       warnings,
	}))
	return &transport.ProtocolDetector{
		Timeout: c.timeouts.first,
		HTTP: httppost.New(httppost.Config{
			Handler:        handler,
			Pages:          pages,
			Limits:         httppost.Limits{HeaderTime: c.timeouts.first, BodyTime: c.timeouts.record, WriteTime: c.timeouts.write},
			TrustedProxies: c.trustedProxies,
			Origins:        origins,
			WrongHost:      http.HandlerFunc(seen.ServeWrongHost),
			Log:            c.log,
			Warnings:       warnings,
		}),
		Line: line.New(line.Config{Handler: handler, Log: c.log, Warnings: warnings, Limits: line.Limits{
			LineTime: c.timeouts.record, WriteTime: c.timeouts.write, IdleTime: c.timeouts.idle, RecordsPerSecond: c.recordsPerSecond,
		}}),
	}
}

// hostname is this machine's name, "" if it has none.
func hostname(log *slog.Logger) string {
	name, err := os.Hostname()
	if err != nil {
		log.Warn("cannot find out this machine's name: to open the server by it, name it with --public-url", "error", err)
		return ""
	}
	return name
}

// listen binds the addresses and the control socket.
func (s *server) listen(ctx context.Context, c serverConfig) (err error) {
	for _, address := range c.listen {
		listener, err := transport.Listen(ctx, address)
		if err != nil {
			return describeListen(address, err)
		}
		s.listeners = append(s.listeners, listener)
	}
	if s.socket, err = control.Listen(c.dir); err != nil {
		return fmt.Errorf("cannot open the control socket in %s: %w", c.dir, disk.ExplainError(err))
	}
	s.log.Info("serving the data directory", "dir", c.dir)
	for _, listener := range s.listeners {
		s.log.Info("listening", "addr", listener.Addr().String())
	}
	return nil
}

func describeListen(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("cannot listen on %s, another program does; end that one, or choose another address with --listen", address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("not allowed to listen on %s; choose a port above 1023 with --listen", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen on %s, this machine has no such address; choose another with --listen", address)
	}
	return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", address, err)
}

// close gives back what openServer took. A server that has run is closed
// already.
func (s *server) close() error {
	var errs []error
	for _, listener := range s.listeners {
		errs = append(errs, listener.Close())
	}
	if s.socket != nil {
		errs = append(errs, s.socket.Close())
	}
	return errors.Join(append(errs, s.backend.close())...)
}

// run serves until ctx ends. Then it finishes what was accepted, refuses the
// rest, and returns nil; an error if that took longer than allowed.
func (s *server) run(ctx context.Context) error {
	// The housekeeping goes on until the last request is answered.
	housekeeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, ending := errgroup.WithContext(ctx)
	for _, listener := range s.listeners {
		group.Go(func() error { return s.transport.Serve(listener) })
	}
	group.Go(func() error {
		if err := s.control.Serve(s.socket); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error { return s.service.Run(housekeeping) })
	group.Go(func() error { return s.trim(housekeeping) })
	group.Go(func() error {
		<-ending.Done()
		defer stop()
		return s.finish(context.WithoutCancel(ctx))
	})
	return errors.Join(group.Wait(), s.backend.close())
}

// finish ends the ways in, in good order if that is done in time.
func (s *server) finish(ctx context.Context) error {
	s.log.Info("shutting down: finishing what was accepted")
	ctx, cancel := context.WithTimeout(ctx, s.shutdown)
	defer cancel()
	s.service.StopPasswordChecks()
	err := errors.Join(s.transport.Shutdown(ctx), s.control.Shutdown(ctx))
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("gave up on requests that were not finished after %v; allow more with --shutdown-timeout", s.shutdown), s.control.Close())
	}
	return err
}
