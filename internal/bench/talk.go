package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

// pushWorkload is a number of lines that stay connected to one server, and write to
// each other at a rate. Each message must be acknowledged, and pushed to its
// receiver once; the first thing that is not as it should be ends the talk.
type pushWorkload struct {
	ledger *ledger
	seqs   *clock
	lines  []*pushConn

	ctx       context.Context // ends with the first error, which is its cause
	fail      context.CancelCauseFunc
	listening sync.WaitGroup
	// open counts the answers and pushes that are still to come.
	open sync.WaitGroup

	mu               sync.Mutex // guards what follows
	answers, arrives histogram
}

func newTalk(ctx context.Context, l *ledger, seqs *clock, uins []rookery.UIN) *pushWorkload {
	workload := &pushWorkload{ledger: l, seqs: seqs}
	workload.ctx, workload.fail = context.WithCancelCause(ctx)
	for _, uin := range uins {
		workload.lines = append(workload.lines, &pushConn{uin: uin, talk: workload})
	}
	return workload
}

// callers is how many lines are opened side by side.
const callers = 16

// begin opens all lines, and tells how far it has got.
func (t *pushWorkload) begin(addr string, progress io.Writer) error {
	var done atomic.Int64
	defer report(progress, "logging in", "connections", &done, int64(len(t.lines)))()
	group, ctx := errgroup.WithContext(t.ctx)
	group.SetLimit(callers)
	for _, conn := range t.lines {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := conn.open(addr); err != nil {
				return err
			}
			done.Add(1)
			t.listening.Go(func() { t.fail(conn.listen()) })
			return nil
		})
	}
	return errors.Join(group.Wait(), t.ctx.Err())
}

// errOver is why the lines of a talk end that was not ended by an error.
var errOver = errors.New("the talk is over")

// end closes all lines. It returns the first error that there was.
func (t *pushWorkload) end() error {
	t.fail(errOver)
	for _, conn := range t.lines {
		if conn.tcp != nil {
			conn.tcp.Close()
		}
	}
	t.listening.Wait()
	if err := context.Cause(t.ctx); !errors.Is(err, errOver) {
		return err
	}
	return nil
}

// run lets messages be sent at a rate, so many a second, for a time: who sends
// the one of a number to whom, next says. It returns when all have arrived.
// The rate is kept however slow the server is.
func (t *pushWorkload) run(rate float64, d time.Duration, next func(i int) (from, to *pushConn)) (ChatResult, error) {
	t.mu.Lock()
	t.answers, t.arrives = histogram{}, histogram{}
	t.mu.Unlock()
	err := paced(t.ctx, rate, d, func(i int) error {
		from, to := next(i)
		return from.send(to)
	})
	if err == nil {
		err = t.settle()
	}
	if cause := context.Cause(t.ctx); cause != nil {
		err = cause
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return ChatResult{
		messages:  t.answers.total,
		PerSecond: float64(t.answers.total) / d.Seconds(),
		Answer:    spreadOf(&t.answers), Push: spreadOf(&t.arrives),
	}, err
}

// settle waits until everything that was sent is acknowledged and pushed.
func (t *pushWorkload) settle() error {
	settled := make(chan struct{})
	go func() {
		t.open.Wait()
		close(settled)
	}()
	select {
	case <-settled:
		return nil
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
	case <-time.After(patience):
		return fmt.Errorf("after %v some messages are not acknowledged, or were not pushed", patience)
	}
}

func (t *pushWorkload) noteAnswer(took time.Duration) { t.note(&t.answers, took) }

func (t *pushWorkload) notePush(took time.Duration) { t.note(&t.arrives, took) }

func (t *pushWorkload) note(h *histogram, took time.Duration) {
	t.mu.Lock()
	h.record(took)
	t.mu.Unlock()
	t.open.Done()
}

// paced does something so many times a second, for a time: what could not be
// done in time is done as soon as possible.
func paced(ctx context.Context, rate float64, d time.Duration, do func(i int) error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	start := time.Now()
	for i := range int(rate * d.Seconds()) {
		due := time.Duration(float64(i) / rate * float64(time.Second))
		if wait := due - time.Since(start); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err := do(i); err != nil {
			return err
		}
	}
	return nil
}
