package bench

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// answerTimeout is how long the last answers may arrive after the end of a run. Later answers fail the run.
const answerTimeout = 30 * time.Second

// seqSource generates SEQs. It counts from the current time in nanoseconds, so a later bench on the same data
// does not reuse one.
type seqSource struct{ last atomic.Uint64 }

func newSEQSource() *seqSource {
	c := &seqSource{}
	c.last.Store(uint64(time.Now().UnixNano()))
	return c
}

func (src *seqSource) next() uint64 { return src.last.Add(1) }

// requestWorker is a client that sends one request at a time and waits for each answer.
type requestWorker struct {
	conn  *clientConn
	seqs  *seqSource
	cycle []*requestTask
	// taskIndex selects the next task, cycle[taskIndex%len(cycle)].
	taskIndex int
	latency   histogram
}

// run sends requests until the given time and then closes the connection. It does not stop between a message and the
// collection of that message, so that the next run finds the mailbox empty.
func (w *requestWorker) run(ctx context.Context, until time.Time) error {
	defer w.conn.close()
	for start := time.Now(); ; w.taskIndex++ {
		task := w.cycle[w.taskIndex%len(w.cycle)]
		if task.wantText == nil && (start.After(until) || ctx.Err() != nil) {
			return ctx.Err()
		}
		if _, err := task.sendAndCheck(w.conn, w.seqs); err != nil {
			return err
		}
		end := time.Now()
		w.latency.record(end.Sub(start))
		start = end
	}
}

// sendAndCheck sends the request with a new SEQ and the next text. It returns the answer, or an error if the
// answer is not the expected one.
func (t *requestTask) sendAndCheck(c *clientConn, seqs *seqSource) ([]byte, error) {
	if t.seq != nil {
		writeDigits(t.seq, seqs.next())
	}
	if t.text != nil {
		writeDigits(t.text[:numberDigits], *t.acknowledged+1)
	}
	answer, err := c.exchange(t.requestBytes)
	if err != nil {
		return nil, fmt.Errorf("asked %q: %w", t.requestBytes, err)
	}
	for _, part := range [...][]byte{t.seq, t.wantAnswer, t.wantText} {
		if !bytes.Contains(answer, part) {
			return nil, fmt.Errorf("asked %q, expected an answer with %q, got %q", t.requestBytes, part, answer)
		}
	}
	if t.acknowledged != nil {
		*t.acknowledged++
	}
	return answer, nil
}

// loadRun configures the concurrent clients of one run.
type loadRun struct {
	addr        string
	framing     frameFunc
	connections int
	keepAlive   bool
	duration    time.Duration
	// cycle returns the tasks that the worker with this index repeats.
	cycle func(worker int) []*requestTask
	seqs  *seqSource
	// maxUnanswered and loginTask have the same meaning as in candidate.
	maxUnanswered int
	loginTask     func(worker int) *requestTask
}

// loadResult is the outcome of one run.
type loadResult struct {
	requests uint64
	elapsed  time.Duration
	latency  histogram
}

// loadClient is a requestWorker or a pipeline.
type loadClient interface {
	run(ctx context.Context, until time.Time) error
}

// run runs all clients concurrently. An unexpected answer ends the run with an error.
func (lr loadRun) run(ctx context.Context) (*loadResult, error) {
	clients, latencies := make([]loadClient, lr.connections), make([]histogram, lr.connections)
	for i := range clients {
		var err error
		if clients[i], latencies[i], err = lr.newClient(i); err != nil {
			return nil, err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	until := start.Add(lr.duration)
	for _, client := range clients {
		group.Go(func() error { return client.run(ctx, until) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	result := &loadResult{elapsed: time.Since(start), latency: newHistogram()}
	for _, histogram := range latencies {
		result.latency.add(histogram)
	}
	result.requests = result.latency.total()
	return result, nil
}

// newClient returns the client with index i, and the histogram that it fills.
func (lr loadRun) newClient(i int) (loadClient, histogram, error) {
	conn := newClientConn(lr.addr, lr.framing, lr.keepAlive, time.Now().Add(lr.duration+answerTimeout))
	if lr.maxUnanswered == 0 {
		w := &requestWorker{conn: conn, seqs: lr.seqs, cycle: lr.cycle(i), taskIndex: i, latency: newHistogram()}
		// Clients begin at different tasks, but not with a collection.
		for w.cycle[w.taskIndex%len(w.cycle)].wantText != nil {
			w.taskIndex++
		}
		return w, w.latency, nil
	}
	p := &pipeline{conn: conn, seqs: lr.seqs, task: lr.cycle(i)[0], maxUnanswered: lr.maxUnanswered,
		latency: newHistogram()}
	if lr.loginTask == nil {
		return p, p.latency, conn.connect()
	}
	_, err := lr.loginTask(i).sendAndCheck(conn, lr.seqs)
	return p, p.latency, err
}
