package transport_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
)

// fakeListener is a listener that accepts the connections that a test passes to it.
type fakeListener struct {
	accepts chan acceptResult
	once    sync.Once
	closed  chan struct{}
}

type acceptResult struct {
	conn net.Conn
	err  error
}

func newFakeListener() *fakeListener {
	return &fakeListener{accepts: make(chan acceptResult), closed: make(chan struct{})}
}

func (m *fakeListener) Accept() (net.Conn, error) {
	select {
	case a := <-m.accepts:
		return a.conn, a.err
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *fakeListener) Close() error   { m.once.Do(func() { close(m.closed) }); return nil }
func (m *fakeListener) Addr() net.Addr { return &net.TCPAddr{} }

// connFrom is a connection with a chosen remote address.
type connFrom struct {
	net.Conn
	addr net.Addr
}

func (f connFrom) RemoteAddr() net.Addr { return f.addr }

// dial connects from an address and reports whether the server keeps the connection open.
func (m *fakeListener) dial(t *testing.T, address string) (net.Conn, bool) {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	addr := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 40000))
	m.accepts <- acceptResult{conn: connFrom{server, addr}}
	synctest.Wait()
	_ = client.SetReadDeadline(time.Now().Add(time.Nanosecond))
	_, err := client.Read(make([]byte, 1))
	_ = client.SetReadDeadline(time.Time{})
	return client, !errors.Is(err, io.EOF)
}

// protocolFunc makes a function a transport.Protocol.
type protocolFunc func(ctx context.Context, conn *transport.Conn)

func (f protocolFunc) ServeConn(ctx context.Context, conn *transport.Conn) { f(ctx, conn) }

// silentProtocol reads until the connection ends.
var silentProtocol = protocolFunc(func(_ context.Context, conn *transport.Conn) {
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
})

// logBuffer collects log output. mu guards written.
type logBuffer struct {
	mu      sync.Mutex
	written bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.Write(p)
}

// drain returns what was logged since the last call.
func (l *logBuffer) drain() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.written.Reset()
	return l.written.String()
}

// startServer runs a server in virtual time until the test ends.
func startServer(t *testing.T, cfg transport.Config) (*transport.Server, *fakeListener, *logBuffer) {
	log := &logBuffer{}
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	if cfg.Protocol == nil {
		cfg.Protocol = silentProtocol
	}
	server, listener := transport.NewServer(cfg), newFakeListener()
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := server.Serve(listener); err != nil {
			t.Error("serve:", err)
		}
	}()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error("shutdown:", err)
		}
		<-served
	})
	return server, listener, log
}

func TestConnectionsPerAddressAreLimited(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits transport.Limits
		dials  string
		kept   string // y or n for each connection
	}{
		{"one address", transport.Limits{ConnectionsPerAddress: 2}, "192.0.2.1 192.0.2.1 192.0.2.1 192.0.2.2", "yyny"},
		{"an address mapped into IPv6 is the same", transport.Limits{ConnectionsPerAddress: 1},
			"192.0.2.1 ::ffff:192.0.2.1", "yn"},
		{"one network of IPv6", transport.Limits{ConnectionsPerAddress: 1}, "2001:db8::1 2001:db8::2 2001:db8:0:1::1",
			"yny"},
		{"loopback is exempt", transport.Limits{ConnectionsPerAddress: 1}, "127.0.0.1 127.0.0.1 ::1 ::1", "yyyy"},
		{"loopback counts if it is so set", transport.Limits{ConnectionsPerAddress: 1, CountLoopback: true},
			"127.0.0.1 127.0.0.1 ::1 ::1", "ynyn"},
		{"a proxy is exempt", transport.Limits{ConnectionsPerAddress: 1}, "10.1.1.1 10.1.1.1", "yy"},
		{"a proxy on the same link is exempt", transport.Limits{ConnectionsPerAddress: 1}, "fe80::1%eth0 fe80::1%eth0",
			"yy"},
		{"all together", transport.Limits{Connections: 2}, "127.0.0.1 10.1.1.1 192.0.2.1", "yyn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, listener, _ := startServer(t, transport.Config{Limits: c.limits,
					Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fe80::/10")}})
				got := ""
				for address := range strings.FieldsSeq(c.dials) {
					if _, kept := listener.dial(t, address); kept {
						got += "y"
					} else {
						got += "n"
					}
				}
				if got != c.kept {
					t.Errorf("kept %s, want %s", got, c.kept)
				}
			})
		})
	}
}

func TestClosedConnectionAdmitsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, listener, _ := startServer(t, transport.Config{Limits: transport.Limits{ConnectionsPerAddress: 1,
			Connections: 1}})
		for range 3 {
			conn, kept := listener.dial(t, "192.0.2.1")
			if !kept {
				t.Fatal("refused")
			}
			_ = conn.Close()
			synctest.Wait()
		}
	})
}

func TestRefusalLogIsLimitedAndNamesSetting(t *testing.T) {
	for setting, c := range map[string]struct {
		limits transport.Limits
		again  time.Duration // how long after the refusals
	}{
		"--max-connections ":            {transport.Limits{Connections: 1}, time.Minute},
		"--max-connections-per-address": {transport.Limits{ConnectionsPerAddress: 1}, time.Hour},
	} {
		t.Run(setting, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, listener, log := startServer(t, transport.Config{Limits: c.limits})
				for range 5 {
					listener.dial(t, "192.0.2.1")
				}
				if got := log.drain(); strings.Count(got, "refused") != 1 || !strings.Contains(got, setting) {
					t.Errorf("logged %q", got)
				}
				<-time.After(c.again)
				listener.dial(t, "192.0.2.1")
				if got := log.drain(); !strings.Contains(got, "more_since=3") {
					t.Errorf("logged %q %v later", got, c.again)
				}
			})
		})
	}
}

func TestServeContinuesAfterAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, listener, log := startServer(t, transport.Config{})
		begin := time.Now()
		for range 10 {
			listener.accepts <- acceptResult{err: &net.OpError{Op: "accept", Err: syscall.EMFILE}}
		}
		if _, kept := listener.dial(t, "192.0.2.1"); !kept {
			t.Error("the server has ended")
		}
		// pauses: 5, 10, 20 ... 640 ms, 1 s, 1 s
		if d := time.Since(begin).Round(time.Millisecond); d != 3275*time.Millisecond {
			t.Errorf("ten errors took %v", d)
		}
		if got := log.drain(); strings.Count(got, "cannot accept") != 1 || !strings.Contains(got, "ulimit") {
			t.Errorf("logged %q", got)
		}
	})
}

func TestAcceptPauseDoesNotDelayShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, listener := transport.NewServer(transport.Config{Protocol: silentProtocol,
			Log: slog.New(slog.DiscardHandler)}), newFakeListener()
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		for range 9 {
			listener.accepts <- acceptResult{err: syscall.EMFILE}
		}
		synctest.Wait()
		begin := time.Now()
		if err := errors.Join(server.Shutdown(t.Context()), <-served); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d != 0 {
			t.Errorf("the shutdown took %v of virtual time, want 0", d)
		}
	})
}

func TestServeEndsWhenListenerIsClosed(t *testing.T) {
	server, listener := transport.NewServer(transport.Config{Protocol: silentProtocol,
		Log: slog.New(slog.DiscardHandler)}), newFakeListener()
	_ = listener.Close()
	if err := server.Serve(listener); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestServeAfterShutdownServesNothing(t *testing.T) {
	server, listener := transport.NewServer(transport.Config{Protocol: silentProtocol,
		Log: slog.New(slog.DiscardHandler)}), newFakeListener()
	for range 2 {
		if err := server.Shutdown(t.Context()); err != nil {
			t.Error("shutdown:", err)
		}
	}
	if err := server.Serve(listener); err != nil {
		t.Error("serve:", err)
	}
	if _, err := listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error("the listener is still open")
	}
}

func TestServerServesManyListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, one, _ := startServer(t, transport.Config{Limits: transport.Limits{Connections: 2}})
		two := newFakeListener()
		served := make(chan error, 1)
		go func() { served <- server.Serve(two) }()
		for i, want := range []bool{true, true, false} {
			if _, kept := []*fakeListener{one, two, one}[i].dial(t, "192.0.2.1"); kept != want {
				t.Errorf("connection %d: kept is %v", i, kept)
			}
		}
		_ = server.Shutdown(t.Context())
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func TestPanicEndsOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, listener, log := startServer(t, transport.Config{Protocol: protocolFunc(func(ctx context.Context,
			conn *transport.Conn) {
			if conn.Addr == netip.MustParseAddr("192.0.2.13") {
				panic("thirteen")
			}
			silentProtocol(ctx, conn)
		})})
		if _, kept := listener.dial(t, "192.0.2.13"); kept {
			t.Error("the connection is still open")
		}
		if _, kept := listener.dial(t, "192.0.2.1"); !kept {
			t.Error("the server has ended")
		}
		if got := log.drain(); !strings.Contains(got, "thirteen") || !strings.Contains(got, "server_test.go") {
			t.Errorf("logged %q", got)
		}
	})
}

func TestForcedShutdownCancelsContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		server, listener, _ := startServer(t, transport.Config{Protocol: protocolFunc(func(ctx context.Context,
			conn *transport.Conn) {
			conn.BecomeActive()
			<-ctx.Done()
			_ = conn.Close()
			close(ended)
		})})
		listener.dial(t, "192.0.2.1")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		<-ended
	})
}

func TestNoRequestBeginsDuringShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns, done := make(chan *transport.Conn, 1), make(chan struct{})
		server, listener, _ := startServer(t, transport.Config{Protocol: protocolFunc(func(_ context.Context,
			conn *transport.Conn) {
			conns <- conn
			<-done
			_ = conn.Close()
		})})
		listener.dial(t, "192.0.2.1")
		conn := <-conns
		if !conn.BecomeActive() || conn.BecomeActive() || !conn.BecomeIdle() || conn.ShuttingDown() {
			t.Error("BecomeActive did not succeed exactly once before the shutdown")
		}
		ended := make(chan error, 1)
		go func() { ended <- server.Shutdown(t.Context()) }()
		synctest.Wait()
		if conn.BecomeActive() || conn.BecomeIdle() || !conn.ShuttingDown() {
			t.Error("a request can begin while the server shuts down")
		}
		close(done)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestUnreadBytesAreReadFirst(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	conn := &transport.Conn{Conn: server}
	go func() {
		_, _ = io.WriteString(client, "rest")
		_ = client.Close()
	}()
	conn.Unread([]byte("second, "))
	conn.Unread([]byte("first, "))
	got, err := io.ReadAll(conn)
	if err != nil || string(got) != "first, second, rest" {
		t.Errorf("got %q and %v", got, err)
	}
}

func TestDiscardUnsentResetsConnection(t *testing.T) {
	served := make(chan *transport.Conn, 1)
	server := transport.NewServer(transport.Config{Log: slog.New(slog.DiscardHandler),
		Protocol: protocolFunc(func(_ context.Context, conn *transport.Conn) {
			served <- conn
		})})
	listener, err := transport.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn := <-served
	if _, err := conn.Write(make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	conn.DiscardUnsent()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, client); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client read to the end with error %v, want a reset", err)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
