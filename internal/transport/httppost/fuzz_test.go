package httppost

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
)

// scriptedConn is a connection whose reads return at most stepBytes bytes of a fixed input. It
// records what is written.
type scriptedConn struct {
	net.Conn     // nil: no other methods are called
	remaining    []byte
	stepBytes    int
	written      bytes.Buffer
	writeCount   int
	longestWrite int // in bytes
	closed       chan struct{}
}

func (s *scriptedConn) Read(p []byte) (int, error) {
	if len(s.remaining) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.stepBytes)], s.remaining)
	s.remaining = s.remaining[n:]
	return n, nil
}

func (s *scriptedConn) Write(p []byte) (int, error) {
	s.writeCount++
	s.longestWrite = max(s.longestWrite, len(p))
	return s.written.Write(p)
}
func (s *scriptedConn) Close() error                     { close(s.closed); return nil }
func (s *scriptedConn) SetReadDeadline(time.Time) error  { return nil }
func (s *scriptedConn) SetWriteDeadline(time.Time) error { return nil }
func (s *scriptedConn) SetDeadline(time.Time) error      { return nil }
func (s *scriptedConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *scriptedConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} }

// bracketHandler answers a record with the record in angle brackets.
type bracketHandler struct{}

func (bracketHandler) AppendAnswer(_ context.Context, _ *transport.Peer, record, dst []byte) []byte {
	return append(append(append(dst, '<'), record...), '>')
}

// singleConnAccepter is a listener that accepts one connection.
type singleConnAccepter struct{ conns chan net.Conn }

func (o singleConnAccepter) Accept() (net.Conn, error) {
	conn, ok := <-o.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (o singleConnAccepter) Close() error   { return nil }
func (o singleConnAccepter) Addr() net.Addr { return &net.TCPAddr{} }

// serveScript serves the connection with a whole server and returns when it is closed.
func serveScript(tb testing.TB, cfg Config, conn *scriptedConn) {
	cfg.Handler, cfg.Log = cmp.Or[transport.RecordHandler](cfg.Handler, bracketHandler{}), slog.New(failOnLog{tb})
	cfg.Warnings = transport.NewWarningLog(slog.New(slog.DiscardHandler), time.Now) // mistakes of clients may be logged
	server := transport.NewServer(transport.Config{Protocol: New(cfg), Log: cfg.Log})
	listener := singleConnAccepter{make(chan net.Conn, 1)}
	listener.conns <- conn
	close(listener.conns)
	_ = server.Serve(listener) // returns when the listener has no more connections
	<-conn.closed
}

// failOnLog is a log handler that fails the test at any output, such as that of a panic.
type failOnLog struct{ tb testing.TB }

func (f failOnLog) Enabled(context.Context, slog.Level) bool { return true }
func (f failOnLog) WithAttrs([]slog.Attr) slog.Handler       { return f }
func (f failOnLog) WithGroup(string) slog.Handler            { return f }
func (f failOnLog) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool { f.tb.Error(a); return true })
	f.tb.Error(r.Message)
	return nil
}

// fuzzSeeds are valid and invalid requests of every form.
var fuzzSeeds = []string{
	"POST HTTP/1.1\r\nContent-length: 3\r\n\r\nabcPOST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nd",
	"\r\n\nPOST / HTTP/1.1\nHost: x\nContent-Length: 1\n\naPOST / HTTP/1.1\r\n\r\n",
	"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\nPOST / " +
		"HTTP/1.1\r\nContent-Length: 2\r\n\r\nab",
	"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\nX: y\r\nZ: z\r\n\r\nPOST / HTTP/1.1\r\n\r\n",
	"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\nX: y\r\n\r\n",
	"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 01\r\n\r\naPOST / HTTP/1.1\r\n\r\n",
	"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
	"POST / HTTP/1.1\r\nContent-Length : 1\r\n\r\na",
	"POST / HTTP/1.1\r\nX: y\r\n Content-Length: 1\r\n\r\na",
	"POST / HTTP/1.1\r\nX: y\rContent-Length: 1\r\n\r\na",
	"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
	"POST / HTTP/1.1\r\nConnection: close, keep-alive\r\nOrigin: https://chat.example\r\nSec-Fetch-Site: none\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: [::1]:8000\r\nOrigin: http://[::1]:8000\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: evil.example:8000\r\n\r\n",
	"POST / HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4, [::1]:5\r\nForwarded: for=\"[::2]:3\";host=x, for=y\r\nX-Real-IP: " +
		"::3\r\n\r\n",
	"POST http://x?y HTTP/1.1\r\nContent-Type: text/plain; charset=\"gbk\"\r\nContent-Length: 0\r\n\r\n",
	"POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na",
	"GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.0\r\n\r\n",
	"HEAD / HTTP/1.1\r\n\r\n", "PUT / HTTP/2.0\r\n\r\n", "\x16\x03\x01", "\r", "POST / HTTP/1.1\r\n",
}

