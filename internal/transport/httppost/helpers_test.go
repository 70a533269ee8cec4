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

// handlerFunc makes a function a transport.RecordHandler.
type handlerFunc func(ctx context.Context, peer *transport.Peer, record, dst []byte) []byte

func (f handlerFunc) AppendAnswer(ctx context.Context, peer *transport.Peer, record, dst []byte) []byte {
	return f(ctx, peer, record, dst)
}

// echoHandler answers a record with the record in angle brackets.
var echoHandler = handlerFunc(func(_ context.Context, _ *transport.Peer, record, dst []byte) []byte {
	return append(append(append(dst, '<'), record...), '>')
})

// echoPages answers with the request that it got.
var echoPages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" <"+string(body)+">")
})

// newServer returns a server with echoHandler and echoPages, unless cfg has others. It is shut down
// when the test ends.
func newServer(tb testing.TB, cfg httppost.Config) *transport.Server {
	if cfg.Handler == nil {
		cfg.Handler = echoHandler
	}
	if cfg.Pages == nil {
		cfg.Pages = echoPages
	}
	cfg.Log = slog.New(slog.NewTextHandler(tb.Output(), nil))
	s := transport.NewServer(transport.Config{Protocol: protocolFor(tb, httppost.New(cfg)), Log: cfg.Log})
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			tb.Error("shutdown:", err)
		}
	})
	return s
}

// protocolFor puts a ProtocolDetector before the protocol in benchmarks, as in a real server.
func protocolFor(tb testing.TB, protocol *httppost.Protocol) transport.Protocol {
	if _, ok := tb.(*testing.B); ok {
		return &transport.ProtocolDetector{HTTP: protocol}
	}
	return protocol
}

// startOnLoopback serves on a loopback port and returns its address.
func startOnLoopback(tb testing.TB, cfg httppost.Config) string {
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

// testClient is a client's connection to a server.
type testClient struct {
	tb testing.TB
	net.Conn
	reader *bufio.Reader
}

func dial(tb testing.TB, address string) *testClient {
	tb.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	tb.Cleanup(func() { _ = conn.Close() })
	return &testClient{tb, conn, bufio.NewReader(conn)}
}

func (c *testClient) send(text string) {
	c.tb.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.tb.Fatal("send:", err)
	}
}

// readResponse reads one response and its body.
func (c *testClient) readResponse() (*http.Response, string) {
	c.tb.Helper()
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		c.tb.Fatal("response:", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.tb.Fatal("body:", err)
	}
	return resp, string(body)
}

// expectBody reads one response and checks that it is 200 with the body want.
func (c *testClient) expectBody(want string) {
	c.tb.Helper()
	if resp, body := c.readResponse(); resp.StatusCode != 200 || body != want {
		c.tb.Fatalf("got %s %q, want 200 %q", resp.Status, body, want)
	}
}

// expectEnd checks that the server closes the connection without sending more.
func (c *testClient) expectEnd() {
	c.tb.Helper()
	if remaining, err := io.ReadAll(c.reader); err != nil || len(remaining) > 0 {
		c.tb.Fatalf("got %q and %v, want the end of the connection", remaining, err)
	}
}

// buildPost returns a request as old clients write it.
func buildPost(body string, fields ...string) string {
	return "POST / HTTP/1.1\r\n" + strings.Join(append(fields, ""), "\r\n") +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func mustPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// pipeListener is an in-memory listener for tests in virtual time.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener { return &pipeListener{make(chan net.Conn), make(chan struct{})} }

func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeListener) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// dial connects in memory. Each direction can be closed separately, as with TCP.
func (p *pipeListener) dial(tb testing.TB) *testClient {
	tb.Helper()
	up, down := newPipeHalf(), newPipeHalf()
	p.conns <- &duplexPipe{in: up, out: down}
	c := &duplexPipe{in: down, out: up}
	tb.Cleanup(func() { _ = c.Close() })
	return &testClient{tb, c, bufio.NewReader(c)}
}

// pipeHalf is one direction of a connection.
type pipeHalf struct{ reader, writer net.Conn }

func newPipeHalf() pipeHalf { r, w := net.Pipe(); return pipeHalf{r, w} }

// duplexPipe is a connection of two pipes, one for each direction.
type duplexPipe struct{ in, out pipeHalf }

func (d *duplexPipe) Read(p []byte) (int, error)  { return d.in.reader.Read(p) }
func (d *duplexPipe) Write(p []byte) (int, error) { return d.out.writer.Write(p) }
func (d *duplexPipe) CloseWrite() error           { return d.out.writer.Close() }
func (d *duplexPipe) Close() error                { _ = d.in.reader.Close(); return d.out.writer.Close() }
func (d *duplexPipe) LocalAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 8000}
}
func (d *duplexPipe) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 40000}
}
func (d *duplexPipe) SetReadDeadline(t time.Time) error  { return d.in.reader.SetReadDeadline(t) }
func (d *duplexPipe) SetWriteDeadline(t time.Time) error { return d.out.writer.SetWriteDeadline(t) }
func (d *duplexPipe) SetDeadline(t time.Time) error {
	_ = d.SetReadDeadline(t)
	return d.SetWriteDeadline(t)
}
