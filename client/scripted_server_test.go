package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/client"
	"github.com/rookery-im/rookery/wire"
)

// scriptedServer is a server whose answers a test defines. It uses pipes, so that tests
// can run in virtual time.
type scriptedServer struct {
	*testing.T
	// handleConn serves the nth connection, counted from 0. The connection closes when
	// it returns.
	handleConn func(n int, conn *scriptedConn)
	// refusesConn reports whether the nth connection is refused.
	refusesConn func(n int) bool

	goroutines sync.WaitGroup
	mu         sync.Mutex // guards dialedAt
	dialedAt   []time.Time
}

// scriptedConn is the server's end of a connection.
type scriptedConn struct {
	net.Conn
	reader *bufio.Reader
}

// receivedRecord is a record from the client.
type receivedRecord struct {
	line string
	wire.Record
}

func (a *receivedRecord) value(key string) string {
	raw, _ := a.Raw(key)
	return string(raw)
}

// readRecord returns the next record, or nil when the client has closed the connection.
func (c *scriptedConn) readRecord() *receivedRecord {
	line, err := c.reader.ReadString('\n')
	if err != nil {
		return nil
	}
	record := &receivedRecord{line: strings.TrimSuffix(line, "\n")}
	record.Parse([]byte(record.line))
	return record
}

func (c *scriptedConn) writeLine(format string, args ...any) { fmt.Fprintf(c, format+"\r\n", args...) }

// answer answers a record. rest is the result code and any further fields.
func (c *scriptedConn) answer(record *receivedRecord, rest string) {
	c.writeLine("VER=%s&CMD=%s&SEQ=%s&UIN=%s&RES=%s", record.value("VER"), record.value("CMD"), record.value("SEQ"),
		record.value("UIN"), rest)
}

const (
	token             = "rk_0123456789012345678901234567890123456789012"
	loginAnswer       = "0&RS=0&HI=60&LI=300"
	deviceLoginAnswer = loginAnswer + "&SID=" + token
	emptyFriendPage   = "0&FN=1&SN=0&UN="
	emptyHistory      = "0&FN=1&SN=0&ID=&TM=&MT=&UN=&MG="
	pushedText        = "VER=1.4&CMD=Server_Msg&SEQ=%d&UIN=10001&RES=0&MN=1&MT=9&UN=10002&MG=%s"
)

// answerCommon answers sign-ins and heartbeats. It returns false for other records.
func (c *scriptedConn) answerCommon(record *receivedRecord) bool {
	switch record.value("CMD") {
	case "Login":
		if record.value("DV") != "" {
			c.answer(record, deviceLoginAnswer)
		} else {
			c.answer(record, loginAnswer)
		}
	case "List":
		c.answer(record, emptyFriendPage)
	case "History":
		c.answer(record, emptyHistory)
	default:
		return false
	}
	return true
}

// answerUntilClosed answers sign-ins and heartbeats, and passes other records to other.
func (c *scriptedConn) answerUntilClosed(other func(*receivedRecord)) {
	for record := c.readRecord(); record != nil; record = c.readRecord() {
		if !c.answerCommon(record) {
			other(record)
		}
	}
}

var errUnreachable = errors.New("no way to there")

func (s *scriptedServer) dial(context.Context, string, string) (net.Conn, error) {
	s.mu.Lock()
	n := len(s.dialedAt)
	s.dialedAt = append(s.dialedAt, time.Now())
	s.mu.Unlock()
	if s.refusesConn != nil && s.refusesConn(n) {
		return nil, errUnreachable
	}
	near, far := net.Pipe()
	s.goroutines.Go(func() {
		defer far.Close()
		s.handleConn(n, &scriptedConn{far, bufio.NewReader(far)})
	})
	return near, nil
}

// dialIntervals returns the times between connection attempts, from the nth on.
func (s *scriptedServer) dialIntervals(n int) []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gaps []time.Duration
	for i := n + 1; i < len(s.dialedAt); i++ {
		gaps = append(gaps, s.dialedAt[i].Sub(s.dialedAt[i-1]))
	}
	return gaps
}

