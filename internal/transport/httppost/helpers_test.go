package httppost_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
)

// handlerFunc is a function as a transport.Handler.
type handlerFunc func(ctx context.Context, peer *transport.Peer, record, dst []byte) []byte

func (f handlerFunc) Handle(ctx context.Context, peer *transport.Peer, record, dst []byte) []byte {
	return f(ctx, peer, record, dst)
}

// echo answers a record with itself in angle brackets.
var echo = handlerFunc(func(_ context.Context, _ *transport.Peer, record, dst []byte) []byte {
	return append(append(append(dst, '<'), record...), '>')
})

// pages says what request it got.
var pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" <"+string(body)+">")
})

// newServer is a server of the way in, with echo and pages unless cfg has its
// own. It is shut down when the test ends.
func newServer(tb testing.TB, cfg httppost.Config) *transport.Server {
	if cfg.Handler == nil {
		cfg.Handler = echo
	}
	if cfg.Pages == nil {
		cfg.Pages = pages
	}
	cfg.Log = slog.New(slog.NewTextHandler(tb.Output(), nil))
	s := transport.NewServer(transport.Config{Protocol: way(tb, httppost.New(cfg)), Log: cfg.Log})
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			tb.Error("shutdown:", err)
		}
	})
	return s
}

// way is how connections come to a way in: a benchmark's through detection, as
// in the server that users run.
func way(tb testing.TB, protocol *httppost.Protocol) transport.Protocol {
	if _, ok := tb.(*testing.B); ok {
		return &transport.ProtocolDetector{HTTP: protocol}
	}
	return protocol
}

// listen serves on a loopback port and returns its address.
func listen(tb testing.TB, cfg httppost.Config) string {
	tb.Helper()
	listener, err := transport.Listen(tb.Context(), "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := newServer(tb, cfg)
	go func() {
		if err := s.Serve(listener); err != nil {
			tb.Error("serve:", err)
		}
	}()
	return listener.Addr().String()
}

// client is one end of a connection to a server.
type client struct {
	tb testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(tb testing.TB, address string) *client {
	tb.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	tb.Cleanup(func() { _ = conn.Close() })
	return &client{tb, conn, bufio.NewReader(conn)}
}

func (c *client) send(text string) {
	c.tb.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.tb.Fatal("send:", err)
	}
}

// response reads one response.
func (c *client) response() (*http.Response, string) {
	c.tb.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.tb.Fatal("response:", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.tb.Fatal("body:", err)
	}
	return resp, string(body)
}

// wantBody reads one response, which must be 200 with the body.
func (c *client) wantBody(want string) {
	c.tb.Helper()
	if resp, body := c.response(); resp.StatusCode != 200 || body != want {
		c.tb.Fatalf("got %s %q, want 200 %q", resp.Status, body, want)
	}
}

// wantEnd checks that the server ends the connection without another byte.
func (c *client) wantEnd() {
	c.tb.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.tb.Fatalf("got %q and %v, want the end of the connection", rest, err)
	}
}

// post is a request as programs write it by hand.
func post(body string, fields ...string) string {
	return "POST / HTTP/1.1\r\n" + strings.Join(append(fields, ""), "\r\n") +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// prefix is netip.MustParsePrefix.
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// pipes is a listener that is dialled in memory, for tests in virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects in memory. A half that is closed for writing stays open for
// reading, as with TCP.
func (p *pipes) dial(tb testing.TB) *client {
	tb.Helper()
	up, down := newHalf(), newHalf()
	p.conns <- &duplex{in: up, out: down}
	c := &duplex{in: down, out: up}
	tb.Cleanup(func() { _ = c.Close() })
	return &client{tb, c, bufio.NewReader(c)}
}

// half is one direction of a connection.
type half struct{ r, w net.Conn }

func newHalf() half { r, w := net.Pipe(); return half{r, w} }

// duplex is two pipes, one for each direction, so that each can end alone.
type duplex struct{ in, out half }

func (d *duplex) Read(p []byte) (int, error)         { return d.in.r.Read(p) }
func (d *duplex) Write(p []byte) (int, error)        { return d.out.w.Write(p) }
func (d *duplex) CloseWrite() error                  { return d.out.w.Close() }
func (d *duplex) Close() error                       { _ = d.in.r.Close(); return d.out.w.Close() }
func (d *duplex) LocalAddr() net.Addr                { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 8000} }
func (d *duplex) RemoteAddr() net.Addr               { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 40000} }
func (d *duplex) SetReadDeadline(t time.Time) error  { return d.in.r.SetReadDeadline(t) }
func (d *duplex) SetWriteDeadline(t time.Time) error { return d.out.w.SetWriteDeadline(t) }
func (d *duplex) SetDeadline(t time.Time) error {
	_ = d.SetReadDeadline(t)
	return d.SetWriteDeadline(t)
}
