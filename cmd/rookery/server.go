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
	"github.com/rookery-im/rookery/internal/auth"
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

// now is the clock of the commands. Tests give servers another one in serverConfig.
var now = time.Now

// serverConfig is the configuration of a server.
type serverConfig struct {
	dataDir         string
	listenAddresses []string // host:port
	trustedProxies  []netip.Prefix
	publicURLs      []transport.Origin
	allowedOrigins  []transport.Origin
	limits          transport.Limits
	timeouts        connTimeouts
	// recordsPerSecond limits the records that a persistent connection may send in one second; 0 means no limit.
	recordsPerSecond  int
	passwordCost      auth.Cost
	retention         time.Duration
	backlogLimit      rookery.BacklogLimit
	messagesPerMinute int // limit per account; 0 means no limit
	// reserveBytes is the size of the file that is given up on a full disk, so that clients can still collect messages.
	reserveBytes int64
	// shutdownTimeout bounds how long the server waits at the end for requests in progress.
	shutdownTimeout time.Duration
	// now and afterFunc are the clock. If afterFunc is nil, time.AfterFunc is used.
	now       func() time.Time
	afterFunc func(d time.Duration, f func()) (stop func() bool)
	log       *slog.Logger
}

// connTimeouts are timeouts of connections. Zero selects the default of the connection's protocol.
type connTimeouts struct {
	firstByte time.Duration // until the first bytes, and for a request's header
	record    time.Duration // for the rest of an incomplete record
	write     time.Duration // for writing an answer or a push
	idle      time.Duration // until the next record on a persistent connection
}

// server serves one data directory: it has the backend, the listeners for clients, and the control socket for the
// operator's commands.
type server struct {
	*backend
	log             *slog.Logger
	shutdownTimeout time.Duration
	transport       *transport.Server
	listeners       []net.Listener
	controlServer   http.Server
	controlListener net.Listener
}

// openServer prepares and locks the data directory and binds the addresses. Clients can connect from then on, but are
// served only once run is called. The caller must call run or close.
func openServer(ctx context.Context, config serverConfig) (*server, error) {
	if err := prepareDataDir(config.dataDir); err != nil {
		return nil, err
	}
	lock, operator, err := claimDataDir(ctx, config.dataDir)
	if err != nil {
		return nil, err
	}
	if operator != nil {
		operator.Close()
		return nil, fmt.Errorf(
			"a server runs on %s already; stop it first, or give this one another directory with --data",
			config.dataDir)
	}
	backend, err := openBackend(ctx, config.dataDir, lock, createIfMissing, config.reserveBytes, service.Config{
		Now: config.now, AfterFunc: config.afterFunc, Log: config.log,
		Passwords: auth.New(auth.Config{Cost: config.passwordCost, Now: config.now, Log: config.log}),
		Retention: config.retention, BacklogLimit: config.backlogLimit, MessagesPerMinute: config.messagesPerMinute,
	})
	if err != nil {
		return nil, err
	}
	if backend.store.IsNew() {
		config.log.Info("there was no store, so a new one is made", "dir", config.dataDir)
	}
	s := &server{backend: backend, log: config.log, shutdownTimeout: config.shutdownTimeout}
	if err := s.openListeners(ctx, config); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	warnings := transport.NewWarningLog(config.log, config.now)
	s.transport = transport.NewServer(transport.Config{
		Protocol: s.newProtocol(config, warnings),
		Limits:   config.limits,
		Proxies:  config.trustedProxies,
		Log:      config.log,
		Warnings: warnings,
	})
	s.controlServer = http.Server{
		Handler:           control.Handler(s.service),
		ReadHeaderTimeout: control.RequestTimeout,
		ErrorLog:          slog.NewLogLogger(config.log.Handler(), slog.LevelWarn),
	}
	return s, nil
}

