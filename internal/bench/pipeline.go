package bench

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// pipeline is a client that does not wait for one answer before it sends the
// next request: up to window requests are unanswered at a time. It sends one
// task over and over.
type pipeline struct {
	conn   *conn
	seqs   *clock
	task   *task
	window int

	flying  []sentRequest // oldest first
	out     []byte
	latency histogram
}

// sentRequest is a request that was not answered yet.
type sentRequest struct {
	seq [seqDigits]byte
	at  time.Time
}

// run sends until the time is up, and waits for the last answers.
func (p *pipeline) run(ctx context.Context, until time.Time) error {
	defer p.conn.close()
	for {
		now := time.Now()
		if now.Before(until) && ctx.Err() == nil {
			if err := p.fill(now); err != nil {
				return err
			}
		}
		if len(p.flying) == 0 {
			return ctx.Err()
		}
		if err := p.conn.answers(p.take); err != nil {
			return err
		}
	}
}

// fill sends as many requests as the window has room for, in one write.
func (p *pipeline) fill(now time.Time) error {
	p.out = p.out[:0]
	task := p.task
	for len(p.flying) < p.window {
		var s sentRequest
		s.at = now
		if task.seq != nil { // Redis answers in order, and names nothing
			putDigits(task.seq, p.seqs.next())
			copy(s.seq[:], task.seq)
		}
		putDigits(task.text[:numberDigits], *task.stored+uint64(len(p.flying))+1)
		p.out = append(p.out, task.request...)
		p.flying = append(p.flying, s)
	}
	_, err := p.conn.tcp.Write(p.out)
	return err
}

// take takes the answer to the oldest request.
func (p *pipeline) take(answer []byte) error {
	if len(p.flying) == 0 {
		return fmt.Errorf("got %q, and nothing was asked", answer)
	}
	first := p.flying[0]
	seq := first.seq[:len(p.task.seq)]
	if !bytes.Contains(answer, seq) || !bytes.Contains(answer, p.task.want) {
		return fmt.Errorf("expected an answer with %q and %q, got %q", seq, p.task.want, answer)
	}
	p.flying = p.flying[:copy(p.flying, p.flying[1:])]
	*p.task.stored++
	p.latency.record(time.Since(first.at))
	return nil
}