// withScriptedClient runs a test in virtual time with a client that is signed in to server.
func withScriptedClient(t *testing.T, server *scriptedServer, test func(t *testing.T, messenger *client.Client),
	opts ...client.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server.T = t
		opts := append([]client.Option{client.Password(password), client.Dialer(server.dial)}, opts...)
		messenger, err := client.Dial(t.Context(), "qq://10001@server:14000", opts...)
		if err != nil {
			t.Fatal(err)
		}
		test(t, messenger)
		messenger.Close()
		server.goroutines.Wait()
	})
}

func TestHeartbeatsAreAsFrequentAsTheServerAsks(t *testing.T) {
	var heard []time.Time
	server := &scriptedServer{handleConn: func(_ int, conn *scriptedConn) {
		for record := conn.readRecord(); record != nil; record = conn.readRecord() {
			heard = append(heard, time.Now())
			conn.answerCommon(record)
		}
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		time.Sleep(10 * time.Minute) // of virtual time
		synctest.Wait()
		for i := 1; i < len(heard); i++ {
			if gap := heard[i].Sub(heard[i-1]); gap > 60*time.Second {
				t.Errorf("nothing was heard for %v", gap)
			}
		}
		if time.Since(heard[len(heard)-1]) > time.Minute || len(heard) > 20 {
			t.Errorf("%d records came, the last %v ago", len(heard), time.Since(heard[len(heard)-1]))
		}
	})
}

func TestASilentConnectionIsReplaced(t *testing.T) {
	server := &scriptedServer{handleConn: func(n int, conn *scriptedConn) {
		for record := conn.readRecord(); record != nil; record = conn.readRecord() {
			if n > 0 || record.value("CMD") == "Login" {
				conn.answerCommon(record)
			}
		}
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		time.Sleep(66 * time.Second) // a heartbeat and the 20 s timeout of its answer
		synctest.Wait()
		if len(server.dialedAt) != 2 || !messenger.State().Connected {
			t.Errorf("%d connections were made, the state is %+v", len(server.dialedAt), messenger.State())
		}
	})
}

func TestRetryDelaysGrowUpToALimit(t *testing.T) {
	const refused = 12
	server := &scriptedServer{
		handleConn: func(n int, conn *scriptedConn) {
			if record := conn.readRecord(); record != nil {
				conn.answerCommon(record)
			}
			if n == 0 {
				conn.reader.Peek(1)
				return
			}
			conn.answerUntilClosed(func(*receivedRecord) {})
		},
		refusesConn: func(n int) bool { return 0 < n && n <= refused },
	}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		time.Sleep(46 * time.Second) // the first heartbeat ends the first connection
		synctest.Wait()
		if state := messenger.State(); state.Connected || state.Err == nil || !state.RetryAt.After(time.Now()) {
			t.Errorf("the state is %+v", state)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if state := messenger.State(); !state.Connected || state.Err != nil {
			t.Errorf("the state is %+v", state)
		}
		gaps := server.dialIntervals(1)
		if len(gaps) != refused {
			t.Fatalf("%d attempts were made: %v", len(gaps), gaps)
		}
		longest := 500 * time.Millisecond
		for i, gap := range gaps {
			longest = min(2*longest, 30*time.Second)
			if gap < longest/2 || gap > longest {
				t.Errorf("pause %d is %v, expected is up to %v", i, gap, longest)
			}
		}
	})
}

func TestRepeatedTakeoversSlowDownReconnecting(t *testing.T) {
	server := &scriptedServer{handleConn: func(_ int, conn *scriptedConn) {
		if record := conn.readRecord(); record != nil {
			conn.answerCommon(record)
		}
	}}
	withScriptedClient(t, server, func(t *testing.T, messenger *client.Client) {
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		gaps := server.dialIntervals(0)
		if len(gaps) > 15 || slices.Min(gaps[2:]) < 30*time.Second {
			t.Errorf("attempts were made after %v", gaps)
		}
	})
}