// newProtocol returns the protocol of every listener. It detects from the first bytes whether a client speaks HTTP,
// which includes web pages and WebSocket, or sends records as lines.
func (srv *server) newProtocol(config serverConfig, warnings *transport.WarningLog) transport.Protocol {
	handler := protocol.New(srv.service, config.log)
	origins := transport.NewOriginPolicy(hostname(config.log), config.publicURLs, config.allowedOrigins)
	publicURL := ""
	if len(config.publicURLs) > 0 {
		publicURL = config.publicURLs[0].String()
	}
	site := web.New(publicURL)
	pages := http.NewServeMux()
	pages.Handle("/", site)
	pages.Handle("/ws", websocket.New(websocket.Config{
		Handler: handler,
		Limits: websocket.Limits{IdleTime: config.timeouts.idle, WriteTime: config.timeouts.write,
			RecordsPerSecond: config.recordsPerSecond},
		TrustedProxies: config.trustedProxies,
		Origins:        origins,
		Log:            config.log,
		Warnings:       warnings,
	}))
	return &transport.ProtocolDetector{
		Timeout: config.timeouts.firstByte,
		HTTP: httppost.New(httppost.Config{
			Handler: handler,
			Pages:   pages,
			Limits: httppost.Limits{HeaderTime: config.timeouts.firstByte, BodyTime: config.timeouts.record,
				WriteTime: config.timeouts.write},
			TrustedProxies: config.trustedProxies,
			Origins:        origins,
			WrongHost:      http.HandlerFunc(site.ServeWrongHost),
			Log:            config.log,
			Warnings:       warnings,
		}),
		Line: line.New(line.Config{Handler: handler, Log: config.log, Warnings: warnings, Limits: line.Limits{
			LineTime: config.timeouts.record, WriteTime: config.timeouts.write, IdleTime: config.timeouts.idle,
			RecordsPerSecond: config.recordsPerSecond,
		}}),
	}
}

// hostname returns this machine's name, or the empty string if it is unknown.
func hostname(log *slog.Logger) string {
	name, err := os.Hostname()
	if err != nil {
		log.Warn("cannot find out this machine's name: to open the server by it, name it with --public-url", "error",
			err)
		return ""
	}
	return name
}

// openListeners binds the addresses and the control socket. After an error, close closes those that are open.
func (srv *server) openListeners(ctx context.Context, config serverConfig) (err error) {
	for _, address := range config.listenAddresses {
		listener, err := transport.Listen(ctx, address)
		if err != nil {
			return listenError(address, err)
		}
		srv.listeners = append(srv.listeners, listener)
	}
	if srv.controlListener, err = control.Listen(config.dataDir); err != nil {
		return fmt.Errorf("cannot open the control socket in %s: %w", config.dataDir, disk.ExplainError(err))
	}
	srv.log.Info("serving the data directory", "dir", config.dataDir)
	for _, listener := range srv.listeners {
		srv.log.Info("listening", "addr", listener.Addr().String())
	}
	return nil
}

// listenError explains why an address cannot be bound and names a remedy.
func listenError(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf(
			"cannot listen on %s, another program does; end that one, or choose another address with --listen", address)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("not allowed to listen on %s; choose a port above 1023 with --listen", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen on %s, this machine has no such address; choose another with --listen",
			address)
	}
	return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", address, err)
}

// close releases what openServer acquired. It is not needed after run, which closes the server itself.
func (srv *server) close(ctx context.Context) error {
	var errs []error
	for _, listener := range srv.listeners {
		errs = append(errs, listener.Close())
	}
	if srv.controlListener != nil {
		errs = append(errs, srv.controlListener.Close())
	}
	return errors.Join(append(errs, srv.backend.close(ctx))...)
}

// run serves until ctx ends or a part of the server fails. Then it finishes accepted requests, refuses new ones, and
// closes the server. It returns an error if a part failed or the requests took longer than shutdownTimeout.
func (srv *server) run(ctx context.Context) error {
	// Housekeeping continues until the last request is answered.
	housekeeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, ending := errgroup.WithContext(ctx)
	for _, listener := range srv.listeners {
		group.Go(func() error { return srv.transport.Serve(listener) })
	}
	group.Go(func() error {
		if err := srv.controlServer.Serve(srv.controlListener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error { return srv.service.Run(housekeeping) })
	group.Go(func() error { return srv.releaseMemory(housekeeping) })
	group.Go(func() error {
		<-ending.Done()
		defer stop()
		return srv.shutDown(context.WithoutCancel(ctx))
	})
	return errors.Join(group.Wait(), srv.backend.close(ctx))
}

// shutDown stops the listeners and waits for accepted requests, at most for shutdownTimeout.
func (srv *server) shutDown(ctx context.Context) error {
	srv.log.Info("shutting down: finishing what was accepted")
	ctx, cancel := context.WithTimeout(ctx, srv.shutdownTimeout)
	defer cancel()
	srv.service.StopPasswordChecks()
	err := errors.Join(srv.transport.Shutdown(ctx), srv.controlServer.Shutdown(ctx))
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(
			fmt.Errorf("gave up on requests that were not finished after %v; allow more with --shutdown-timeout",
				srv.shutdownTimeout), srv.controlServer.Close())
	}
	return err
}
