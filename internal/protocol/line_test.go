package protocol_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/transcript"
	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// lineClient is the client's end of a connection without a network.
type lineClient struct {
	env             *testEnv
	peer            transport.Peer
	stream          transport.RecordStream
	received        chan []byte
	closed          chan struct{}
	closeConnOnce   sync.Once
	closeStreamOnce sync.Once
}

func (w *testEnv) OpenStream(_ context.Context, from netip.Addr) (transcript.Stream, error) {
	l := &lineClient{env: w, peer: transport.Peer{Addr: from, Form: wire.FormLine}, received: make(chan []byte, 1000),
		closed: make(chan struct{})}
	l.stream = w.handler.NewStream(lineServerEnd{l})
	w.lines = append(w.lines, l)
	return l, nil
}

// lineServerEnd is the server's end, a transport.PushConn.
type lineServerEnd struct{ *lineClient }

func (l lineServerEnd) Push(record []byte) error { return l.receive(record) }
func (l lineServerEnd) Framed() bool             { return false }
func (l lineServerEnd) Close()                   { l.closeConnOnce.Do(func() { close(l.closed) }) }

func (l *lineClient) receive(record []byte) error {
	select {
	case <-l.closed:
		return errClosed
	default:
		l.received <- bytes.Clone(record)
		return nil
	}
}

var errClosed = errors.New("the connection is closed")

func (l *lineClient) Send(record []byte) error {
	l.stream.AnswerRecords(l.env.t.Context(), &l.peer, [][]byte{record}, l.receive)
	return nil
}

func (l *lineClient) Receive(context.Context) ([]byte, error) {
	if record, _ := l.ReceivePending(l.env.t.Context()); record != nil {
		return record, nil
	}
	select {
	case <-l.closed:
		return nil, io.EOF
	default:
		return nil, errors.New("all goroutines are idle and no record has arrived")
	}
}

// ReceivePending returns the next record, or nil if all goroutines are idle and none has arrived.
func (l *lineClient) ReceivePending(context.Context) ([]byte, error) {
	synctest.Wait()
	select {
	case record := <-l.received:
		return record, nil
	default:
		return nil, nil
	}
}

func (l *lineClient) Close() error {
	lineServerEnd{l}.Close()
	l.closeStreamOnce.Do(l.stream.Close)
	return nil
}

// manualClock changes only when a test advances it. Timers that are due then run.
type manualClock struct {
	mu      sync.Mutex // guards the fields below
	current time.Time
	timers  []*manualTimer
}

type manualTimer struct {
	dueAt    time.Time
	callback func()
}

func newClock(at time.Time) *manualClock { return &manualClock{current: at} }

func (c *manualClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

func (c *manualClock) afterFunc(d time.Duration, f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &manualTimer{c.current.Add(d), f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		n := len(c.timers)
		c.timers = slices.DeleteFunc(c.timers, func(w *manualTimer) bool { return w == t })
		return len(c.timers) < n
	}
}

// advance moves the clock by d. It runs due timers in order, each at its time, and calls settle
// after each. Without settle, timers are dropped, as while a server is down.
func (c *manualClock) advance(d time.Duration, settle func()) {
	end := c.now().Add(d)
	for settle != nil {
		t := c.popDueTimer(end)
		if t == nil {
			break
		}
		t.callback()
		settle()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current = end
	if settle == nil {
		c.timers = nil
	}
}

// popDueTimer removes the first timer due until end, and moves the clock to its time.
func (c *manualClock) popDueTimer(end time.Time) *manualTimer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 {
		return nil
	}
	first := slices.MinFunc(c.timers, func(a, b *manualTimer) int { return a.dueAt.Compare(b.dueAt) })
	if first.dueAt.After(end) {
		return nil
	}
	if first.dueAt.After(c.current) {
		c.current = first.dueAt
	}
	c.timers = slices.DeleteFunc(c.timers, func(t *manualTimer) bool { return t == first })
	return first
}
