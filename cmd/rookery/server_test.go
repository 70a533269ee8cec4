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

// testServer is the whole server in the process of the test, on a clock that the test
// moves and on a free port.
type testServer struct {
	*server
	t      *testing.T
	config serverConfig
	clock  *clock
	end    context.CancelFunc
	ended  chan error
}

// newTestServer starts a server and stops it at the end of the test. It chooses the
// addresses, the clock, and what config leaves empty.
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
		ts.t.Errorf("the server ended with error %v", err)
	}
	ts.clock.dropTimers()
}

// restart stops the server, advances the clock, and starts the server on the same data.
// Its port changes.
func (ts *testServer) restart(down time.Duration) {
	ts.t.Helper()
	ts.stop()
	ts.clock.add(down)
	ts.start()
}

// wait advances the clock and returns when everything due has happened.
func (ts *testServer) wait(d time.Duration) {
	ts.clock.add(d)
	ts.service.Tick(ts.t.Context())
}

// addr returns the host:port on which the server listens.
func (ts *testServer) addr() string { return ts.listeners[0].Addr().String() }

func (ts *testServer) operator() *control.Operator { return control.NewOperator(ts.service) }

func TestTimeoutFlags(t *testing.T) {
	defaults := connTimeouts{firstByte: 10 * time.Second, record: 20 * time.Second, write: 20 * time.Second,
		idle: 300 * time.Second}
	for flags, want := range map[string]connTimeouts{
		"": defaults,
		"--first-byte-timeout 5s": {firstByte: 5 * time.Second, record: defaults.record, write: defaults.write,
			idle: defaults.idle},
		"--record-timeout 1m": {firstByte: defaults.firstByte, record: time.Minute, write: defaults.write,
			idle: defaults.idle},
		"--write-timeout 1s": {firstByte: defaults.firstByte, record: defaults.record, write: time.Second,
			idle: defaults.idle},
		"--line-idle-timeout 10m ": {firstByte: defaults.firstByte, record: defaults.record, write: defaults.write,
			idle: 10 * time.Minute},
	} {
		if got, err := configOf(t, flags); err != nil || got.timeouts != want {
			t.Errorf("with %q: got %+v, %v, want %+v", flags, got.timeouts, err, want)
		}
	}
	for _, flags := range []string{"--first-byte-timeout 0s", "--record-timeout 0s", "--write-timeout 999ms",
		"--line-idle-timeout -1s"} {
		if _, err := configOf(t, flags); err == nil {
			t.Errorf("with %q: got no error", flags)
		}
	}
}

func TestRecordRateFlag(t *testing.T) {
	for flags, want := range map[string]int{"": 0, "--max-records-per-second 50": 50} {
		if got, err := configOf(t, flags); err != nil || got.recordsPerSecond != want {
			t.Errorf("with %q: got %d, %v, want %d", flags, got.recordsPerSecond, err, want)
		}
	}
	if _, err := configOf(t, "--max-records-per-second=-1"); err == nil {
		t.Error("with --max-records-per-second=-1: got no error")
	}
}

// configOf returns the config that flags of serve make.
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

// Each case sets one time-out. The server must close the connection when it is over.
func TestTimeoutsCloseIdleAndIncompleteConnections(t *testing.T) {
	const short = 50 * time.Millisecond
	for name, test := range map[string]struct {
		timeouts connTimeouts
		sent     string
	}{
		"nothing":             {connTimeouts{firstByte: short}, ""},
		"half a header":       {connTimeouts{firstByte: short}, "POST / HT"},
		"half a body":         {connTimeouts{record: short}, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nVER="},
		"half a line":         {connTimeouts{record: short}, "VER=1.4&CMD=Li"},
		"a line, and silence": {connTimeouts{idle: short}, "VER=1.4&CMD=List&UIN=10001\n"},
	} {
		s := newTestServer(t, serverConfig{timeouts: test.timeouts})
		conn, err := net.Dial("tcp", s.addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, test.sent); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second)) // shorter than the default time-outs
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("%s: the server does not close the connection: %v", name, err)
		}
	}
}

// clock is a clock that stands still until the test advances it.
type clock struct {
	mu     sync.Mutex // guards the fields below
	at     time.Time
	timers []*timer
}

// timer calls f when the clock reaches at.
type timer struct {
	at time.Time
	f  func()
}

func newClock(at time.Time) *clock { return &clock{at: at} }

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
		return c.removeTimer(t)
	}
}

// removeTimer removes a timer and reports whether it was pending. The caller holds mu.
func (c *clock) removeTimer(t *timer) bool {
	i := slices.Index(c.timers, t)
	if i < 0 {
		return false
	}
	c.timers = slices.Delete(c.timers, i, i+1)
	return true
}

// add advances the clock and calls the timers that fall due, each at its time.
func (c *clock) add(d time.Duration) {
	end := c.now().Add(d)
	for t := c.nextTimer(end); t != nil; t = c.nextTimer(end) {
		t.f()
		waitForPushes()
	}
}

// nextTimer advances the clock to the next timer up to end, and removes and returns it.
// Without such a timer it advances the clock to end and returns nil.
func (c *clock) nextTimer(end time.Time) *timer {
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
	c.removeTimer(next)
	if next.at.After(c.at) {
		c.at = next.at
	}
	return next
}

// dropTimers removes all timers, because the server that set them has stopped.
func (c *clock) dropTimers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timers = nil
}
