package httppost

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/transport"
)

func TestPipelinedAnswersAreWrittenTogether(t *testing.T) {
	conn := &scriptedConn{remaining: []byte(strings.Repeat("POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\na", 10)),
		stepBytes: 4096, closed: make(chan struct{})}
	serveScript(t, Config{}, conn)
	if n := strings.Count(conn.written.String(), "\r\n\r\n<a>"); n != 10 || conn.writeCount != 1 {
		t.Errorf("%d answers in %d writes", n, conn.writeCount)
	}
}

func TestAnswerIsOneWrite(t *testing.T) {
	for name, request := range map[string]string{
		"of a record": "POST / HTTP/1.1\r\nContent-Length: 60000\r\n\r\n" + strings.Repeat("a", 60_000),
		"of an error": "nonsense\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := &scriptedConn{remaining: []byte(request), stepBytes: 100_000, closed: make(chan struct{})}
			if serveScript(t, Config{}, conn); conn.writeCount != 1 {
				t.Errorf("%d writes", conn.writeCount)
			}
		})
	}
}

func TestCollectedAnswersAreBounded(t *testing.T) {
	conn := &scriptedConn{remaining: []byte(strings.Repeat("POST HTTP/1.1\r\n\r\n", 40)), stepBytes: 1 << 20,
		closed: make(chan struct{})}
	serveScript(t, Config{Handler: longAnswerHandler{}}, conn)
	if conn.longestWrite > maxPendingOutput+11_000 || conn.written.Len() < 40*10_000 {
		t.Errorf("one write of %d has %d bytes", conn.written.Len(), conn.longestWrite)
	}
}

// longAnswerHandler answers everything with 10,000 bytes.
type longAnswerHandler struct{}

func (longAnswerHandler) AppendAnswer(_ context.Context, _ *transport.Peer, _, dst []byte) []byte {
	return append(dst, make([]byte, 10_000)...)
}

// buildPost returns a request with a Content-Length.
func buildPost(target, body string) string {
	return "POST " + target + " HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain; charset=gbk\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func TestRequestMayArriveInPieces(t *testing.T) {
	for _, request := range []string{
		"\r\n\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
		"\r\n\nPOST / HTTP/1.1\nHost: x\nContent-Length: 5\n\nhello",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n",
	} {
		for step := range len(request) {
			conn := &scriptedConn{remaining: []byte(request + request), stepBytes: 1 + step,
				closed: make(chan struct{})}
			serveScript(t, Config{}, conn)
			if n := strings.Count(conn.written.String(), "\r\n\r\n<hello>"); n != 2 {
				t.Errorf("%q twice in pieces of %d bytes: answered %q", request, 1+step, conn.written.String())
			}
		}
	}
}

func TestRequestDoesNotAllocate(t *testing.T) {
	for _, c := range []struct {
		name, body string
		most       float64 // with the race detector, pools lose a quarter
	}{
		{"a poll", "abc", 0},
		{"a record that borrows two buffers", strings.Repeat("a", 20_000), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &scriptedConn{stepBytes: 1 << 20}
			conn := newHTTPConn(New(Config{Handler: bracketHandler{}, Log: slog.New(slog.DiscardHandler)}),
				&transport.Conn{Conn: s})
			text := []byte(buildPost("/", c.body))
			n := testing.AllocsPerRun(1000, func() {
				s.remaining = text
				s.written.Reset()
				_ = conn.readMore()
				body, err := readBodyOfRequest(conn)
				if err != nil || string(body) != c.body {
					t.Fatalf("got %q and %v", body, err)
				}
				conn.peer.Charset = conn.header.charset
				out := conn.outputBuffer()
				out.bytes = appendResponseHeader(out.bytes, "", true, 5)
				_ = conn.flush()
				conn.releaseBuffers()
			})
			if n > c.most {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func TestIdleConnectionReleasesBuffers(t *testing.T) {
	s := &scriptedConn{remaining: []byte("POST / HTTP/1.1\r\nContent-Length: 60000\r\n\r\n" +
		strings.Repeat("a", 60_000)), stepBytes: 4096}
	conn := newHTTPConn(New(Config{Handler: bracketHandler{}, Log: slog.New(slog.DiscardHandler)}),
		&transport.Conn{Conn: s})
	_ = conn.readMore()
	if _, err := readBodyOfRequest(conn); err != nil || conn.borrowed == nil {
		t.Fatalf("got %v, lent %v", err, conn.borrowed != nil)
	}
	conn.outputBuffer()
	conn.releaseBuffers()
	if len(conn.input) != idleBufferBytes || conn.borrowed != nil || conn.output != nil {
		t.Error("it kept what it had borrowed")
	}
}
