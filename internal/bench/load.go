package bench

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// patience is how long a run may take beyond its time: an answer that has not
// come by then fails it.
const patience = 30 * time.Second

// clock gives out SEQs. It begins with the time, in nanoseconds, and counts: so
// none is given twice, by a later bench on the same data neither.
type clock struct{ last atomic.Uint64 }

func newClock() *clock {
	c := &clock{}
	c.last.Store(uint64(time.Now().UnixNano()))
	return c
}

func (c *clock) next() uint64 { return c.last.Add(1) }

// worker is one client: it asks, waits for the answer, and asks again.
type worker struct {
	conn  *conn
	seqs  *clock
	cycle []*task
	// at is where in the cycle the worker stands.
	at      int
	latency histogram
}

// run asks until the time is up. It does not stop between a text and its
// collection.
func (w *worker) run(ctx context.Context, until time.Time) error {
	defer w.conn.close()
	for start := time.Now(); ; w.at++ {
		task := w.cycle[w.at%len(w.cycle)]
		if task.awaits == nil && (start.After(until) || ctx.Err() != nil) {
			return ctx.Err()
		}
		if _, err := task.ask(w.conn, w.seqs); err != nil {
			return err
		}
		end := time.Now()
		w.latency.record(end.Sub(start))
		start = end
	}
}

// ask sends the task's request with a fresh SEQ and the next text, and returns
// the answer if it is the expected one.
func (t *task) ask(c *conn, seqs *clock) ([]byte, error) {
	if t.seq != nil {
		putDigits(t.seq, seqs.next())
	}
	if t.text != nil {
		putDigits(t.text[:numberDigits], *t.stored+1)
	}
	answer, err := c.exchange(t.request)
	if err != nil {
		return nil, fmt.Errorf("asked %q: %w", t.request, err)
	}
	for _, part := range [...][]byte{t.seq, t.want, t.awaits} {
		if !bytes.Contains(answer, part) {
			return nil, fmt.Errorf("asked %q, expected an answer with %q, got %q", t.request, part, answer)
		}
	}
	if t.stored != nil {
		*t.stored++
	}
	return answer, nil
}

// load is what so many clients do to a server for a time.
type load struct {
	addr        string
	framing     framing
	connections int
	keepAlive   bool
	duration    time.Duration
	// cycle is what the client of a number does.
	cycle func(worker int) []*task
	seqs  *clock
	// window and open are those of the contender.
	window int
	open   func(worker int) *task
}

// sample is what came of one run.
type sample struct {
	requests uint64
	elapsed  time.Duration
	latency  histogram
}

// client is what asks for a time.
type client interface {
	run(ctx context.Context, until time.Time) error
}

// run lets all clients work side by side. Any answer but the expected one ends
// it with an error.
func (l load) run(ctx context.Context) (*sample, error) {
	clients, latencies := make([]client, l.connections), make([]*histogram, l.connections)
	for i := range clients {
		var err error
		if clients[i], latencies[i], err = l.client(i); err != nil {
			return nil, err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	until := start.Add(l.duration)
	for _, client := range clients {
		group.Go(func() error { return client.run(ctx, until) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	s := &sample{elapsed: time.Since(start)}
	for _, histogram := range latencies {
		s.latency.add(histogram)
	}
	s.requests = s.latency.total
	return s, nil
}

// client makes the client of a number, and what it will have measured.
func (l load) client(i int) (client, *histogram, error) {
	conn := newConn(l.addr, l.framing, l.keepAlive, time.Now().Add(l.duration+patience))
	if l.window == 0 {
		w := &worker{conn: conn, seqs: l.seqs, cycle: l.cycle(i), at: i}
		// Clients begin at different steps, but none with a collection.
		for w.cycle[w.at%len(w.cycle)].awaits != nil {
			w.at++
		}
		return w, &w.latency, nil
	}
	p := &pipeline{conn: conn, seqs: l.seqs, task: l.cycle(i)[0], window: l.window}
	if l.open == nil {
		return p, &p.latency, conn.connect()
	}
	_, err := l.open(i).ask(conn, l.seqs)
	return p, &p.latency, err
}
