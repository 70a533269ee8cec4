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

// line is a client's end of a connection that has no network in it.
type line struct {
	w        *world
	peer     transport.Peer
	dialogue transport.RecordStream
	came     chan []byte
	closed   chan struct{}
	closing  sync.Once
	ending   sync.Once
}

func (w *world) Line(_ context.Context, from netip.Addr) (transcript.Line, error) {
	l := &line{w: w, peer: transport.Peer{Addr: from, Form: wire.FormLine}, came: make(chan []byte, 1000), closed: make(chan struct{})}
	l.dialogue = w.handler.NewStream(link{l})
	w.lines = append(w.lines, l)
	return l, nil
}

// link is the server's end of it.
type link struct{ *line }

func (l link) Push(record []byte) error { return l.put(record) }
func (l link) Framed() bool             { return false }
func (l link) Close()                   { l.closing.Do(func() { close(l.closed) }) }

func (l *line) put(record []byte) error {
	select {
	case <-l.closed:
		return errClosed
	default:
		l.came <- bytes.Clone(record)
		return nil
	}
}

var errClosed = errors.New("the connection is closed")

func (l *line) Send(record []byte) error {
	l.dialogue.AnswerRecords(l.w.t.Context(), &l.peer, [][]byte{record}, l.put)
	return nil
}

func (l *line) Receive(context.Context) ([]byte, error) {
	if record, _ := l.Waiting(l.w.t.Context()); record != nil {
		return record, nil
	}
	select {
	case <-l.closed:
		return nil, io.EOF
	default:
		return nil, errors.New("nothing moves")
	}
}

// Waiting knows when whatever is to come has come: then every goroutine waits.
func (l *line) Waiting(context.Context) ([]byte, error) {
	synctest.Wait()
	select {
	case record := <-l.came:
		return record, nil
	default:
		return nil, nil
	}
}

func (l *line) Close() error {
	link{l}.Close()
	l.ending.Do(l.dialogue.Close)
	return nil
}

// clock is moved by hand, and what waits for a time on it happens then.
type clock struct {
	mu      sync.Mutex // guards the rest
	at      time.Time
	waiting []*timer
}

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

func (c *clock) afterFunc(d time.Duration, f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c.at.Add(d), f}
	c.waiting = append(c.waiting, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		n := len(c.waiting)
		c.waiting = slices.DeleteFunc(c.waiting, func(w *timer) bool { return w == t })
		return len(c.waiting) < n
	}
}

// move lets time go by: the functions that fall due are called in order, each at
// its time, with settle after it. Without settle the clock runs on while
// nobody is there to be called.
func (c *clock) move(d time.Duration, settle func()) {
	end := c.now().Add(d)
	for settle != nil {
		t := c.next(end)
		if t == nil {
			break
		}
		t.f()
		settle()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = end
	if settle == nil {
		c.waiting = nil
	}
}

// next takes out the first that falls due, and moves the clock to its time.
func (c *clock) next(end time.Time) *timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		return nil
	}
	first := slices.MinFunc(c.waiting, func(a, b *timer) int { return a.at.Compare(b.at) })
	if first.at.After(end) {
		return nil
	}
	if first.at.After(c.at) {
		c.at = first.at
	}
	c.waiting = slices.DeleteFunc(c.waiting, func(t *timer) bool { return t == first })
	return first
}
