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

// scriptedServer is a server that says what a test has written down, over pipes, so
// that time can be virtual.
type scriptedServer struct {
	*testing.T
	// handleConn answers one connection, counted from 0, and closes it when it
	// returns.
	handleConn func(n int, c *scriptedConn)
	// refusesConn says of a connection whether it cannot be made.
	refusesConn func(n int) bool

	goroutines sync.WaitGroup
	mu         sync.Mutex // guards dialed
	dialedAt   []time.Time
}

// scriptedConn is the server's side of a line.
type scriptedConn struct {
	net.Conn
	reader *bufio.Reader
}

// receivedRecord is a record that the client has sent.
type receivedRecord struct {
	line string
	wire.Record
}

func (a *receivedRecord) value(key string) string {
	raw, _ := a.Raw(key)
	return string(raw)
}

// readRecord reads a record; nil when the client has gone.
func (c *scriptedConn) readRecord() *receivedRecord {
	line, err := c.reader.ReadString('\n')
	if err != nil {
		return nil
	}
	a := &receivedRecord{line: strings.TrimSuffix(line, "\n")}
	a.Parse([]byte(a.line))
	return a
}

func (c *scriptedConn) writeLine(format string, args ...any) { fmt.Fprintf(c, format+"\r\n", args...) }

// answer answers a record with RES and what follows it.
func (c *scriptedConn) answer(a *receivedRecord, rest string) {
	c.writeLine("VER=%s&CMD=%s&SEQ=%s&UIN=%s&RES=%s", a.value("VER"), a.value("CMD"), a.value("SEQ"), a.value("UIN"), rest)
}

const (
	token             = "rk_0123456789012345678901234567890123456789012"
	loginAnswer       = "0&RS=0&HI=60&LI=300"
	deviceLoginAnswer = loginAnswer + "&SID=" + token
	emptyFriendPage   = "0&FN=1&SN=0&UN="
	emptyHistory      = "0&FN=1&SN=0&ID=&TM=&MT=&UN=&MG="
	pushedText        = "VER=1.4&CMD=Server_Msg&SEQ=%d&UIN=10001&RES=0&MN=1&MT=9&UN=10002&MG=%s"
)

// answerCommon answers what clients ask to sign in and to be heard of, and reports
// whether the record was such.
func (c *scriptedConn) answerCommon(a *receivedRecord) bool {
	switch a.value("CMD") {
	case "Login":
		if a.value("DV") != "" {
			c.answer(a, deviceLoginAnswer)
		} else {
			c.answer(a, loginAnswer)
		}
	case "List":
		c.answer(a, emptyFriendPage)
	case "History":
		c.answer(a, emptyHistory)
	default:
		return false
	}
	return true
}

// answerUntilClosed answers the usual records; the others go to other.
func (c *scriptedConn) answerUntilClosed(other func(*receivedRecord)) {
	for a := c.readRecord(); a != nil; a = c.readRecord() {
		if !c.answerCommon(a) {
			other(a)
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

// dialIntervals are the times between attempts to connect, from the nth on.
func (s *scriptedServer) dialIntervals(n int) []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gaps []time.Duration
	for i := n + 1; i < len(s.dialedAt); i++ {
		gaps = append(gaps, s.dialedAt[i].Sub(s.dialedAt[i-1]))
	}
	return gaps
}

// withScriptedClient signs in to a script, in virtual time.
func withScriptedClient(t *testing.T, s *scriptedServer, test func(t *testing.T, messenger *client.Client), opts ...client.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.T = t
		opts := append([]client.Option{client.Password(password), client.Dialer(s.dial)}, opts...)
		messenger, err := client.Dial(t.Context(), "qq://10001@server:14000", opts...)
		if err != nil {
			t.Fatal(err)
		}
		test(t, messenger)
		messenger.Close()
		s.goroutines.Wait()
	})
}

func TestTheServerHearsOfTheSessionAsOftenAsItAsksFor(t *testing.T) {
	var heard []time.Time
	s := &scriptedServer{handleConn: func(_ int, c *scriptedConn) {
		for a := c.readRecord(); a != nil; a = c.readRecord() {
			heard = append(heard, time.Now())
			c.answerCommon(a)
		}
	}}
	withScriptedClient(t, s, func(t *testing.T, messenger *client.Client) {
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

func TestAServerThatFallsSilentIsLeft(t *testing.T) {
	s := &scriptedServer{handleConn: func(n int, c *scriptedConn) {
		for a := c.readRecord(); a != nil; a = c.readRecord() {
			if n > 0 || a.value("CMD") == "Login" {
				c.answerCommon(a)
			}
		}
	}}
	withScriptedClient(t, s, func(t *testing.T, messenger *client.Client) {
		time.Sleep(66 * time.Second) // a heartbeat, and 20 s
		synctest.Wait()
		if len(s.dialedAt) != 2 || !messenger.State().Connected {
			t.Errorf("%d connections were made, the state is %+v", len(s.dialedAt), messenger.State())
		}
	})
}

func TestPausesGrowUpToABoundAndEndInAConnection(t *testing.T) {
	const refused = 12
	s := &scriptedServer{
		handleConn: func(n int, c *scriptedConn) {
			if a := c.readRecord(); a != nil {
				c.answerCommon(a)
			}
			if n == 0 {
				c.reader.Peek(1)
				return
			}
			c.answerUntilClosed(func(*receivedRecord) {})
		},
		refusesConn: func(n int) bool { return 0 < n && n <= refused },
	}
	withScriptedClient(t, s, func(t *testing.T, messenger *client.Client) {
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
		gaps := s.dialIntervals(1)
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

func TestAConnectionThatIsTakenOverAgainAndAgainIsNoWar(t *testing.T) {
	s := &scriptedServer{handleConn: func(_ int, c *scriptedConn) {
		if a := c.readRecord(); a != nil {
			c.answerCommon(a)
		}
	}}
	withScriptedClient(t, s, func(t *testing.T, messenger *client.Client) {
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		gaps := s.dialIntervals(0)
		if len(gaps) > 15 || slices.Min(gaps[2:]) < 30*time.Second {
			t.Errorf("attempts were made after %v", gaps)
		}
	})
}
