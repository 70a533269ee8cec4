package fault

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

const (
	// deliveryTimeout is within what time a message arrives, however bad the others
	// are. It is long, because they keep the machine busy.
	deliveryTimeout = 10 * time.Second
	// maxServerMemory is how much memory a server may use at most, in bytes, when a crowd
	// sends it what it has to keep nothing of.
	maxServerMemory = 300 << 20
)

// dialFrom dials from another address of this machine.
func (s *server) dialFrom(address string) DialFunc {
	return func(ctx context.Context) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		return d.DialContext(ctx, "tcp", *s.address.Load())
	}
}

// Thousands of lines from one address get as far as the limit, and one line of
// the log says so. Who comes from another address does not notice.
func TestThousandsOfLinesFromOneAddressDisturbNobodyElse(t *testing.T) {
	const lines, limit = 3000, 300
	dir, crowd := t.TempDir(), newCrowd(1, 1)
	createAccounts(t, dir, crowd.newAccounts())
	p := rookeryServe(t, dir, false)
	p.args = append(p.args, "--limit-loopback", "--max-connections-per-address", strconv.Itoa(limit))
	s := newServer(t, p)
	whileOthersTalk(t, s, crowd, func() {
		if served := s.countAnsweredStreams(t, lines); served != limit {
			t.Errorf("%d of %d lines were served, want %d", served, lines, limit)
		}
	})
	const complaint = "connection refused: its address has as many as --max-connections-per-address allows"
	if count := bytes.Count(s.process.outputText(), []byte(complaint)); count != 1 {
		t.Errorf("the log says %d times that connections were refused, want once", count)
	}
}

