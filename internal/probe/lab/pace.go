package lab

import (
	"context"
	"slices"
	"time"
)

// requestPacer spaces requests to keep within a rate. It halves the rate when answers take much
// longer than in the beginning, and doubles it again when they are fast.
type requestPacer struct {
	maxRate, rate    float64 // requests a second, 0 for no limit
	nextRequestAt    time.Time
	initialMedian    time.Duration // answer time of the first window
	latestMedian     time.Duration // answer time of the latest window, 0 before enough answers
	recentTimes      []time.Duration
	slowestByCommand map[string]time.Duration // the longest answer time of each command
}

// A window has pacerWindow answers. After the first minPacerAnswers of the first window there is a
// preliminary median, so that timeouts shrink early.
const pacerWindow, minPacerAnswers = 32, 8

func newPacer(rate float64) requestPacer {
	return requestPacer{maxRate: rate, rate: rate, slowestByCommand: make(map[string]time.Duration)}
}

// wait blocks until the next request may be sent.
func (p *requestPacer) wait(ctx context.Context) error {
	if p.rate == 0 {
		return nil
	}
	now := time.Now()
	if p.nextRequestAt.Before(now) {
		p.nextRequestAt = now
	}
	err := sleepContext(ctx, p.nextRequestAt.Sub(now))
	p.nextRequestAt = p.nextRequestAt.Add(time.Duration(float64(time.Second) / p.rate))
	return err
}

// recordAnswerTime records how long the answer to a command took. After each window it adapts the
// rate. Without a configured rate, the first slowdown limits it to 50 requests a second, and a
// recovery above 1000 lifts the limit.
func (p *requestPacer) recordAnswerTime(command string, took time.Duration) {
	p.slowestByCommand[command] = max(p.slowestByCommand[command], took)
	p.recentTimes = append(p.recentTimes, took)
	if p.initialMedian == 0 && len(p.recentTimes) == minPacerAnswers {
		p.latestMedian = slices.Sorted(slices.Values(p.recentTimes))[minPacerAnswers/2]
	}
	if len(p.recentTimes) < pacerWindow {
		return
	}
	slices.Sort(p.recentTimes)
	median := p.recentTimes[pacerWindow/2]
	p.latestMedian = median
	p.recentTimes = p.recentTimes[:0]
	switch {
	case p.initialMedian == 0:
		p.initialMedian = max(median, time.Millisecond)
	case median > 5*p.initialMedian+10*time.Millisecond:
		if p.rate == 0 {
			p.rate = 100
		}
		p.rate = max(p.rate/2, 1)
	case p.rate != p.maxRate:
		p.rate *= 2
		if p.maxRate > 0 && p.rate > p.maxRate || p.maxRate == 0 && p.rate > 1000 {
			p.rate = p.maxRate
		}
	}
}

// minAnswerTimeout is the shortest timeout of an answer, so that a busy machine does not look like
// a silent server.
const minAnswerTimeout = 2 * time.Second

// answerTimeout returns how long to wait for the answer to a command: many times the usual answer
// time, but at most longest. Before there is a median it returns longest.
func (p *requestPacer) answerTimeout(command string, longest time.Duration) time.Duration {
	if p.latestMedian == 0 {
		return longest
	}
	return min(longest, max(minAnswerTimeout, 100*p.latestMedian, 3*p.slowestByCommand[command]))
}

// sleepContext sleeps for a duration, or until ctx ends, and then returns ctx.Err().
func sleepContext(ctx context.Context, duration time.Duration) error {
	if duration <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
