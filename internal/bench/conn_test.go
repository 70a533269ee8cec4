package bench

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestAnswersAreCutOutOfWhatArrives(t *testing.T) {
	for _, c := range []struct {
		name    string
		framing framing
		in      string
		body    string
		size    int
		bad     bool
	}{
		{"a whole answer", frameHTTP, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", 41, false},
		{"header names in any case", frameHTTP, "HTTP/1.1 200 OK\r\nDate: x\r\ncontent-LENGTH:3\r\n\r\nabc", "abc", 49, false},
		{"an empty body", frameHTTP, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 38, false},
		{"half a head", frameHTTP, "HTTP/1.1 200 OK\r\nContent-Le", "", 0, false},
		{"half a body", frameHTTP, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "", 0, false},
		{"another status", frameHTTP, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "", 0, true},
		{"no length", frameHTTP, "HTTP/1.1 200 OK\r\n\r\n", "", 0, true},
		{"a length that is no number", frameHTTP, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "", 0, true},
		{"a bulk string", frameRedis, "$3\r\n1-1\r\n", "1-1", 9, false},
		{"half a bulk string", frameRedis, "$3\r\n1-1", "", 0, false},
		{"half a line", frameRedis, "$3\r", "", 0, false},
		{"an integer", frameRedis, ":42\r\n", "42", 5, false},
		{"an error", frameRedis, "-ERR no\r\n", "", 0, true},
		{"a nil", frameRedis, "$-1\r\n", "", 0, true},
	} {
		body, size, err := c.framing([]byte(c.in))
		if string(body) != c.body || size != c.size || (err != nil) != c.bad {
			t.Errorf("%s: got %q, %d, %v", c.name, body, size, err)
		}
	}
}

const answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"

// serve answers on one connection after another: for each it reads one request
// of two bytes and writes the given pieces.
func serve(t *testing.T, pieces ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			io.ReadFull(conn, make([]byte, 2))
			for _, piece := range pieces {
				io.WriteString(conn, piece)
			}
			conn.Close()
		}
	}()
	return listener.Addr().String()
}

func TestAConnectionPerRequestIsMadeAnewEachTime(t *testing.T) {
	conn := newConn(serve(t, answer[:20], answer[20:]), frameHTTP, false, time.Now().Add(patience))
	for range 3 {
		if body, err := conn.exchange([]byte("hi")); err != nil || string(body) != "abc" {
			t.Fatalf("got %q, %v", body, err)
		}
	}
}

func TestAnswersThatAreNoneFailTheExchange(t *testing.T) {
	for name, c := range map[string]struct {
		sent      string
		keepAlive bool
		want      string
	}{
		"the connection ends in the answer":    {answer[:30], true, "after 30 bytes"},
		"more than one answer":                 {answer + "x", true, "bytes behind the answer"},
		"an answer that does not end":          {strings.Repeat("x", maxAnswer), true, "more than"},
		"a broken one":                         {"HTTP/1.1 500 \r\n\r\n", true, "no HTTP/1.1 200"},
		"more than one, and it was to be last": {answer + "x", false, "bytes behind the answer"},
	} {
		conn := newConn(serve(t, c.sent), frameHTTP, c.keepAlive, time.Now().Add(patience))
		if _, err := conn.exchange([]byte("hi")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		conn.close()
	}
}
