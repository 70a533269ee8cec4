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
	// deliveryTimeout bounds the time until a message arrives during an attack. It is long, because the attackers
	// keep the machine busy.
	deliveryTimeout = 10 * time.Second
	// maxServerMemory bounds the memory of the server during an attack, in bytes.
	maxServerMemory = 300 << 20
)

// dialFrom returns a DialFunc that uses another local address.
func (s *server) dialFrom(address string) DialFunc {
	return func(ctx context.Context) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		return d.DialContext(ctx, "tcp", *s.address.Load())
	}
}

// One address opens thousands of lines. The server accepts as many as the limit allows and logs the refusals once.
// Clients at another address are not disturbed.
func TestConnectionLimitPerAddressProtectsOthers(t *testing.T) {
	const lines, limit = 3000, 300
	dir, accounts := t.TempDir(), newAccountSet(1, 1)
	createAccounts(t, dir, accounts.newAccounts())
	p := rookeryServe(t, dir, false)
	p.args = append(p.args, "--limit-loopback", "--max-connections-per-address", strconv.Itoa(limit))
	s := newServer(t, p)
	sendDuring(t, s, accounts, func() {
		if n := s.countAnsweredStreams(t, lines); n != limit {
			t.Errorf("the server answered on %d of %d lines, want %d", n, lines, limit)
		}
	})
	const warning = "connection refused: its address has as many as --max-connections-per-address allows"
	if n := bytes.Count(s.process.outputText(), []byte(warning)); n != 1 {
		t.Errorf("the log has %d warnings about refused connections, want one", n)
	}
}

// countAnsweredStreams opens lines, sends a request on each, and returns the number of those with an answer. It
// closes the lines only at the end.
func (s *server) countAnsweredStreams(t *testing.T, lines int) int {
	t.Helper()
	var answered atomic.Int64
	var group errgroup.Group
	group.SetLimit(64)
	conns := make([]net.Conn, lines)
	for i := range conns {
		group.Go(func() (err error) {
			if conns[i], err = s.dial(t.Context()); err != nil {
				return err
			}
			_, _ = io.WriteString(conns[i], "VER=1.4&CMD=Logout&SEQ=1&UIN=10001\n")
			answer, _ := bufio.NewReader(conns[i]).ReadString('\n')
			if strings.Contains(answer, "&RES=0") {
				answered.Add(1)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
	return int(answered.Load())
}

// Many lines send bad input. Other clients are not disturbed, and the memory of the server stays bounded.
func TestBadInputOnLinesDoesNotDisturbOthers(t *testing.T) {
	tests := []struct {
		name  string
		lines int
		// begin is sent once on each line, then more repeatedly.
		begin, more string
		mustClose   bool // the server must close the lines
		reads       bool // the attacker reads answers
	}{
		{name: "half records and then silence", lines: 2000, begin: "VER=1.4&CMD=Login&SEQ=1&UIN=10001&PS="},
		{name: "a record that never ends", lines: 40, begin: "VER=1.4&CMD=CLTMSG&SEQ=1&UIN=10001&UN=11001&MG=",
			more: strings.Repeat("x", 1000), mustClose: true},
		{name: "lines that are no records", lines: 40, more: "\xff\x00\x80 nothing\n", mustClose: true},
		{name: "a line that is no record and never ends", lines: 40, begin: "\x00\x00", more: "\xff\x00\x80\x00",
			mustClose: true},
		{name: "records whose answers nobody reads", lines: 40, more: "VER=1.4&CMD=Login&SEQ=1&UIN=10000&PS=x&M5=9\n"},
		{name: "a flood of records", lines: 40, more: "VER=1.4&CMD=List&SEQ=1&UIN=10001\n", reads: true},
		{name: "a flood of records of no version", lines: 40, more: "VER=9\n", reads: true},
	}
	dir, accounts := t.TempDir(), newAccountSet(1, 1)
	createAccounts(t, dir, accounts.newAccounts())
	s := newServer(t, rookeryServe(t, dir, false))
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sendDuring(t, s, accounts, func() {
				a := attack{begin: test.begin, more: test.more, reads: test.reads}
				closed := a.run(t, s.dial, test.lines, test.mustClose)
				if test.mustClose && closed != test.lines {
					t.Errorf("the server closed %d of %d lines, want all", closed, test.lines)
				}
			})
			if got := s.residentBytes(t); got > maxServerMemory {
				t.Errorf("the server uses %d MiB, want at most %d", got>>20, maxServerMemory>>20)
			}
		})
	}
}

// attack is the traffic on each line of an attacker.
type attack struct {
	begin, more string
	reads       bool
}

// run attacks on so many lines for a second or, with untilClosed, until the server has closed all of them. It returns
// the number of closed lines.
func (a attack) run(t *testing.T, dial DialFunc, lines int, untilClosed bool) int {
	t.Helper()
	timeout := time.Second
	if untilClosed {
		timeout = deliveryTimeout
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	var closed atomic.Int64
	var running sync.WaitGroup
	for range lines {
		running.Go(func() {
			conn, err := dial(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			if a.reads {
				go io.Copy(io.Discard, conn)
			}
			if a.send(ctx, conn); ctx.Err() == nil {
				closed.Add(1)
			}
		})
	}
	running.Wait()
	return int(closed.Load())
}

// send sends until the connection is closed.
func (a attack) send(ctx context.Context, conn net.Conn) {
	if _, err := io.WriteString(conn, a.begin); err != nil {
		return
	}
	if a.more == "" {
		<-ctx.Done()
		return
	}
	for data := []byte(strings.Repeat(a.more, 20)); ; {
		if _, err := conn.Write(data); err != nil {
			return
		}
	}
}

// sendDuring calls action while a sender and a receiver exchange messages on lines from another address. It fails
// the test unless each message is acknowledged at the first attempt and pushed within deliveryTimeout.
func sendDuring(t *testing.T, s *server, c accountSet, action func()) {
	t.Helper()
	const minMessages = 50
	dial := s.dialFrom("127.0.0.2")
	client := &Client{UIN: c.senders[0], Post: StreamPost(dial)}
	receiver := &PushReceiver{Client: &Client{UIN: c.receivers[0]}, Dial: dial, Password: password, Confirms: true}
	if err := client.Login(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- receiver.Run(ctx) }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		action()
	}()
	var slowest time.Duration
	for i := 0; i < minMessages || !isClosed(done); i++ {
		start := time.Now()
		if err := sendAndAwaitPush(t.Context(), client, receiver, i); err != nil {
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
	pushes, _, streams := receiver.Received()
	t.Logf("%d messages arrived, the slowest after %v", len(pushes), slowest.Round(time.Millisecond))
	if streams != 1 {
		t.Errorf("the receiver needed %d streams, want one", streams)
	}
}

// sendAndAwaitPush sends message i and waits until the receiver gets it.
func sendAndAwaitPush(ctx context.Context, client *Client, r *PushReceiver, i int) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	message := Message{From: client.UIN, To: r.UIN, Kind: rookery.KindMessage, Text: fmt.Sprint("message ", i)}
	answer, err := client.SendOnce(ctx, client.NewRequest("CLTMSG", formatTextFields(r.UIN, "MG", message.Text)))
	if err != nil || answer.RES != resDone {
		return fmt.Errorf("got the answer %q, %v, want RES=0", answer.Text, err)
	}
	for {
		if pushes, _, _ := r.Received(); len(pushes) == i+1 && pushes[i].Message == message {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not pushed within %v", deliveryTimeout)
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

// residentBytes returns the resident memory of the server process.
func (s *server) residentBytes(t *testing.T) int {
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
