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

// pushWorkload is a set of accounts that are connected to one server and send each other messages at a fixed rate. The
// server must acknowledge each message and push it to the receiver exactly once. The first violation ends the workload.
type pushWorkload struct {
	ledger *ledger
	seqs   *seqSource
	conns  []*pushConn

	ctx     context.Context // ends with the first error, which is its cause
	fail    context.CancelCauseFunc
	readers sync.WaitGroup
	// outstanding counts the answers and pushes that have not arrived yet, two per message that was just sent.
	outstanding sync.WaitGroup

	mu                     sync.Mutex // guards the fields below
	answerTimes, pushTimes histogram
}

func newPushWorkload(ctx context.Context, l *ledger, seqs *seqSource, uins []rookery.UIN) *pushWorkload {
	workload := &pushWorkload{ledger: l, seqs: seqs}
	workload.ctx, workload.fail = context.WithCancelCause(ctx)
	for _, uin := range uins {
		workload.conns = append(workload.conns, &pushConn{uin: uin, workload: workload})
	}
	return workload
}

// loginWorkers is the number of connections that are opened concurrently.
const loginWorkers = 16

// connectAll opens all connections and reports its progress.
func (pw *pushWorkload) connectAll(addr string, progress io.Writer) error {
	var done atomic.Int64
	defer reportProgress(progress, "logging in", "connections", &done, int64(len(pw.conns)))()
	group, ctx := errgroup.WithContext(pw.ctx)
	group.SetLimit(loginWorkers)
	for _, conn := range pw.conns {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := conn.connect(addr); err != nil {
				return err
			}
			done.Add(1)
			pw.readers.Go(func() { pw.fail(conn.readUntilClosed()) })
			return nil
		})
	}
	return errors.Join(group.Wait(), pw.ctx.Err())
}

// errWorkloadDone is the cancellation cause of a workload that ended without an error.
var errWorkloadDone = errors.New("the talk is over")

// closeAll closes all connections, waits for their readers, and returns the first error of the workload.
func (pw *pushWorkload) closeAll() error {
	pw.fail(errWorkloadDone)
	for _, conn := range pw.conns {
		if conn.tcp != nil {
			conn.tcp.Close()
		}
	}
	pw.readers.Wait()
	if err := context.Cause(pw.ctx); !errors.Is(err, errWorkloadDone) {
		return err
	}
	return nil
}

// run sends messages at the given rate per second for a duration, then waits until all are acknowledged and pushed.
// next returns sender and receiver of the message with index i. Sends do not wait for answers, so a slow server does
// not lower the rate.
func (pw *pushWorkload) run(rate float64, duration time.Duration,
	next func(i int) (sender, receiver *pushConn)) (ChatResult, error) {
	pw.mu.Lock()
	pw.answerTimes, pw.pushTimes = newHistogram(), newHistogram()
	pw.mu.Unlock()
	err := runPaced(pw.ctx, rate, duration, func(i int) error {
		sender, receiver := next(i)
		return sender.sendTo(receiver)
	})
	if err == nil {
		err = pw.awaitOutstanding()
	}
	if cause := context.Cause(pw.ctx); cause != nil {
		err = cause
	}
	pw.mu.Lock()
	defer pw.mu.Unlock()
	return ChatResult{
		Messages:  pw.answerTimes.total(),
		PerSecond: float64(pw.answerTimes.total()) / duration.Seconds(),
		Answer:    percentilesOf(pw.answerTimes), Push: percentilesOf(pw.pushTimes),
	}, err
}

// awaitOutstanding waits until all messages are acknowledged and pushed.
func (pw *pushWorkload) awaitOutstanding() error {
	settled := make(chan struct{})
	go func() {
		pw.outstanding.Wait()
		close(settled)
	}()
	select {
	case <-settled:
		return nil
	case <-pw.ctx.Done():
		return context.Cause(pw.ctx)
	case <-time.After(answerTimeout):
		return fmt.Errorf("after %v some messages are not acknowledged, or were not pushed", answerTimeout)
	}
}

func (pw *pushWorkload) recordAnswer(took time.Duration) { pw.recordTime(&pw.answerTimes, took) }

func (pw *pushWorkload) recordPush(took time.Duration) { pw.recordTime(&pw.pushTimes, took) }

func (pw *pushWorkload) recordTime(h *histogram, took time.Duration) {
	pw.mu.Lock()
	h.record(took)
	pw.mu.Unlock()
	pw.outstanding.Done()
}

// runPaced calls a function at the given rate per second for a duration. Late calls are made as soon as possible.
func runPaced(ctx context.Context, rate float64, duration time.Duration, do func(i int) error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	start := time.Now()
	for i := range int(rate * duration.Seconds()) {
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
