package transport_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
)

// namedProtocol reports its name and all that it reads.
type namedProtocol struct {
	name string
	said chan string
}

func (n namedProtocol) ServeConn(_ context.Context, conn *transport.Conn) {
	text, _ := io.ReadAll(conn)
	n.said <- n.name + " " + string(text)
	_ = conn.Close()
}

func newDetector(said chan string) *transport.ProtocolDetector {
	return &transport.ProtocolDetector{HTTP: namedProtocol{"http", said}, Line: namedProtocol{"line", said}}
}

// withoutBlankLines returns text without its leading blank lines.
func withoutBlankLines(text string) string {
	for {
		rest, found := strings.CutPrefix(text, "\r\n")
		if !found {
			if rest, found = strings.CutPrefix(text, "\n"); !found {
				return text
			}
		}
		text = rest
	}
}

// detectCases are first bytes and the protocol that they belong to.
var detectCases = []struct{ name, text, is string }{
	{"a POST", "POST / HTTP/1.1\r\n\r\n", "http"},
	{"a POST without target", "POST HTTP/1.1\r\n", "http"},
	{"a POST with two spaces", "POST  HTTP/1.1\r\n", "http"},
	{"a GET", "GET /ws HTTP/1.1\r\n", "http"},
	{"a method that is not served", "PROPFIND / HTTP/1.1\r\n", "http"},
	{"a POST after blank lines", "\r\n\n\r\nPOST / HTTP/1.1\r\n", "http"},
	{"a method of one letter", "P / HTTP/1.1\r\n", "http"},
	{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "http"},
	{"a line", "VER=1.4&CMD=Login\r\n", "line"},
	{"a line in small letters", "ver=1.4", "line"},
	{"one byte before, a P", "PVER=1.4", "line"},
	{"two bytes before, PO", "POVER=1.4", "line"},
	{"two bytes before, a P and a space", "P VER=1.4", "line"},
	{"two bytes before, a P and a space, in small letters", "P ver=1.4", "line"},
	{"five bytes before, a P and a space first", "P 012VER=1.4", "line"},
	{"a byte and an LF before", "\x01\nVER=1.4", "line"},
	{"an LF and a P before", "\nPVER=1.4", "line"},
	{"a CR before", "\rVER=1.4", "line"},
	{"two bytes before as in TLS", "\x16\x03VER=1.4", "line"},
	{"five bytes before, the first as in TLS", "\x16\x03\x01\x02\x00VER=1.4", "line"},
	{"a method in small letters", "patch / HTTP/1.1\r\n", "http"},
	{"a method with a record as its target", "x /VER=1.1&CMD=List HTTP/1.1\r\n", "http"},
	{"a short method in capitals with a record as its target", "X /VER=1.1&CMD=List HTTP/1.1\r\n", "http"},
	{"a method of no letters", "!# / HTTP/1.1\r\n", "http"},
	{"a method without end", strings.Repeat("a-1.", 500), "http"},
	{"a word in small letters, and no target", "post HTTP/1.1\r\n", "line"},
	{"two bytes before, a small letter and a space", "a VER=1.4", "line"},
	{"five bytes before, small letters and a space first", "aa 01VER=1.4", "line"},
	{"nonsense", "\x00\xff", "line"},
	{"a POST after many blank lines", strings.Repeat("\r\n", 4096) + "POST / HTTP/1.1\r\n", "http"},
	{"a line after many blank lines", strings.Repeat("\n", 8192) + "\x02\x01VER=1.4", "line"},
	{"a lone CR after blank lines", "\r\n\n\rVER=1.4", "line"},
	{"more blank lines than a header may be long", strings.Repeat("\n", 9000) + "VER=1.4", "http"},
	{"capital letters without end", strings.Repeat("A", 2000), "http"},
}

func TestFirstBytesIdentifyProtocolHoweverSplit(t *testing.T) {
	for _, c := range detectCases {
		t.Run(c.name, func(t *testing.T) {
			for _, step := range []int{1, 2, 3, 5, len(c.text)} {
				synctest.Test(t, func(t *testing.T) {
					said := make(chan string, 1)
					_, listener, _ := startServer(t, transport.Config{Protocol: newDetector(said)})
					conn, _ := listener.dial(t, "192.0.2.1")
					for rest := c.text; rest != ""; rest = rest[min(step, len(rest)):] {
						_, _ = io.WriteString(conn, rest[:min(step, len(rest))])
					}
					_ = conn.Close()
					is, got, _ := strings.Cut(<-said, " ")
					if is != c.is || withoutBlankLines(got) != withoutBlankLines(c.text) {
						t.Errorf("in steps of %d it is %s %.40q", step, is, got)
					}
				})
			}
		})
	}
}

func TestUndetectedConnectionTimesOut(t *testing.T) {
	for name, sent := range map[string]string{"silent": "", "one P": "P", "POST": "POST", "blank lines": "\r\n\n"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, listener, _ := startServer(t, transport.Config{Protocol: newDetector(make(chan string))})
				conn, _ := listener.dial(t, "192.0.2.1")
				begin := time.Now()
				_, _ = io.WriteString(conn, sent)
				if _, err := conn.Read(make([]byte, 1)); err != io.EOF ||
					time.Since(begin).Round(time.Second) != 10*time.Second {
					t.Errorf("got %v after %v", err, time.Since(begin))
				}
			})
		})
	}
}

func TestShutdownEndsUndetectedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, listener, _ := startServer(t, transport.Config{Protocol: newDetector(make(chan string))})
		conn, _ := listener.dial(t, "192.0.2.1")
		_, _ = io.WriteString(conn, "P")
		begin := time.Now()
		if err := server.Shutdown(t.Context()); err != nil || time.Since(begin) != 0 {
			t.Errorf("got %v after %v", err, time.Since(begin))
		}
	})
}

// TestWorkerGoroutineIsReused runs functions one after another, then two at once.
func TestWorkerGoroutineIsReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := make(chan *transport.Conn, 1)
		_, listener, _ := startServer(t, transport.Config{Protocol: protocolFunc(func(ctx context.Context,
			conn *transport.Conn) {
			conns <- conn
			silentProtocol(ctx, conn)
		})})
		listener.dial(t, "192.0.2.1")
		conn := <-conns
		depth := 0
		conn.RunOnWorker(func() { conn.RunOnWorker(func() { depth++ }); depth++ })
		for range 100 {
			conn.RunOnWorker(func() { depth++ })
		}
		if depth != 102 {
			t.Errorf("%d functions ran, want 102", depth)
		}
	})
}

func TestPanicOnWorkerEndsOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, listener, log := startServer(t, transport.Config{Protocol: protocolFunc(func(_ context.Context,
			conn *transport.Conn) {
			conn.RunOnWorker(func() { panic("borrowed") })
		})})
		if _, kept := listener.dial(t, "192.0.2.1"); kept {
			t.Error("the connection is still open")
		}
		if got := log.drain(); !strings.Contains(got, "panic=borrowed") || !strings.Contains(got, "detect_test.go") {
			t.Errorf("logged %q", got)
		}
	})
}

func TestRateLimitResetsEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r transport.RateCounter
		if r.Allow(2, 3) != 2 || r.Allow(2, 3) != 1 || r.Allow(1, 3) != 0 {
			t.Error("not three are allowed")
		}
		<-time.After(time.Second)
		if r.Allow(4, 3) != 3 || r.Allow(1000, 0) != 1000 {
			t.Error("a second later they are not allowed")
		}
	})
}

// splitConn is a connection whose reads return at most stepBytes bytes.
type splitConn struct {
	net.Conn  // nil: no other methods are called
	remaining []byte
	stepBytes int
	closed    chan struct{}
}

func (p *splitConn) Read(b []byte) (int, error) {
	if len(p.remaining) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.stepBytes)], p.remaining)
	p.remaining = p.remaining[n:]
	return n, nil
}

func (p *splitConn) Close() error                    { close(p.closed); return nil }
func (p *splitConn) SetReadDeadline(time.Time) error { return nil }
func (p *splitConn) RemoteAddr() net.Addr            { return &net.TCPAddr{} }

// detectProtocol returns the protocol and input of a connection that sends text, or "" if none was
// detected.
func detectProtocol(text []byte, step int) string {
	said := make(chan string, 1)
	server := transport.NewServer(transport.Config{Protocol: newDetector(said)})
	listener := newFakeListener()
	p := &splitConn{remaining: text, stepBytes: step, closed: make(chan struct{})}
	go func() { _ = server.Serve(listener) }()
	listener.accepts <- acceptResult{conn: p}
	<-p.closed
	_ = listener.Close()
	select {
	case got := <-said:
		return got
	default:
		return ""
	}
}

// FuzzDetect splits the first bytes in any way. The detected protocol stays the same, and no bytes
// are lost except blank lines. A line with up to five bytes before VER= is never HTTP, unless these
// are a method and a space, followed by '/' if the method is short.
func FuzzDetect(f *testing.F) {
	for _, c := range detectCases {
		f.Add([]byte(c.text), 1)
	}
	f.Fuzz(func(t *testing.T, text []byte, step int) {
		is, whole, _ := strings.Cut(detectProtocol(text, len(text)+1), " ")
		isSplit, split, _ := strings.Cut(detectProtocol(text, max(1, step)), " ")
		if is != isSplit {
			t.Fatalf("%q is %q, in steps of %d %q", text, is, step, isSplit)
		}
		if is == "" {
			return
		}
		for _, read := range []string{whole, split} {
			if withoutBlankLines(read) != withoutBlankLines(string(text)) {
				t.Errorf("the protocol read %q, want %q", read, text)
			}
		}
		if i := bytes.Index(text, []byte("VER=")); is == "http" && i >= 0 && i <= 5 {
			word, target, _ := bytes.Cut(bytes.TrimLeft(text[:i], "\r\n"), []byte(" "))
			if len(word) < 3 && !bytes.HasPrefix(target, []byte("/")) {
				t.Errorf("%q is HTTP", text)
			}
		}
	})
}