// countAnsweredStreams opens many lines, keeps them, and returns how many were answered on.
func (s *server) countAnsweredStreams(t *testing.T, lines int) int {
	t.Helper()
	var served atomic.Int64
	var all errgroup.Group
	all.SetLimit(64)
	conns := make([]net.Conn, lines)
	for i := range conns {
		all.Go(func() (err error) {
			if conns[i], err = s.dial(t.Context()); err != nil {
				return err
			}
			_, _ = io.WriteString(conns[i], "VER=1.4&CMD=Logout&SEQ=1&UIN=10001\n")
			answer, _ := bufio.NewReader(conns[i]).ReadString('\n')
			if strings.Contains(answer, "&RES=0") {
				served.Add(1)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
	return int(served.Load())
}

// Whatever a crowd sends on its lines, others are not disturbed, and it costs
// the server no memory.
func TestBadInputOnLinesDisturbsNobodyElse(t *testing.T) {
	tests := []struct {
		name  string
		lines int
		// begin is sent once on each line, and then more over and over.
		begin, more string
		// isCut: the server must cut the line.
		isCut bool
		// reads: the answers are read.
		reads bool
	}{
		{name: "half records and then silence", lines: 2000, begin: "VER=1.4&CMD=Login&SEQ=1&UIN=10001&PS="},
		{name: "a record that never ends", lines: 40, begin: "VER=1.4&CMD=CLTMSG&SEQ=1&UIN=10001&UN=11001&MG=",
			more: strings.Repeat("x", 1000), isCut: true},
		{name: "lines that are no records", lines: 40, more: "\xff\x00\x80 nothing\n", isCut: true},
		{name: "a line that is no record and never ends", lines: 40, begin: "\x00\x00", more: "\xff\x00\x80\x00",
			isCut: true},
		{name: "records whose answers nobody reads", lines: 40, more: "VER=1.4&CMD=Login&SEQ=1&UIN=10000&PS=x&M5=9\n"},
		{name: "a flood of records", lines: 40, more: "VER=1.4&CMD=List&SEQ=1&UIN=10001\n", reads: true},
		{name: "a flood of records of no version", lines: 40, more: "VER=9\n", reads: true},
	}
	dir, crowd := t.TempDir(), newCrowd(1, 1)
	createAccounts(t, dir, crowd.newAccounts())
	s := newServer(t, rookeryServe(t, dir, false))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			whileOthersTalk(t, s, crowd, func() {
				received := attackPattern{begin: test.begin, more: test.more, reads: test.reads}
				cut := received.attack(t, s.dial, test.lines, test.isCut)
				if test.isCut && cut != test.lines {
					t.Errorf("%d of %d lines were cut", cut, test.lines)
				}
			})
			if got := s.resident(t); got > maxServerMemory {
				t.Errorf("the server uses %d MiB", got>>20)
			}
		})
	}
}

// attackPattern is what is sent on each line of an attack.
type attackPattern struct {
	begin, more string
	reads       bool
}

// attack sends it on so many lines for a second, or until all are cut, and
// returns how many are.
func (h attackPattern) attack(t *testing.T, dial DialFunc, lines int, untilCut bool) int {
	t.Helper()
	timeout := time.Second
	if untilCut {
		timeout = deliveryTimeout
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	var cut atomic.Int64
	var all sync.WaitGroup
	for range lines {
		all.Go(func() {
			conn, err := dial(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			if h.reads {
				go io.Copy(io.Discard, conn)
			}
			if h.send(ctx, conn); ctx.Err() == nil {
				cut.Add(1)
			}
		})
	}
	all.Wait()
	return int(cut.Load())
}

// send sends until the connection ends.
func (h attackPattern) send(ctx context.Context, conn net.Conn) {
	if _, err := io.WriteString(conn, h.begin); err != nil {
		return
	}
	if h.more == "" {
		<-ctx.Done()
		return
	}
	for piece := []byte(strings.Repeat(h.more, 20)); ; {
		if _, err := conn.Write(piece); err != nil {
			return
		}
	}
}

// whileOthersTalk does something while one sends and another hears on lines from
// another address. Each message is acknowledged at once, and arrives.
func whileOthersTalk(t *testing.T, s *server, c accountSet, do func()) {
	t.Helper()
	const atLeast = 50
	dial := s.dialFrom("127.0.0.2")
	client := &Client{UIN: c.senders[0], Post: StreamPost(dial)}
	ear := &PushReceiver{Client: &Client{UIN: c.receivers[0]}, Dial: dial, Password: password, Confirms: true}
	if err := client.Login(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ear.Run(ctx) }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	var slowest time.Duration
	for i := 0; i < atLeast || !isClosed(done); i++ {
		start := time.Now()
		if err := sendAndAwaitPush(t.Context(), client, ear, i); err != nil {
			t.Errorf("message %d: %v", i, err)
			break
		}
		slowest = max(slowest, time.Since(start))
		<-time.After(time.Millisecond)
	}
	<-done
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	pushes, _, lines := ear.Received()
	t.Logf("%d messages arrived, the slowest after %v", len(pushes), slowest.Round(time.Millisecond))
	if lines != 1 {
		t.Errorf("the one who hears needed %d lines", lines)
	}
}

// sendAndAwaitPush sends the message of a number and waits until it is heard.
func sendAndAwaitPush(ctx context.Context, client *Client, e *PushReceiver, i int) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	message := Message{From: client.UIN, To: e.UIN, Kind: rookery.KindMessage, Text: fmt.Sprint("message ", i)}
	answer, err := client.SendOnce(ctx, client.NewRequest("CLTMSG", formatTextFields(e.UIN, "MG", message.Text)))
	if err != nil || answer.RES != resDone {
		return fmt.Errorf("it was answered %s: %w", answer.Text, err)
	}
	for {
		if pushes, _, _ := e.Received(); len(pushes) == i+1 && pushes[i].Message == message {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it has not arrived after %v", deliveryTimeout)
		case <-time.After(time.Millisecond):
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// resident is how much of the server is in memory, in bytes.
func (s *server) resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	size, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	count, err := strconv.Atoi(size)
	if err != nil {
		t.Fatal(err)
	}
	return count << 10
}