func addSeeds(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s), 1)
		f.Add([]byte(s), 4096)
	}
}

// FuzzServe serves any input: no panic occurs, the connection ends, and all output is HTTP.
func FuzzServe(f *testing.F) {
	addSeeds(f)
	allowedOrigin, err := transport.ParseOrigin("https://chat.example")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte, step int) {
		conn := &scriptedConn{remaining: text, stepBytes: max(1, step), closed: make(chan struct{})}
		serveScript(t, Config{
			Pages:          http.NotFoundHandler(),
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			Origins:        transport.NewOriginPolicy("box", nil, []transport.Origin{allowedOrigin}),
		}, conn)
		if out := conn.written.Bytes(); len(out) > 0 && !bytes.HasPrefix(out, []byte("HTTP/1.")) {
			t.Errorf("said %q", out)
		}
	})
}

// FuzzAgainstNetHTTP parses the same requests with net/http: if both accept one, they agree on its
// body and its end. Otherwise a client could hide a request from a proxy that parses as net/http
// does.
func FuzzAgainstNetHTTP(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text []byte, step int) {
		s := &scriptedConn{remaining: text, stepBytes: max(1, step), closed: make(chan struct{})}
		conn := newHTTPConn(New(Config{Handler: bracketHandler{}, Log: slog.New(slog.DiscardHandler)}),
			&transport.Conn{Conn: s})
		for {
			for !conn.skipBlankLines() {
				if conn.readMore() != nil {
					return
				}
			}
			remaining := text[len(text)-len(s.remaining)-(conn.writePos-conn.readPos):]
			ours, err := readBodyOfRequest(conn)
			if err != nil {
				return
			}
			after := len(s.remaining) + (conn.writePos - conn.readPos)
			theirs, left, err := readByNetHTTP(remaining)
			if err != nil {
				return
			}
			if !bytes.Equal(ours, theirs) || after != left {
				t.Fatalf("of %q\nwe read %q and leave %d bytes\nnet/http reads %q and leaves %d", remaining, ours,
					after, theirs, left)
			}
		}
	})
}

// readBodyOfRequest reads a request's body as serveRequest does, for any target.
func readBodyOfRequest(c *httpConn) ([]byte, error) {
	n, err := c.readHeader()
	if err != nil {
		return nil, err
	}
	if httpErr := c.header.parse(c.input[c.readPos : c.readPos+n]); httpErr != nil {
		return nil, httpErr
	}
	if c.header.contentLength > int64(c.protocol.limits.BodyBytes) {
		return nil, errBodyTooLong
	}
	c.readPos += n
	return c.readBody(&c.header)
}

// readByNetHTTP reads a request's body with net/http. left is how many bytes follow it.
func readByNetHTTP(text []byte) (body []byte, left int, err error) {
	rest := bytes.NewReader(text)
	reader := bufio.NewReader(rest)
	r, err := http.ReadRequest(reader)
	if err != nil {
		return nil, 0, err
	}
	body, err = io.ReadAll(r.Body)
	return body, reader.Buffered() + rest.Len(), err
}
