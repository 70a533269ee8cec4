package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rookery-im/rookery/wire"
)

// request is a record to be asked, without what all have.
type request struct {
	command string
	fields  []Field
	// once: done twice would not be the same as done once, so that it is
	// repeated only as long as the server knows a repeat.
	once bool
	// done looks in another way whether it was done, if it is not known for
	// long. nil: there is none.
	done func(ctx context.Context) (bool, error)
}

// record writes a request down. SID and texts come last, in that order
// (section 2 of the protocol).
func (c *Client) record(r request, seq string) []byte {
	b := make([]byte, 0, 256)
	for _, field := range []Field{
		text("VER", c.options.version), text("CMD", r.command), text("SEQ", seq), number("UIN", c.UIN())} {
		b = appendField(b, field)
	}
	if token := c.Token(); token != "" && r.command != "Login" {
		b = appendField(b, text("SID", token))
	}
	for _, field := range r.fields {
		b = appendField(b, field)
	}
	return b
}

// askOnce asks on a link, without repeating. An answer with another result than
// RES=0 is an error.
func (c *Client) askOnce(ctx context.Context, conn serverConn, r request) (Answer, error) {
	answer, _, err := c.try(ctx, conn, r, newSEQ())
	return answer, err
}

// try asks on a link. If there is no answer, or one that says as little,
// reached says whether the server may have got the request all the same.
func (c *Client) try(ctx context.Context, conn serverConn, r request, seq string) (answer Answer, reached bool, err error) {
	record := c.record(r, seq)
	if len(record) > wire.MaxRecord {
		return Answer{}, false, fmt.Errorf("%w: the request has %d bytes, allowed are %d", ErrParameter, len(record), wire.MaxRecord)
	}
	began := time.Now()
	answer, reached, err = conn.ask(ctx, seq, record)
	if err != nil {
		c.options.log.Debug("asked", "command", r.command, "seq", seq, "error", err)
		return Answer{}, reached, err
	}
	res, ok := answer.res()
	c.options.log.Debug("asked", "command", r.command, "seq", seq, "res", res, "took", time.Since(began))
	switch {
	case !ok:
		return Answer{}, true, badAnswer(r.command, "it has no RES")
	case res != resDone:
		return Answer{}, true, refusal(r.command, res, answer)
	}
	return answer, true, nil
}

// ask asks until there is an answer or ctx ends, with the same SEQ, so that
// what the request does is done once.
func (c *Client) ask(ctx context.Context, r request) (Answer, error) {
	return c.askAs(ctx, r, newSEQ())
}

func (c *Client) askAs(ctx context.Context, r request, seq string) (Answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	var reached time.Time // when the server may have got it first
	for refusals := 1; ; {
		conn, err := c.working(ctx)
		if err != nil {
			return Answer{}, c.gaveUp(r, reached, err)
		}
		if r.once && !reached.IsZero() && age(reached) > c.options.times.safe {
			if r.done == nil {
				return Answer{}, c.gaveUp(r, reached, errTooLate)
			}
			if done, err := r.done(ctx); done || err != nil {
				return Answer{}, c.gaveUp(r, reached, err)
			}
			reached = time.Time{} // it was not done, so time begins anew
		}
		began := time.Now()
		answer, maybe, err := c.try(ctx, conn, r, seq)
		var refused *Error
		answered := err == nil || errors.As(err, &refused) || !isBroken(conn) && ctx.Err() == nil
		if answered && !errors.Is(err, ErrTemporary) && !errors.Is(err, ErrNotLoggedIn) {
			return answer, err
		}
		if maybe && reached.IsZero() && !errors.Is(err, ErrNotLoggedIn) {
			reached = began
		}
		switch {
		case errors.Is(err, ErrNotLoggedIn):
			conn.breaks(err)
		case answered: // RES=4
			if !sleep(ctx, pause(c.options.times, refusals)) {
				return Answer{}, c.gaveUp(r, reached, errors.Join(err, ctx.Err()))
			}
			refusals++
		case ctx.Err() != nil:
			return Answer{}, c.gaveUp(r, reached, ctx.Err())
		}
	}
}

var errTooLate = errors.New("the server has been out of reach for longer than it knows a repeat")

// gaveUp is the error, or nil, for a request that is not asked any more.
func (c *Client) gaveUp(r request, reached time.Time, why error) error {
	if why == nil {
		return nil
	}
	if c.ctx.Err() != nil {
		why = ErrClosed
	}
	if r.once && !reached.IsZero() {
		return fmt.Errorf("%s: %w: it is not known whether the server did it: %w", r.command, ErrTemporary, why)
	}
	return fmt.Errorf("%s: %w", r.command, why)
}

// Do asks for any command, for those who know the protocol. The fields are
// sent in their order behind VER, CMD, SEQ, UIN and SID; a raw text comes last.
// A lost answer is asked for with the same SEQ, as with Send. An answer with
// another result than RES=0 is an *Error.
func (c *Client) Do(ctx context.Context, command string, fields ...Field) (Answer, error) {
	return c.ask(ctx, request{command: command, fields: fields, once: true})
}

// pause is how long to wait after a number of failures in a row: twice as long
// each time, up to a bound, and a random part less, so that the clients of a
// server that comes back do not come all at once.
func pause(times timeouts, failures int) time.Duration {
	longest := times.lastPause
	if shift := failures - 1; shift < 16 {
		longest = min(longest, times.firstPause<<shift)
	}
	return longest/2 + rand.N(longest/2+1)
}

// sleep waits, and reports whether ctx has not ended meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
