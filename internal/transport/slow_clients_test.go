package transport_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
	"github.com/rookery-im/rookery/internal/transport/line"
	"github.com/rookery-im/rookery/internal/transport/websocket"
)

// newPages returns a page that reads a body, a long page, and a WebSocket.
func newPages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/body", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	mux.Handle("/ws", websocket.New(websocket.Config{Handler: bracketHandler{}, Log: discardLog}))
	return mux
}

// newDetectorWithAll returns a detector with all protocols; h answers records by POST.
func newDetectorWithAll(h transport.RecordHandler) *transport.ProtocolDetector {
	return &transport.ProtocolDetector{
		HTTP: httppost.New(httppost.Config{Handler: h, Pages: newPages(), Log: discardLog}),
		Line: line.New(line.Config{Handler: bracketHandler{}, Log: discardLog}),
	}
}

const (
	upgradeRequest = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	// A text message, masked with zeros, complete and in half.
	wsRecord     = "\x81\x85\x00\x00\x00\x00VER=1"
	wsHalfRecord = "\x81\x85\x00\x00\x00\x00VER"
)

func sendInBackground(conn net.Conn, text string) { go func() { _, _ = io.WriteString(conn, text) }() }

// sendOnWebSocket opens a WebSocket and sends text on it.
func sendOnWebSocket(conn net.Conn, text string) {
	sendInBackground(conn, upgradeRequest)
	_, _ = http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
	sendInBackground(conn, text)
}

func TestSlowClientsDoNotDelayShutdown(t *testing.T) {
	posts := func(n int) string {
		return strings.Repeat("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nVER=1", n)
	}
	for name, begin := range map[string]func(conn net.Conn){
		"half a header": func(conn net.Conn) { sendInBackground(conn, "POST / HTTP/1.1\r\nConte") },
		"half a body": func(conn net.Conn) {
			sendInBackground(conn,
				"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nVE")
		},
		"half a body in chunks": func(conn net.Conn) {
			sendInBackground(conn, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nVE")
		},
		"half a body for a page": func(conn net.Conn) {
			sendInBackground(conn, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nVE")
		},
		"half a line":                    func(conn net.Conn) { sendInBackground(conn, "VER=1") },
		"half a message on a WebSocket":  func(conn net.Conn) { sendOnWebSocket(conn, wsHalfRecord) },
		"an answer that is not read":     func(conn net.Conn) { sendInBackground(conn, posts(1)) },
		"many answers that are not read": func(conn net.Conn) { sendInBackground(conn, posts(1000)) },
		"a page that is not read": func(conn net.Conn) {
			sendInBackground(conn,
				"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
		},
		"a line's answer that is not read": func(conn net.Conn) { sendInBackground(conn, "VER=1\n") },
		"a line's answers that are not read": func(conn net.Conn) {
			sendInBackground(conn,
				strings.Repeat("VER=1\n", 1000))
		},
		"an upgrade whose answer is not read": func(conn net.Conn) { sendInBackground(conn, upgradeRequest) },
		"a WebSocket's answer that is not read": func(conn net.Conn) {
			sendOnWebSocket(conn, wsRecord+wsRecord)
		},
		"a page that is read byte by byte": func(conn net.Conn) {
			sendInBackground(conn, "GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
			go func() {
				for err := error(nil); err == nil; {
					_, err = conn.Read(make([]byte, 1))
					<-time.After(100 * time.Millisecond)
				}
			}()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, listener, _ := startServer(t, transport.Config{Protocol: newDetectorWithAll(bracketHandler{})})
				conn, _ := listener.dial(t, "192.0.2.1")
				begin(conn)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				startedAt := time.Now()
				if err := server.Shutdown(ctx); err != nil {
					t.Error("shutdown:", err)
				}
				if d := time.Since(startedAt); d > 4*time.Second {
					t.Errorf("it took %v", d)
				}
				_ = conn.Close()
				<-time.After(time.Second) // for clients that still read
			})
		})
	}
}

func TestShutdownAnswersIncompleteRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, listener, _ := startServer(t, transport.Config{Protocol: newDetectorWithAll(bracketHandler{})})
		conn, _ := listener.dial(t, "192.0.2.1")
		sendInBackground(conn, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nVE")
		synctest.Wait()
		go func() { _ = server.Shutdown(context.Background()) }()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || response.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("answered %v, %v", response, err)
		}
	})
}

// delayedHandler answers after a delay.
type delayedHandler time.Duration

func (d delayedHandler) AppendAnswer(_ context.Context, _ *transport.Peer, record, dst []byte) []byte {
	<-time.After(time.Duration(d))
	return append(dst, record...)
}

// An accepted request is completed and its client gets the answer, long after the shutdown's grace
// has ended.
func TestShutdownAnswersAcceptedRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := delayedHandler(8 * time.Second)
		server, listener, _ := startServer(t, transport.Config{Protocol: newDetectorWithAll(handler)})
		reads, _ := listener.dial(t, "192.0.2.1")
		silent, _ := listener.dial(t, "192.0.2.1")
		for _, conn := range []net.Conn{reads, silent} {
			sendInBackground(conn, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nVER=1")
		}
		synctest.Wait()
		startedAt, ended := time.Now(), make(chan error, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		go func() { ended <- server.Shutdown(ctx) }()
		response, err := http.ReadResponse(bufio.NewReader(reads), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(response.Body); string(body) != "VER=1" {
			t.Errorf("answered %q", body)
		}
		if err := <-ended; err != nil || time.Since(startedAt) != 8500*time.Millisecond {
			t.Errorf("ended with %v after %v", err, time.Since(startedAt))
		}
	})
}

func TestShutdownReportsHandlerThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := delayedHandler(12 * time.Second)
		server, listener, _ := startServer(t, transport.Config{Protocol: newDetectorWithAll(handler)})
		conn, _ := listener.dial(t, "192.0.2.1")
		sendInBackground(conn, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nVER=1")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
	})
}
