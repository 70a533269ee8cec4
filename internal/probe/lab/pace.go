package lab

import (
	"context"
	"slices"
	"time"
)

// A pace keeps to a rate of requests, and halves it when the server slows.
type requestPacer struct {
	most, rate float64 // requests a second; 0 is no limit
	next       time.Time
	base       time.Duration // the usual time of an answer, from the first ones
	usual      time.Duration // of the latest ones; 0 if too few have come
	recent     []time.Duration
	slowest    map[string]time.Duration // answer by command
}

// window is how many answers are looked at together, and few how many say roughly how long
// answers take.
const window, few = 32, 8

func newPace(rate float64) requestPacer {
	return requestPacer{most: rate, rate: rate, slowest: make(map[string]time.Duration)}
}

// wait returns when the next request may be sent.
func (p *requestPacer) wait(ctx context.Context) error {
	if p.rate == 0 {
		return nil
	}
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	err := sleep(ctx, p.next.Sub(now))
	p.next = p.next.Add(time.Duration(float64(time.Second) / p.rate))
	return err
}

// heard notes how long the answer to a command took.
func (p *requestPacer) heard(command string, took time.Duration) {
	p.slowest[command] = max(p.slowest[command], took)
	p.recent = append(p.recent, took)
	if p.base == 0 && len(p.recent) == few {
		p.usual = slices.Sorted(slices.Values(p.recent))[few/2]
	}
	if len(p.recent) < window {
		return
	}
	slices.Sort(p.recent)
	median := p.recent[window/2]
	p.usual = median
	p.recent = p.recent[:0]
	switch {
	case p.base == 0:
		p.base = max(median, time.Millisecond)
	case median > 5*p.base+10*time.Millisecond:
		if p.rate == 0 {
			p.rate = 100
		}
		p.rate = max(p.rate/2, 1)
	case p.rate != p.most:
		p.rate *= 2
		if p.most > 0 && p.rate > p.most || p.most == 0 && p.rate > 1000 {
			p.rate = p.most
		}
	}
}

// leastPatience is what any answer is waited for: a machine that is busy is no silent server.
const leastPatience = 2 * time.Second

// patience is how long to wait for the answer to a command: far longer than answers take,
// if that is known, and no longer than most.
func (p *requestPacer) patience(command string, most time.Duration) time.Duration {
	if p.usual == 0 {
		return most
	}
	return min(most, max(leastPatience, 100*p.usual, 3*p.slowest[command]))
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
