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
		framing frameFunc
		in      string
		body    string
		size    int
		bad     bool
	}{
		{"a whole answer", frameHTTPAnswer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", 41, false},
		{"header names in any case", frameHTTPAnswer, "HTTP/1.1 200 OK\r\nDate: x\r\ncontent-LENGTH:3\r\n\r\nabc",
			"abc", 49, false},
		{"an empty body", frameHTTPAnswer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 38, false},
		{"half a head", frameHTTPAnswer, "HTTP/1.1 200 OK\r\nContent-Le", "", 0, false},
		{"half a body", frameHTTPAnswer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "", 0, false},
		{"another status", frameHTTPAnswer, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "", 0, true},
		{"no length", frameHTTPAnswer, "HTTP/1.1 200 OK\r\n\r\n", "", 0, true},
		{"a length that is no number", frameHTTPAnswer, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "", 0, true},
		{"a bulk string", frameRedisReply, "$3\r\n1-1\r\n", "1-1", 9, false},
		{"half a bulk string", frameRedisReply, "$3\r\n1-1", "", 0, false},
		{"half a line", frameRedisReply, "$3\r", "", 0, false},
		{"an integer", frameRedisReply, ":42\r\n", "42", 5, false},
		{"an error", frameRedisReply, "-ERR no\r\n", "", 0, true},
		{"a nil", frameRedisReply, "$-1\r\n", "", 0, true},
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
	conn := newClientConn(serve(t, answer[:20], answer[20:]), frameHTTPAnswer, false, time.Now().Add(answerTimeout))
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
		"an answer that does not end":          {strings.Repeat("x", maxAnswerBytes), true, "more than"},
		"a broken one":                         {"HTTP/1.1 500 \r\n\r\n", true, "no HTTP/1.1 200"},
		"more than one, and it was to be last": {answer + "x", false, "bytes behind the answer"},
	} {
		conn := newClientConn(serve(t, c.sent), frameHTTPAnswer, c.keepAlive, time.Now().Add(answerTimeout))
		if _, err := conn.exchange([]byte("hi")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		conn.close()
	}
}
