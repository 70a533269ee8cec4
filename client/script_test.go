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

// script is a server that says what a test has written down, over pipes, so
// that time can be virtual.
type script struct {
	*testing.T
	// serve answers one connection, counted from 0, and closes it when it
	// returns.
	serve func(n int, c *conversation)
	// refuse says of a connection whether it cannot be made.
	refuse func(n int) bool

	running sync.WaitGroup
	mu      sync.Mutex // guards dialed
	dialed  []time.Time
}

// conversation is the server's side of a line.
type conversation struct {
	net.Conn
	in *bufio.Reader
}

// asked is a record that the client has sent.
type asked struct {
	line string
	wire.Record
}

func (a *asked) get(key string) string {
	raw, _ := a.Raw(key)
	return string(raw)
}

// next reads a record; nil when the client has gone.
func (c *conversation) next() *asked {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return nil
	}
	a := &asked{line: strings.TrimSuffix(line, "\n")}
	a.Parse([]byte(a.line))
	return a
}

func (c *conversation) say(format string, args ...any) { fmt.Fprintf(c, format+"\r\n", args...) }

// answer answers a record with RES and what follows it.
func (c *conversation) answer(a *asked, rest string) {
	c.say("VER=%s&CMD=%s&SEQ=%s&UIN=%s&RES=%s", a.get("VER"), a.get("CMD"), a.get("SEQ"), a.get("UIN"), rest)
}

const (
	token      = "rk_0123456789012345678901234567890123456789012"
	loggedIn   = "0&RS=0&HI=60&LI=300"
	deviceIn   = loggedIn + "&SID=" + token
	emptyPage  = "0&FN=1&SN=0&UN="
	noHistory  = "0&FN=1&SN=0&ID=&TM=&MT=&UN=&MG="
	pushedText = "VER=1.4&CMD=Server_Msg&SEQ=%d&UIN=10001&RES=0&MN=1&MT=9&UN=10002&MG=%s"
)

// usual answers what clients ask to sign in and to be heard of, and reports
// whether the record was such.
func (c *conversation) usual(a *asked) bool {
	switch a.get("CMD") {
	case "Login":
		if a.get("DV") != "" {
			c.answer(a, deviceIn)
		} else {
			c.answer(a, loggedIn)
		}
	case "List":
		c.answer(a, emptyPage)
	case "History":
		c.answer(a, noHistory)
	default:
		return false
	}
	return true
}

// untilGone answers the usual records; the others go to other.
func (c *conversation) untilGone(other func(*asked)) {
	for a := c.next(); a != nil; a = c.next() {
		if !c.usual(a) {
			other(a)
		}
	}
}

var errUnreachable = errors.New("no way to there")

func (s *script) dial(context.Context, string, string) (net.Conn, error) {
	s.mu.Lock()
	n := len(s.dialed)
	s.dialed = append(s.dialed, time.Now())
	s.mu.Unlock()
	if s.refuse != nil && s.refuse(n) {
		return nil, errUnreachable
	}
	near, far := net.Pipe()
	s.running.Go(func() {
		defer far.Close()
		s.serve(n, &conversation{far, bufio.NewReader(far)})
	})
	return near, nil
}

// gaps are the times between attempts to connect, from the nth on.
func (s *script) gaps(n int) []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gaps []time.Duration
	for i := n + 1; i < len(s.dialed); i++ {
		gaps = append(gaps, s.dialed[i].Sub(s.dialed[i-1]))
	}
	return gaps
}

// inBubble signs in to a script, in virtual time.
func inBubble(t *testing.T, s *script, test func(t *testing.T, messenger *client.Client), opts ...client.Option) {
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
		s.running.Wait()
	})
}

func TestTheServerHearsOfTheSessionAsOftenAsItAsksFor(t *testing.T) {
	var heard []time.Time
	s := &script{serve: func(_ int, c *conversation) {
		for a := c.next(); a != nil; a = c.next() {
			heard = append(heard, time.Now())
			c.usual(a)
		}
	}}
	inBubble(t, s, func(t *testing.T, messenger *client.Client) {
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
	s := &script{serve: func(n int, c *conversation) {
		for a := c.next(); a != nil; a = c.next() {
			if n > 0 || a.get("CMD") == "Login" {
				c.usual(a)
			}
		}
	}}
	inBubble(t, s, func(t *testing.T, messenger *client.Client) {
		time.Sleep(66 * time.Second) // a heartbeat, and 20 s
		synctest.Wait()
		if len(s.dialed) != 2 || !messenger.State().Connected {
			t.Errorf("%d connections were made, the state is %+v", len(s.dialed), messenger.State())
		}
	})
}

func TestPausesGrowUpToABoundAndEndInAConnection(t *testing.T) {
	const refused = 12
	s := &script{
		serve: func(n int, c *conversation) {
			if a := c.next(); a != nil {
				c.usual(a)
			}
			if n == 0 {
				c.in.Peek(1)
				return
			}
			c.untilGone(func(*asked) {})
		},
		refuse: func(n int) bool { return 0 < n && n <= refused },
	}
	inBubble(t, s, func(t *testing.T, messenger *client.Client) {
		time.Sleep(46 * time.Second) // the first heartbeat ends the first connection
		synctest.Wait()
		if state := messenger.State(); state.Connected || state.Err == nil || !state.Retry.After(time.Now()) {
			t.Errorf("the state is %+v", state)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if state := messenger.State(); !state.Connected || state.Err != nil {
			t.Errorf("the state is %+v", state)
		}
		gaps := s.gaps(1)
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
	s := &script{serve: func(_ int, c *conversation) {
		if a := c.next(); a != nil {
			c.usual(a)
		}
	}}
	inBubble(t, s, func(t *testing.T, messenger *client.Client) {
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		gaps := s.gaps(0)
		if len(gaps) > 15 || slices.Min(gaps[2:]) < 30*time.Second {
			t.Errorf("attempts were made after %v", gaps)
		}
	})
}
