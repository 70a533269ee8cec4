package line_test

import (
	"context"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/line"
	"github.com/rookery-im/rookery/wire"
)

func TestLineRecords(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		want       []string
	}{
		{"a line ended by CR LF", "VER=1.4&a\r\n", []string{"VER=1.4&a"}},
		{"a line ended by LF", "VER=1.4&a\n", []string{"VER=1.4&a"}},
		{"VER in small letters", "ver=1.4\n", []string{"ver=1.4"}},
		{"another version", "VER=9\n", []string{"VER=9"}},
		{"one binary byte before", "\x01VER=1.4\n", []string{"VER=1.4"}},
		{"a P before", "PVER=1.4\n", []string{"VER=1.4"}},
		{"a NUL before", "\x00\x01VER=1.4\n", []string{"VER=1.4"}},
		{"five bytes before", "12345VER=1.4\n", []string{"VER=1.4"}},
		{"six bytes before", "123456VER=1.4\n", nil},
		{"an LF before", "\nVER=1.4\n", []string{"VER=1.4"}},
		{"two bytes before, an LF last", "\x01\nVER=1.4\n", []string{"VER=1.4"}},
		{"two bytes before, an LF first", "\n\x01VER=1.4\n", []string{"VER=1.4"}},
		{"a line without VER first", "CMD=List&VER=1.4\n", nil},
		{"an empty line", "\r\n", nil},
		{"part of VER", "VER\n", nil},
		{"a NUL within", "VER=1.4\x00&a\n", []string{"VER=1.4\x00&a"}},
		{"bytes that are no UTF-8", "VER=1.4&\xff\xfe\n", []string{"VER=1.4&\xff\xfe"}},
		{"a CR within", "VER=1.4&a\rb\r\n", []string{"VER=1.4&a\rb"}},
		{"three at once", "VER=1\nVER=2\r\nVER=3\n", []string{"VER=1", "VER=2", "VER=3"}},
		{"some among others", "x\nVER=1\n\n\nVER=2\nx\n", []string{"VER=1", "VER=2"}},
		{"64 KiB", "VER=" + strings.Repeat("a", wire.MaxRecord-4) + "\r\n",
			[]string{"VER=" + strings.Repeat("a", wire.MaxRecord-4)}},
		{"64 KiB with five bytes before", "12345VER=" + strings.Repeat("a", wire.MaxRecord-4) + "\r\n",
			[]string{"VER=" + strings.Repeat("a", wire.MaxRecord-4)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := startServer(t, line.Limits{}).dial()
				conn.sendInBackground(c.sent)
				for _, record := range c.want {
					conn.expect("<" + record + ">\r\n")
				}
				conn.expectSilence()
			})
		})
	}
}

func TestTooLongLineEndsConnection(t *testing.T) {
	long := strings.Repeat("a", wire.MaxRecord-3)
	for name, text := range map[string]string{
		"with its end":               "VER=" + long + "\n",
		"without an end":             "VER=" + long + "aaaaaaaaa",
		"with five bytes before VER": "12345VER=" + long + "\n",
		"without VER":                "abc=" + long + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := startServer(t, line.Limits{})
				conn, other := server.dial(), server.dial()
				go func() { _, _ = io.WriteString(conn, text) }()
				conn.expectEnd()
				other.send("VER=1\n")
				other.expect("<VER=1>\r\n")
			})
		})
	}
}

func TestPipelinedLinesAreAnsweredInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := startServer(t, line.Limits{})
		conn := server.dial()
		text, n := "", 0
		for ; len(text) < 20_000; n++ {
			text += "VER=1.4&SEQ=" + string(rune('a'+n%26)) + "\n"
		}
		conn.sendInBackground(text)
		for i := range n {
			conn.expect("<VER=1.4&SEQ=" + string(rune('a'+i%26)) + ">\r\n")
		}
		if most := slices.Max(server.batchSizes); most != 64 {
			t.Errorf("%d came together at the most, of %v", most, server.batchSizes)
		}
	})
}

func TestLineMayArriveByteByByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := startServer(t, line.Limits{}).dial()
		for _, b := range "VER=1\r\n" {
			conn.send(string(b))
		}
		conn.expect("<VER=1>\r\n")
	})
}

func TestPeerIsConnectionAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := startServer(t, line.Limits{})
		conn := server.dialFrom("192.0.2.7")
		conn.send("VER=1\n")
		conn.expect("<VER=1>\r\n")
		if want := (transport.Peer{Addr: netip.MustParseAddr("192.0.2.7"), Form: wire.FormLine}); server.peer != want {
			t.Errorf("got %+v", server.peer)
		}
	})
}

func TestPushIsWrittenBetweenAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := startServer(t, line.Limits{})
		conn := server.dial()
		conn.send("VER=1&wait\n")
		go func() { _ = server.conn.Push([]byte("pushed")) }()
		conn.expect("pushed\r\n")
		close(server.release)
		conn.expect("<VER=1&wait>\r\n")
	})
}

func TestStreamEndsOnceHoweverConnectionEnds(t *testing.T) {
	for name, end := range map[string]func(*lineServer, *testClient){
		"the client leaves":     func(_ *lineServer, c *testClient) { _ = c.Close() },
		"the stream closes":     func(server *lineServer, _ *testClient) { server.conn.Close(); server.conn.Close() },
		"the server shuts down": func(server *lineServer, _ *testClient) { _ = server.Shutdown(context.Background()) },
		"a record panics":       func(_ *lineServer, c *testClient) { c.send("VER=1&panic\n") },
		"too much is ignored": func(_ *lineServer, c *testClient) {
			_,
				_ = io.WriteString(c, strings.Repeat("\n", 5000))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := startServer(t, line.Limits{})
				conn := server.dial()
				end(server, conn)
				synctest.Wait()
				if n := server.closedStreams.Load(); n != 1 {
					t.Errorf("it ended %d times", n)
				}
				if err := server.conn.Push([]byte("late")); err == nil {
					t.Error("a push to nobody is no error")
				}
			})
		})
	}
}

func TestPanicIsLoggedWithStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := startServer(t, line.Limits{})
		conn := server.dial()
		conn.send("VER=1&panic\n")
		conn.expectEnd()
		synctest.Wait()
		if got := server.log.String(); !strings.Contains(got, "as asked") || !strings.Contains(got, "helpers_test.go") {
			t.Errorf("logged %q", got)
		}
	})
}

func TestClosedStreamEndsConnection(t *testing.T) {
	for name, busy := range map[string]func(*lineServer, *testClient){
		"waiting for a record": func(*lineServer, *testClient) {},
		"waiting for the rest": func(_ *lineServer, c *testClient) { c.send("VER=1") },
		"pushing to a slow one": func(server *lineServer,
			_ *testClient) {
			go func() { _ = server.conn.Push([]byte("p")) }()
		},
		"answering to a slow one": func(_ *lineServer, c *testClient) { c.send("VER=1\n") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := startServer(t, line.Limits{})
				conn := server.dial()
				busy(server, conn)
				synctest.Wait()
				begin := time.Now()
				server.conn.Close()
				synctest.Wait()
				if server.closedStreams.Load() != 1 || time.Since(begin) != 0 {
					t.Errorf("ended %d times in %v", server.closedStreams.Load(), time.Since(begin))
				}
			})
		})
	}
}

func TestShutdownFinishesRecordsAndEndsIdleLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := startServer(t, line.Limits{})
		idle, half, busy := server.dial(), server.dial(), server.dial()
		half.send("VER=1")
		busy.send("VER=1&wait\nVER=2\n")
		done := make(chan error)
		go func() { done <- server.Shutdown(context.Background()) }()
		if timeout := idle.expectEnd() + half.expectEnd(); timeout != 0 {
			t.Errorf("idle ones took %v to end", timeout)
		}
		close(server.release)
		busy.expect("<VER=1&wait>\r\n", "<VER=2>\r\n")
		busy.expectEnd()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
