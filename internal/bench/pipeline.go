package bench

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// pipeline is a client that sends one task repeatedly, without waiting for each answer: up to maxUnanswered requests
// are unanswered at a time. The server must answer in order.
type pipeline struct {
	conn          *clientConn
	seqs          *seqSource
	task          *requestTask
	maxUnanswered int

	unanswered  []sentRequest // oldest first
	writeBuffer []byte
	latency     histogram
}

// sentRequest is a request without an answer.
type sentRequest struct {
	seq    [seqDigits]byte
	sentAt time.Time
}

// run sends requests until the given time and then waits for the last answers.
func (pl *pipeline) run(ctx context.Context, until time.Time) error {
	defer pl.conn.close()
	for {
		now := time.Now()
		if now.Before(until) && ctx.Err() == nil {
			if err := pl.fillWindow(now); err != nil {
				return err
			}
		}
		if len(pl.unanswered) == 0 {
			return ctx.Err()
		}
		if err := pl.conn.readAnswers(pl.handleAnswer); err != nil {
			return err
		}
	}
}

// fillWindow sends as many requests as maxUnanswered allows, in one write.
func (pl *pipeline) fillWindow(now time.Time) error {
	pl.writeBuffer = pl.writeBuffer[:0]
	task := pl.task
	for len(pl.unanswered) < pl.maxUnanswered {
		var s sentRequest
		s.sentAt = now
		if task.seq != nil { // Redis answers in order and without a SEQ
			writeDigits(task.seq, pl.seqs.next())
			copy(s.seq[:], task.seq)
		}
		writeDigits(task.text[:numberDigits], *task.acknowledged+uint64(len(pl.unanswered))+1)
		pl.writeBuffer = append(pl.writeBuffer, task.requestBytes...)
		pl.unanswered = append(pl.unanswered, s)
	}
	_, err := pl.conn.tcp.Write(pl.writeBuffer)
	return err
}

// handleAnswer checks an answer, which must be that to the oldest unanswered request.
func (pl *pipeline) handleAnswer(answer []byte) error {
	if len(pl.unanswered) == 0 {
		return fmt.Errorf("got %q, and nothing was asked", answer)
	}
	first := pl.unanswered[0]
	seq := first.seq[:len(pl.task.seq)]
	if !bytes.Contains(answer, seq) || !bytes.Contains(answer, pl.task.wantAnswer) {
		return fmt.Errorf("expected an answer with %q and %q, got %q", seq, pl.task.wantAnswer, answer)
	}
	pl.unanswered = pl.unanswered[:copy(pl.unanswered, pl.unanswered[1:])]
	*pl.task.acknowledged++
	pl.latency.record(time.Since(first.sentAt))
	return nil
}
