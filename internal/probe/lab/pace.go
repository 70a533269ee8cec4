package lab

import (
	"context"
	"slices"
	"time"
)

// A pace keeps to a rate of requests, and halves it when the server slows.
type requestPacer struct {
	maxRate, rate    float64 // requests a second; 0 is no limit
	nextRequestAt    time.Time
	initialMedian    time.Duration // the usual time of an answer, from the first ones
	latestMedian     time.Duration // of the latest ones; 0 if too few have come
	recentTimes      []time.Duration
	slowestByCommand map[string]time.Duration // answer by command
}

// window is how many answers are looked at together, and few how many say roughly how long
// answers take.
const pacerWindow, minPacerAnswers = 32, 8

func newPacer(rate float64) requestPacer {
	return requestPacer{maxRate: rate, rate: rate, slowestByCommand: make(map[string]time.Duration)}
}

// wait returns when the next request may be sent.
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

// recordAnswerTime notes how long the answer to a command took.
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

// leastPatience is what any answer is waited for: a machine that is busy is no silent server.
const minAnswerTimeout = 2 * time.Second

// answerTimeout is how long to wait for the answer to a command: far longer than answers take,
// if that is known, and no longer than most.
func (p *requestPacer) answerTimeout(command string, most time.Duration) time.Duration {
	if p.latestMedian == 0 {
		return most
	}
	return min(most, max(minAnswerTimeout, 100*p.latestMedian, 3*p.slowestByCommand[command]))
}

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
