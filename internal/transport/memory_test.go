package transport_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
)

// bigBody needs an input buffer of 64 KiB. halfBody is the part that is sent.
var (
	bigBody  = strings.Repeat("a", 60_000)
	halfBody = bigBody[:20_000]
)

// bigPost is the header of a request with bigBody.
var bigPost = "POST / HTTP/1.1\r\nContent-Length: " + strconv.Itoa(len(bigBody)) + "\r\n\r\n"

// maskedMessage returns a WebSocket text message, masked with zeros.
func maskedMessage(text string) string {
	head := binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(text)))
	return string(head) + "\x00\x00\x00\x00" + text
}

// partialRequests are the ways to send only part of a big request.
var partialRequests = map[string]func(conn net.Conn){
	"a body": func(conn net.Conn) { sendInBackground(conn, bigPost+halfBody) },
	"chunks": func(conn net.Conn) {
		sendInBackground(conn, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nea60\r\n"+bigBody[:40_000])
	},
	"a line":   func(conn net.Conn) { sendInBackground(conn, "VER=1&"+halfBody) },
	"messages": func(conn net.Conn) { sendOnWebSocket(conn, maskedMessage(bigBody)[:40_000]) },
	"a body behind a whole one": func(conn net.Conn) {
		sendInBackground(conn, bigPost+bigBody+bigPost+halfBody)
		response, _ := http.ReadResponse(bufio.NewReader(conn), nil)
		_, _ = io.Copy(io.Discard, response.Body)
	},
}

// startWithSmallMemory limits request memory to 256 KiB: four big requests or three big lines.
func startWithSmallMemory(t *testing.T) (*fakeListener, *logBuffer) {
	_, listener, log := startServer(t, transport.Config{Protocol: newDetectorWithAll(bracketHandler{}),
		Limits: transport.Limits{RequestMemory: 256 << 10}})
	return listener, log
}

// readUntilQuiet returns what has arrived, and whether the connection is still open.
func readUntilQuiet(conn net.Conn) (came string, open bool) {
	_ = conn.SetReadDeadline(time.Now().Add(time.Nanosecond))
	b, err := io.ReadAll(conn)
	_ = conn.SetReadDeadline(time.Time{})
	return string(b), errors.Is(err, os.ErrDeadlineExceeded)
}

// expectBigAnswer sends a big request and checks its answer.
func expectBigAnswer(t *testing.T, conn net.Conn) {
	t.Helper()
	sendInBackground(conn, bigPost+bigBody)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(response.Body); string(body) != "("+bigBody+")" {
		t.Fatalf("answered %s and %d bytes", response.Status, len(body))
	}
}

func TestIncompleteRequestsShareMemoryLimit(t *testing.T) {
	for name, begin := range partialRequests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener, log := startWithSmallMemory(t)
				var holders []net.Conn
				for range 20 {
					conn, _ := listener.dial(t, "192.0.2.1")
					begin(conn)
					synctest.Wait()
					holders = append(holders, conn)
				}
				open := 0
				for i, conn := range holders {
					came, isOpen := readUntilQuiet(conn)
					switch {
					case isOpen:
						open++
					case open > 0:
						t.Errorf("connection %d lost its reservation, and an older one did not", i)
					case strings.Contains(name, "body") && !strings.HasPrefix(came, "HTTP/1.1 503 "):
						t.Errorf("connection %d was told %.50q", i, came)
					}
				}
				if open < 1 || open > 256<<10/40_000 {
					t.Errorf("%d connections have reserved memory, want 1 to %d", open, 256<<10/40_000)
				}
				if got := log.drain(); strings.Count(got, "--max-request-memory") != 1 {
					t.Errorf("logged %q", got)
				}
				honest, _ := listener.dial(t, "192.0.2.2")
				expectBigAnswer(t, honest)
			})
		})
	}
}

func TestAllProtocolsShareMemoryLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, _ := startWithSmallMemory(t)
		var holders []net.Conn
		for range 3 {
			for _, begin := range partialRequests {
				conn, _ := listener.dial(t, "192.0.2.1")
				begin(conn)
				synctest.Wait()
				holders = append(holders, conn)
			}
		}
		open := 0
		for _, conn := range holders {
			if _, isOpen := readUntilQuiet(conn); isOpen {
				open++
			}
		}
		if open < 1 || open > 256<<10/40_000 {
			t.Errorf("%d connections have reserved memory, want 1 to %d", open, 256<<10/40_000)
		}
	})
}

// TestFinishedRequestsReleaseMemory lets many connections reserve memory one after another; no
// reservation is ever revoked.
func TestFinishedRequestsReleaseMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener, log := startWithSmallMemory(t)
		var kept []net.Conn
		for range 20 {
			conn, _ := listener.dial(t, "192.0.2.1")
			expectBigAnswer(t, conn)
			kept = append(kept, conn)
			l, _ := listener.dial(t, "192.0.2.1")
			sendInBackground(l, "VER=1&"+bigBody+"\n")
			_, _ = bufio.NewReader(l).ReadString('\n')
			kept = append(kept, l)
			ws, _ := listener.dial(t, "192.0.2.1")
			sendOnWebSocket(ws, maskedMessage(bigBody))
			synctest.Wait()
			_, _ = readUntilQuiet(ws)
			kept = append(kept, ws)
			for _, begin := range partialRequests {
				conn, _ := listener.dial(t, "192.0.2.1")
				begin(conn)
				synctest.Wait()
				_ = conn.Close()
				synctest.Wait()
			}
		}
		for i, conn := range kept {
			if came, open := readUntilQuiet(conn); !open {
				t.Errorf("connection %d is closed, after %.50q", i, came)
			}
		}
		if got := log.drain(); got != "" {
			t.Errorf("logged %q", got)
		}
	})
}

func TestSmallRequestReservesNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, listener, log := startServer(t, transport.Config{Protocol: newDetectorWithAll(bracketHandler{}),
			Limits: transport.Limits{RequestMemory: 1}})
		conn, _ := listener.dial(t, "192.0.2.1")
		sendInBackground(conn, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nVER=1")
		if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil ||
			response.StatusCode != http.StatusOK {
			t.Errorf("answered %v, %v", response, err)
		}
		half, _ := listener.dial(t, "192.0.2.1")
		sendInBackground(half, "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nVER=1")
		synctest.Wait()
		if _, open := readUntilQuiet(half); !open || log.drain() != "" {
			t.Error("a small incomplete request was dropped")
		}
	})
}
