package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rookery-im/rookery/wire"
)

// commandRequest is a command and its fields, without those that every record has.
type commandRequest struct {
	command string
	fields  []Field
	// notRepeatable marks a command that must not be executed twice. It is repeated
	// only while the server still recognizes its SEQ.
	notRepeatable bool
	// wasExecuted, if set, finds out by other means whether a request was executed
	// whose repeat the server no longer recognizes.
	wasExecuted func(ctx context.Context) (bool, error)
}

// encodeRequest returns the record of a request. SID and the command's texts come last,
// in this order (section 2 of the protocol).
func (c *Client) encodeRequest(request commandRequest, seq string) []byte {
	record := make([]byte, 0, 256)
	for _, field := range []Field{
		textField("VER", c.options.version), textField("CMD", request.command), textField("SEQ", seq),
		numberField("UIN", c.UIN())} {
		record = appendField(record, field)
	}
	if token := c.Token(); token != "" && request.command != "Login" {
		record = appendField(record, textField("SID", token))
	}
	for _, field := range request.fields {
		record = appendField(record, field)
	}
	return record
}

// requestOnce sends a request on conn with a new SEQ and does not repeat it.
func (c *Client) requestOnce(ctx context.Context, conn serverConn, request commandRequest) (Answer, error) {
	answer, _, err := c.tryRequest(ctx, conn, request, newSEQ())
	return answer, err
}

// tryRequest sends a request on conn once. A result other than RES=0 is an error.
// mayHaveArrived reports whether the server may have received the record.
func (c *Client) tryRequest(ctx context.Context, conn serverConn, request commandRequest, seq string) (answer Answer,
	mayHaveArrived bool, err error) {
	record := c.encodeRequest(request, seq)
	if len(record) > wire.MaxRecord {
		return Answer{}, false, fmt.Errorf("%w: the request has %d bytes; the limit is %d", ErrParameter, len(record),
			wire.MaxRecord)
	}
	startedAt := time.Now()
	answer, mayHaveArrived, err = conn.roundTrip(ctx, seq, record)
	if err != nil {
		c.options.logger.Debug("request", "command", request.command, "seq", seq, "error", err)
		return Answer{}, mayHaveArrived, err
	}
	code, ok := answer.resultCode()
	c.options.logger.Debug("request", "command", request.command, "seq", seq, "res", code, "took",
		time.Since(startedAt))
	switch {
	case !ok:
		return Answer{}, true, newAnswerError(request.command, "it has no RES")
	case code != resultOK:
		return Answer{}, true, newRefusal(request.command, code, answer)
	}
	return answer, true, nil
}

// sendRequest repeats a request with one SEQ, also on later connections, until it is
// answered or ctx ends. The server executes it once.
func (c *Client) sendRequest(ctx context.Context, request commandRequest) (Answer, error) {
	return c.sendRequestWithSEQ(ctx, request, newSEQ())
}

// sendRequestWithSEQ is sendRequest with a SEQ of the caller.
func (c *Client) sendRequestWithSEQ(ctx context.Context, request commandRequest, seq string) (Answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	var firstArrival time.Time // earliest time at which the server may have received it
	for failures := 1; ; {
		conn, err := c.waitForConn(ctx)
		if err != nil {
			return Answer{}, c.giveUpError(request, firstArrival, err)
		}
		if request.notRepeatable && !firstArrival.IsZero() &&
			elapsedSince(firstArrival) > c.options.timeouts.repeatWindow {
			if request.wasExecuted == nil {
				return Answer{}, c.giveUpError(request, firstArrival, errRepeatExpired)
			}
			if done, err := request.wasExecuted(ctx); done || err != nil {
				return Answer{}, c.giveUpError(request, firstArrival, err)
			}
			firstArrival = time.Time{} // not executed: the repeat window starts again
		}
		startedAt := time.Now()
		answer, mayHaveArrived, err := c.tryRequest(ctx, conn, request, seq)
		var refusal *Error
		isAnswered := err == nil || errors.As(err, &refusal) || !isClosed(conn) && ctx.Err() == nil
		if isAnswered && !errors.Is(err, ErrTemporary) && !errors.Is(err, ErrNotLoggedIn) {
			return answer, err
		}
		if mayHaveArrived && firstArrival.IsZero() && !errors.Is(err, ErrNotLoggedIn) {
			firstArrival = startedAt
		}
		switch {
		case errors.Is(err, ErrNotLoggedIn):
			conn.closeWith(err)
		case isAnswered: // RES=4
			if !sleepContext(ctx, retryDelay(c.options.timeouts, failures)) {
				return Answer{}, c.giveUpError(request, firstArrival, errors.Join(err, ctx.Err()))
			}
			failures++
		case ctx.Err() != nil:
			return Answer{}, c.giveUpError(request, firstArrival, ctx.Err())
		}
	}
}

var errRepeatExpired = errors.New("the connection was lost for so long that the server may have forgotten the request")

// giveUpError wraps the reason why a request is not repeated any more. It returns nil
// for a nil reason, which means that the request was executed.
func (c *Client) giveUpError(request commandRequest, firstArrival time.Time, reason error) error {
	if reason == nil {
		return nil
	}
	if c.ctx.Err() != nil {
		reason = ErrClosed
	}
	if request.notRepeatable && !firstArrival.IsZero() {
		return fmt.Errorf("%s: %w: it is unknown whether the server executed the request: %w", request.command,
			ErrTemporary,
			reason)
	}
	return fmt.Errorf("%s: %w", request.command, reason)
}

// Do sends any command of the protocol. The fields follow VER, CMD, SEQ, UIN and SID in
// the given order; a raw text must be last. Do repeats an unanswered request with the
// same SEQ, as Send does. A result other than RES=0 is an *Error.
func (c *Client) Do(ctx context.Context, command string, fields ...Field) (Answer, error) {
	return c.sendRequest(ctx, commandRequest{command: command, fields: fields, notRepeatable: true})
}

// retryDelay returns the pause after a number of consecutive failures. It doubles up to
// a limit. Up to half of it is random, so that the clients of a restarted server do not
// all return at once.
func retryDelay(limits timeouts, failures int) time.Duration {
	maxDelay := limits.maxRetryDelay
	if doublings := failures - 1; doublings < 16 {
		maxDelay = min(maxDelay, limits.minRetryDelay<<doublings)
	}
	return maxDelay/2 + rand.N(maxDelay/2+1)
}

// sleepContext waits for duration. It returns false if ctx ends first.
func sleepContext(ctx context.Context, duration time.Duration) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
