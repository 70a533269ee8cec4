package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

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
func newTestServer(t *testing.T, c serverConfig) *testServer {
	t.Helper()
	ts := &testServer{t: t, config: c, clock: newClock(time.Unix(1218196800, 0))}
	if ts.config.dir == "" {
		ts.config.dir = t.TempDir()
	}
	ts.config.listen = []string{"127.0.0.1:0"}
	ts.config.shutdown = 10 * time.Second
	ts.config.now = ts.clock.now
	ts.config.log = slog.New(slog.DiscardHandler)
	ts.start()
	t.Cleanup(ts.stop)
	return ts
}

func (ts *testServer) start() {
	ts.t.Helper()
	s, err := openServer(context.Background(), ts.config)
	if err != nil {
		ts.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ts.server, ts.end, ts.ended = s, end, make(chan error, 1)
	go func() { ts.ended <- s.run(ctx) }()
}

// stop ends the server as SIGTERM does.
func (ts *testServer) stop() {
	ts.t.Helper()
	ts.end()
	if err := <-ts.ended; err != nil {
		ts.t.Errorf("the server ended with: %v", err)
	}
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

func (ts *testServer) operator() *control.Operator { return control.Direct(ts.service) }

// clock is a clock that stands still until it is moved.
type clock struct{ nanos atomic.Int64 }

func newClock(at time.Time) *clock {
	c := new(clock)
	c.nanos.Store(at.UnixNano())
	return c
}

func (c *clock) now() time.Time      { return time.Unix(0, c.nanos.Load()) }
func (c *clock) add(d time.Duration) { c.nanos.Add(int64(d)) }
