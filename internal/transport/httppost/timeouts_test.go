package httppost_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
)

// testInMemory runs a test in virtual time with an in-memory server.
func testInMemory(t *testing.T, cfg httppost.Config, test func(t *testing.T, s *transport.Server, p *pipeListener)) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPipeListener(), newServer(t, cfg)
		go func() { _ = s.Serve(p) }()
		test(t, s, p)
	})
}

// advance lets virtual time pass.
func advance(timeout time.Duration) { time.Sleep(timeout) }

// sendSlowly sends text in the background, one byte per second, until the server closes.
func (c *testClient) sendSlowly(text string) {
	ended := make(chan struct{})
	c.tb.Cleanup(func() { <-ended })
	go func() {
		defer close(ended)
		for i := range len(text) {
			advance(time.Second)
			if _, err := io.WriteString(c, text[i:i+1]); err != nil {
				return
			}
		}
	}()
}

func expectDuration(t *testing.T, what string, got, least, most time.Duration) {
	t.Helper()
	if got < least || got > most {
		t.Errorf("%s after %v, want %v to %v", what, got, least, most)
	}
}

func TestSilentConnectionIsClosedWithoutAnswer(t *testing.T) {
	testInMemory(t, httppost.Config{}, func(t *testing.T, _ *transport.Server, p *pipeListener) {
		c, begin := p.dial(t), time.Now()
		c.expectEnd()
		expectDuration(t, "closed", time.Since(begin), 10*time.Second, 13*time.Second)
		// The client must receive the whole answer first.
		if _, err := c.Write([]byte("x")); err == nil {
			t.Error("it was only half closed")
		}
	})
}

func TestBlankLinesDoNotExtendTimeout(t *testing.T) {
	testInMemory(t, httppost.Config{}, func(t *testing.T, _ *transport.Server, p *pipeListener) {
		c, begin := p.dial(t), time.Now()
		c.sendSlowly(strings.Repeat("\r\n", 100))
		c.expectEnd()
		expectDuration(t, "closed", time.Since(begin), 10*time.Second, 13*time.Second)
	})
}

func TestLateRequestIsAnswered408(t *testing.T) {
	for _, c := range []struct {
		name, whole, slow, text string
		after                   time.Duration
	}{
		{"a header that stops", "POST / HTTP/1.1\r\nHo", "", "header", 10 * time.Second},
		{"a header that trickles", "POST / HTTP/1.1\r\nX: ", strings.Repeat("x", 100), "header", 10 * time.Second},
		{"a header of a GET that trickles", "GET / HTTP/1.1\r\nX: ", strings.Repeat("x", 100), "header",
			10 * time.Second},
		{"a body that stops", "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc", "", "body", 20 * time.Second},
		{"a body that trickles", "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n", strings.Repeat("x", 100), "body",
			20 * time.Second},
		{"chunks that trickle", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
			strings.Repeat("1\r\na\r\n", 20), "body", 20 * time.Second},
		{"a trailer that trickles", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
			strings.Repeat("X: y\r\n", 20), "body", 20 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			testInMemory(t, httppost.Config{Handler: unexpectedRecord(t), Pages: unexpectedPage(t)},
				func(t *testing.T, _ *transport.Server, p *pipeListener) {
					conn, begin := p.dial(t), time.Now()
					conn.send(c.whole)
					conn.sendSlowly(c.slow)
					resp, body := conn.readResponse()
					if resp.StatusCode != http.StatusRequestTimeout || !strings.Contains(body, c.text) || !resp.Close {
						t.Errorf("got %s %q", resp.Status, body)
					}
					expectDuration(t, "answered", time.Since(begin), c.after, c.after)
					_ = conn.Close()
				})
		})
	}
}

func TestIdleConnectionStaysForNextPoll(t *testing.T) {
	testInMemory(t, httppost.Config{}, func(t *testing.T, _ *transport.Server, p *pipeListener) {
		c := p.dial(t)
		for range 10 {
			c.send(buildPost("a"))
			c.expectBody("<a>")
			advance(74 * time.Second)
		}
		c.send(buildPost("a"))
		c.expectBody("<a>")
		begin := time.Now()
		c.expectEnd()
		expectDuration(t, "closed", time.Since(begin), 75*time.Second, 94*time.Second)
	})
}

func TestSlowHandlerOutlivesDeadlines(t *testing.T) {
	slow := handlerFunc(func(_ context.Context, _ *transport.Peer, _, dst []byte) []byte {
		advance(time.Hour)
		return append(dst, "late"...)
	})
	testInMemory(t, httppost.Config{Handler: slow}, func(t *testing.T, _ *transport.Server, p *pipeListener) {
		c := p.dial(t)
		for range 2 {
			c.send(buildPost("a"))
			c.expectBody("late")
		}
	})
}

func TestClientThatDoesNotReadIsCut(t *testing.T) {
	testInMemory(t, httppost.Config{}, func(t *testing.T, _ *transport.Server, p *pipeListener) {
		c, begin := p.dial(t), time.Now()
		c.send(buildPost("a"))
		// A pipe has no buffer, so the server's write blocks. It ends when the client can no longer
		// send.
		for err := error(nil); err == nil; {
			_, err = c.Write([]byte("\r\n"))
		}
		expectDuration(t, "cut", time.Since(begin), 20*time.Second, 26*time.Second)
	})
}

func TestSlowPageIsCut(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(make([]byte, 1<<20))
	})
	testInMemory(t, httppost.Config{Pages: page}, func(t *testing.T, _ *transport.Server, p *pipeListener) {
		c, begin := p.dial(t), time.Now()
		c.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		for err := error(nil); err == nil; {
			_, err = c.Write([]byte("x"))
		}
		expectDuration(t, "cut", time.Since(begin), 60*time.Second, 61*time.Second)
	})
}

