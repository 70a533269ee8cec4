package main

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/control"
)

// testServer is the server that users run, on a clock that the test moves and
// on a port of its own.
type testServer struct {
	*server
	t      *testing.T
	config serverConfig
	clock  *clock
	end    context.CancelFunc
	ended  chan error
}

// newTestServer starts a server and ends it with the test. What the config
// leaves out is chosen here.
func newTestServer(t *testing.T, config serverConfig) *testServer {
	t.Helper()
	ts := &testServer{t: t, config: config, clock: newClock(time.Unix(1218196800, 0))}
	if ts.config.dataDir == "" {
		ts.config.dataDir = t.TempDir()
	}
	ts.config.listenAddresses = []string{"127.0.0.1:0"}
	ts.config.shutdownTimeout = 10 * time.Second
	ts.config.now, ts.config.afterFunc = ts.clock.now, ts.clock.afterFunc
	ts.config.log = cmp.Or(ts.config.log, slog.New(slog.DiscardHandler))
	ts.start()
	t.Cleanup(ts.stop)
	return ts
}

func (ts *testServer) start() {
	ts.t.Helper()
	server, err := openServer(context.Background(), ts.config)
	if err != nil {
		ts.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ts.server, ts.end, ts.ended = server, end, make(chan error, 1)
	go func() { ts.ended <- server.run(ctx) }()
}

// stop ends the server as SIGTERM does.
func (ts *testServer) stop() {
	ts.t.Helper()
	ts.end()
	if err := <-ts.ended; err != nil {
		ts.t.Errorf("the server ended with: %v", err)
	}
	ts.clock.forget()
}

// restart stops the server and starts it on the same data when the clock has
// run on. It then has another port.
func (ts *testServer) restart(down time.Duration) {
	ts.t.Helper()
	ts.stop()
	ts.clock.add(down)
	ts.start()
}

// wait moves the clock, and returns when what fell due has happened.
func (ts *testServer) wait(d time.Duration) {
	ts.clock.add(d)
	ts.service.Tick(ts.t.Context())
}

// addr is where the server listens, host:port.
func (ts *testServer) addr() string { return ts.listeners[0].Addr().String() }

func (ts *testServer) operator() *control.Operator { return control.NewOperator(ts.service) }

func TestTimeoutFlags(t *testing.T) {
	usual := connTimeouts{firstByte: 10 * time.Second, record: 20 * time.Second, write: 20 * time.Second,
		idle: 300 * time.Second}
	for flags, want := range map[string]connTimeouts{
		"": usual,
		"--first-byte-timeout 5s": {firstByte: 5 * time.Second, record: usual.record, write: usual.write,
			idle: usual.idle},
		"--record-timeout 1m": {firstByte: usual.firstByte, record: time.Minute, write: usual.write,
			idle: usual.idle},
		"--write-timeout 1s": {firstByte: usual.firstByte, record: usual.record, write: time.Second,
			idle: usual.idle},
		"--line-idle-timeout 10m ": {firstByte: usual.firstByte, record: usual.record, write: usual.write,
			idle: 10 * time.Minute},
	} {
		if got, err := configOf(t, flags); err != nil || got.timeouts != want {
			t.Errorf("with %q got %+v and %v", flags, got.timeouts, err)
		}
	}
	for _, flags := range []string{"--first-byte-timeout 0s", "--record-timeout 0s", "--write-timeout 999ms",
		"--line-idle-timeout -1s"} {
		if _, err := configOf(t, flags); err == nil {
			t.Errorf("%q is allowed", flags)
		}
	}
}

func TestRecordRateFlag(t *testing.T) {
	for flags, want := range map[string]int{"": 0, "--max-records-per-second 50": 50} {
		if got, err := configOf(t, flags); err != nil || got.recordsPerSecond != want {
			t.Errorf("with %q got %d and %v", flags, got.recordsPerSecond, err)
		}
	}
	if _, err := configOf(t, "--max-records-per-second=-1"); err == nil {
		t.Error("-1 is allowed")
	}
}

// configOf is what flags of serve make.
func configOf(t *testing.T, flags string) (serverConfig, error) {
	t.Helper()
	var f serveFlags
	var cmd cobra.Command
	f.addTo(&cmd)
	if err := cmd.ParseFlags(strings.Fields(flags)); err != nil {
		t.Fatal(err)
	}
	return f.newConfig(io.Discard)
}

// A connection is cut once the one time is over that is set.
func TestTimeoutsCloseIdleAndIncompleteConnections(t *testing.T) {
	const short = 50 * time.Millisecond
	for name, test := range map[string]struct {
		set  connTimeouts
		says string
	}{
		"nothing":             {connTimeouts{firstByte: short}, ""},
		"half a header":       {connTimeouts{firstByte: short}, "POST / HT"},
		"half a body":         {connTimeouts{record: short}, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nVER="},
		"half a line":         {connTimeouts{record: short}, "VER=1.4&CMD=Li"},
		"a line, and silence": {connTimeouts{idle: short}, "VER=1.4&CMD=List&UIN=10001\n"},
	} {
		s := newTestServer(t, serverConfig{timeouts: test.set})
		conn, err := net.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, test.says); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second)) // the usual times are longer
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("%s: the connection is not closed: %v", name, err)
		}
	}
}

// clock is a clock that stands still until it is moved.
type clock struct {
	mu     sync.Mutex // guards what follows
	at     time.Time
	timers []*timer
}

// timer is a function that is called when the clock has come so far.
type timer struct {
	at time.Time
	f  func()
}

func newClock(loggedInAt time.Time) *clock { return &clock{at: loggedInAt} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// afterFunc is time.AfterFunc on this clock.
func (c *clock) afterFunc(d time.Duration, f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c.at.Add(d), f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.drop(t)
	}
}

// drop takes a timer out and reports whether it was still there. Called under mu.
func (c *clock) drop(t *timer) bool {
	i := slices.Index(c.timers, t)
	if i < 0 {
		return false
	}
	c.timers = slices.Delete(c.timers, i, i+1)
	return true
}

// add moves the clock. What falls due on the way is called, each at its time.
func (c *clock) add(d time.Duration) {
	end := c.now().Add(d)
	for t := c.advance(end); t != nil; t = c.advance(end) {
		t.f()
		settle()
	}
}

// advance moves the clock to the next timer and takes that out, or to end if
// none falls due before.
func (c *clock) advance(end time.Time) *timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	var next *timer
	for _, t := range c.timers {
		if !t.at.After(end) && (next == nil || t.at.Before(next.at)) {
			next = t
		}
	}
	if next == nil {
		c.at = end
		return nil
	}
	c.drop(next)
	if next.at.After(c.at) {
		c.at = next.at
	}
	return next
}

// forget drops all timers: whose they were is no more.
func (c *clock) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timers = nil
}
