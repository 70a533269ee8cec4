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

// script is a connection that gives its text in pieces of step bytes, and
// takes whatever is written.
type script struct {
	net.Conn // nil: nothing else is called
	text     []byte
	step     int
	written  bytes.Buffer
	writes   int
	longest  int // write
	closed   chan struct{}
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.text) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), s.step)], s.text)
	s.text = s.text[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	s.writes++
	s.longest = max(s.longest, len(p))
	return s.written.Write(p)
}
func (s *script) Close() error                     { close(s.closed); return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} }

// bracket answers a record with itself in angle brackets.
type bracket struct{}

func (bracket) Handle(_ context.Context, _ *transport.Peer, record, dst []byte) []byte {
	return append(append(append(dst, '<'), record...), '>')
}

// once is a listener that accepts one connection.
type once struct{ conns chan net.Conn }

func (o once) Accept() (net.Conn, error) {
	conn, ok := <-o.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (o once) Close() error   { return nil }
func (o once) Addr() net.Addr { return &net.TCPAddr{} }

// play has a whole server serve the script, and returns when it has closed it.
func play(tb testing.TB, cfg Config, s *script) {
	cfg.Handler, cfg.Log = cmp.Or[transport.Handler](cfg.Handler, bracket{}), slog.New(failing{tb})
	cfg.Warnings = transport.NewWarnings(slog.New(slog.DiscardHandler), time.Now) // what clients do wrong may be logged
	server := transport.NewServer(transport.Config{Protocol: New(cfg), Log: cfg.Log})
	o := once{make(chan net.Conn, 1)}
	o.conns <- s
	close(o.conns)
	_ = server.Serve(o) // ends when there is no more to accept
	<-s.closed
}

// failing is a log in which nothing may appear: a panic does.
type failing struct{ tb testing.TB }

func (f failing) Enabled(context.Context, slog.Level) bool { return true }
func (f failing) WithAttrs([]slog.Attr) slog.Handler       { return f }
func (f failing) WithGroup(string) slog.Handler            { return f }
func (f failing) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool { f.tb.Error(a); return true })
	f.tb.Error(r.Message)
	return nil
}

// seeds are requests of every form, good and bad.
var seeds = []string{
	"POST HTTP/1.1\r\nContent-length: 3\r\n\r\nabcPOST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nd",
	"\r\n\nPOST / HTTP/1.1\nHost: x\nContent-Length: 1\n\naPOST / HTTP/1.1\r\n\r\n",
	"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab",
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
	"POST / HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4, [::1]:5\r\nForwarded: for=\"[::2]:3\";host=x, for=y\r\nX-Real-IP: ::3\r\n\r\n",
	"POST http://x?y HTTP/1.1\r\nContent-Type: text/plain; charset=\"gbk\"\r\nContent-Length: 0\r\n\r\n",
	"POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na",
	"GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST / HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.0\r\n\r\n",
	"HEAD / HTTP/1.1\r\n\r\n", "PUT / HTTP/2.0\r\n\r\n", "\x16\x03\x01", "\r", "POST / HTTP/1.1\r\n",
}

func addSeeds(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), 1)
		f.Add([]byte(s), 4096)
	}
}

// FuzzServe serves whatever bytes: nothing panics, the connection ends, and
// what is said is HTTP.
func FuzzServe(f *testing.F) {
	addSeeds(f)
	chat, err := transport.ParseOrigin("https://chat.example")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte, step int) {
		s := &script{text: text, step: max(1, step), closed: make(chan struct{})}
		play(t, Config{
			Pages:          http.NotFoundHandler(),
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
			Origins:        transport.NewOrigins("box", nil, []transport.Origin{chat}),
		}, s)
		if out := s.written.Bytes(); len(out) > 0 && !bytes.HasPrefix(out, []byte("HTTP/1.")) {
			t.Errorf("said %q", out)
		}
	})
}

// FuzzAgainstNetHTTP reads the same requests as net/http does: where both
// accept one, they agree on its body and on where it ends. If they did not, a
// client could hide a request from a proxy that reads as net/http does.
func FuzzAgainstNetHTTP(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text []byte, step int) {
		s := &script{text: text, step: max(1, step), closed: make(chan struct{})}
		conn := newConn(New(Config{Handler: bracket{}, Log: slog.New(slog.DiscardHandler)}), &transport.Conn{Conn: s})
		for {
			for !conn.begun() {
				if conn.fill() != nil {
					return
				}
			}
			rest := text[len(text)-len(s.text)-(conn.w-conn.r):]
			ours, err := readOne(conn)
			if err != nil {
				return
			}
			after := len(s.text) + (conn.w - conn.r)
			theirs, left, err := readByNetHTTP(rest)
			if err != nil {
				return
			}
			if !bytes.Equal(ours, theirs) || after != left {
				t.Fatalf("of %q\nwe read %q and leave %d bytes\nnet/http reads %q and leaves %d", rest, ours, after, theirs, left)
			}
		}
	})
}

// readOne reads a request's body as serveOne does, whatever its target.
func readOne(c *conn) ([]byte, error) {
	n, err := c.readHeader()
	if err != nil {
		return nil, err
	}
	if f := c.req.parse(c.in[c.r : c.r+n]); f != nil {
		return nil, f
	}
	if c.req.length > int64(c.way.limits.BodyBytes) {
		return nil, faultTooBig
	}
	c.r += n
	return c.readBody(&c.req)
}

// readByNetHTTP reads a request's body and says how much of text is left.
func readByNetHTTP(text []byte) (body []byte, left int, err error) {
	rest := bytes.NewReader(text)
	br := bufio.NewReader(rest)
	r, err := http.ReadRequest(br)
	if err != nil {
		return nil, 0, err
	}
	body, err = io.ReadAll(r.Body)
	return body, br.Buffered() + rest.Len(), err
}