func TestTricklingPageBodyIsCut(t *testing.T) {
	testInMemory(t, httppost.Config{}, func(t *testing.T, _ *transport.Server, p *pipeListener) {
		c, begin := p.dial(t), time.Now()
		c.send("POST /other HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
		c.sendSlowly(strings.Repeat("x", 100))
		if _, err := c.reader.Peek(1); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		expectDuration(t, "ended", time.Since(begin), 60*time.Second, 61*time.Second)
	})
}

func TestAnsweredConnectionIsDrainedBriefly(t *testing.T) {
	closing := "POST / HTTP/1.1\r\nConnection: close\r\n\r\n"
	t.Run("for 500 ms", func(t *testing.T) {
		testInMemory(t, httppost.Config{}, func(t *testing.T, _ *transport.Server, p *pipeListener) {
			c := p.dial(t)
			c.send(closing)
			c.expectBody("<>")
			c.expectEnd()
			begin := time.Now()
			for err := error(nil); err == nil; {
				advance(time.Millisecond)
				_, err = c.Write([]byte("x"))
			}
			expectDuration(t, "closed", time.Since(begin), 500*time.Millisecond, 510*time.Millisecond)
		})
	})
	t.Run("of 256 KiB", func(t *testing.T) {
		testInMemory(t, httppost.Config{}, func(t *testing.T, _ *transport.Server, p *pipeListener) {
			c := p.dial(t)
			c.send(closing)
			c.expectBody("<>")
			begin := time.Now()
			n, err := c.Write(make([]byte, 1<<20))
			if err == nil || n != 256<<10 {
				t.Errorf("%d bytes were taken, then %v", n, err)
			}
			expectDuration(t, "closed", time.Since(begin), 0, 0)
		})
	})
	t.Run("not longer than the client stays", func(t *testing.T) {
		testInMemory(t, httppost.Config{}, func(t *testing.T, s *transport.Server, p *pipeListener) {
			c := p.dial(t)
			c.send(closing)
			c.expectBody("<>")
			_ = c.Close()
			begin := time.Now()
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			expectDuration(t, "gone", time.Since(begin), 0, 0)
		})
	})
}

// gatedHandler answers when open is closed.
type gatedHandler struct{ entered, open chan struct{} }

func newGatedHandler() *gatedHandler { return &gatedHandler{make(chan struct{}), make(chan struct{})} }

func (g *gatedHandler) AppendAnswer(ctx context.Context, p *transport.Peer, record, dst []byte) []byte {
	g.entered <- struct{}{}
	select {
	case <-g.open:
		return echoHandler(ctx, p, record, dst)
	case <-ctx.Done():
		return append(dst, "given up"...)
	}
}

func TestShutdownFinishesTheRequestInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGatedHandler()
		p, s := newPipeListener(), newServer(t, httppost.Config{Handler: g})
		served := make(chan error, 1)
		go func() { served <- s.Serve(p) }()
		busy, idle := p.dial(t), p.dial(t)
		// The second request has arrived but is not started.
		busy.send(buildPost("a") + buildPost("b"))
		<-g.entered

		begin, ended := time.Now(), make(chan error, 1)
		go func() { ended <- s.Shutdown(t.Context()) }()
		idle.expectEnd()
		expectDuration(t, "the idle one closed", time.Since(begin), 0, 0)
		if err := <-served; err != nil {
			t.Error("serve:", err)
		}
		synctest.Wait()
		if len(ended) > 0 {
			t.Error("shutdown did not wait")
		}

		close(g.open)
		resp, body := busy.readResponse()
		if body != "<a>" || !resp.Close {
			t.Errorf("got %q, close %v", body, resp.Close)
		}
		busy.expectEnd()
		_ = busy.Close()
		if err := <-ended; err != nil {
			t.Error("shutdown:", err)
		}
	})
}

func TestShutdownWaitsForStartedRequest(t *testing.T) {
	testInMemory(t, httppost.Config{}, func(t *testing.T, s *transport.Server, p *pipeListener) {
		c := p.dial(t)
		c.send("POST / HTTP/1.1\r\nContent-Le")
		synctest.Wait()
		ended := make(chan error, 1)
		go func() { ended <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		c.send("ngth: 1\r\n\r\na")
		c.expectBody("<a>")
		c.expectEnd()
		_ = c.Close()
		if err := <-ended; err != nil {
			t.Error("shutdown:", err)
		}
	})
}

func TestShutdownIsForcedAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGatedHandler()
		p, s := newPipeListener(), newServer(t, httppost.Config{Handler: g})
		go func() { _ = s.Serve(p) }()
		c := p.dial(t)
		c.send(buildPost("a"))
		<-g.entered
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		begin := time.Now()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		expectDuration(t, "returned", time.Since(begin), 7*time.Second, 7*time.Second)
		c.expectEnd()
	})
}

func TestShutdownWaitsForAPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entered, open := make(chan struct{}), make(chan struct{})
		page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			<-open
			_, _ = io.WriteString(w, "page")
		})
		p, s := newPipeListener(), newServer(t, httppost.Config{Pages: page})
		go func() { _ = s.Serve(p) }()
		c := p.dial(t)
		c.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		<-entered
		ended := make(chan error, 1)
		go func() { ended <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		if len(ended) > 0 {
			t.Error("shutdown did not wait")
		}
		close(open)
		c.expectBody("page")
		_ = c.Close()
		if err := <-ended; err != nil {
			t.Error("shutdown:", err)
		}
	})
}
