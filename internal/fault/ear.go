package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// PushReceiver is an account's program that stays connected: whenever its line breaks,
// it opens another one. Of what is pushed to it more than once, which the number
// tells, it keeps the first.
type PushReceiver struct {
	*Client
	Dial     Dial
	Password string
	// Confirms: it confirms each push. A program of old does not.
	Confirms bool
	// Resumes: it goes on with the token of its first login, instead of logging
	// in again. It needs a device for that.
	Resumes bool

	token string

	mu    sync.Mutex // guards what follows
	heard map[uint64]*receivedPush
	order []Push
	lines int
	// broke is when the latest line ended, latest the highest number on the line
	// that is open.
	broke  time.Time
	latest uint64
	again  []Redelivery
	faults []error
}

// receivedPush is the first time that something was pushed, and when it was
// confirmed.
type receivedPush struct {
	push      Push
	confirmed time.Time
}

// Redelivery is a push of what had been pushed before.
type Redelivery struct {
	Push
	// Confirmed is how long it had been confirmed when its line broke; 0 or
	// less if it had not.
	Confirmed time.Duration
}

// Run stays connected until ctx ends. An error is an answer that should not be.
func (e *PushReceiver) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := e.connect(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if errors.Is(err, errNonsense) {
			return err
		}
		select { // nobody listens, or it does not answer any more
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return errors.Join(e.faults...)
}

// connect opens a line and stays on it until it breaks, or ctx ends.
func (e *PushReceiver) connect(ctx context.Context) error {
	conn, err := e.Dial(ctx)
	if err != nil {
		return err
	}
	line := e.listen(conn)
	defer e.hangUp(line)
	if err := e.signIn(ctx, line); err != nil {
		return err
	}
	select {
	case <-line.ended:
		if errors.Is(line.err, errNonsense) {
			return line.err
		}
	case <-ctx.Done():
	}
	return nil
}

func (e *PushReceiver) listen(conn net.Conn) *Line {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.latest = 0
	e.lines++
	return NewLine(conn, e.hear)
}

func (e *PushReceiver) hangUp(line *Line) {
	line.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.broke = time.Now()
}

// signIn logs in on a line, or says with the token whose it is. A refusal is
// an error that ends the ear.
func (e *PushReceiver) signIn(ctx context.Context, line *Line) error {
	client := Client{UIN: e.UIN, Device: e.Device, Post: line.Ask}
	if e.Resumes && e.token != "" {
		answer, err := client.Once(ctx, client.Request("List", "&SID="+e.token+"&TN=1&UN=0"))
		if err == nil && answer.RES != resDone {
			err = fmt.Errorf("%w: the token of %d is worth nothing any more: %s", errNonsense, e.UIN, answer.Text)
		}
		return err
	}
	answer, err := client.login(ctx, e.Password, client.Once)
	switch {
	case err != nil && answer.RES != resTemporary && answer.Text != "":
		return fmt.Errorf("%w: %w", errNonsense, err)
	case err == nil:
		e.token = answer.Value("SID")
	}
	return err
}

// hear takes a push.
func (e *PushReceiver) hear(line *Line, push Push) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if push.Number <= e.latest || push.To != e.UIN {
		e.faults = append(e.faults, fmt.Errorf("number %d was pushed after %d on one line: %v", push.Number, e.latest, push))
	}
	e.latest = push.Number
	if e.heard == nil {
		e.heard = make(map[uint64]*receivedPush)
	}
	h, known := e.heard[push.Number]
	switch {
	case !known:
		h = &receivedPush{push: push}
		e.heard[push.Number] = h
		e.order = append(e.order, push)
	case h.push != push:
		e.faults = append(e.faults, fmt.Errorf("number %d was pushed as %v, and then as %v", push.Number, h.push, push))
	case h.confirmed.IsZero():
		e.again = append(e.again, Redelivery{Push: push})
	default:
		e.again = append(e.again, Redelivery{push, e.broke.Sub(h.confirmed)})
	}
	if e.Confirms && line.Confirm(push) == nil && h.confirmed.IsZero() {
		h.confirmed = time.Now()
	}
}

// Heard is what was pushed, each number once, in the order in which it came
// first; again is what came more than once, lines how many there were.
func (e *PushReceiver) Heard() (order []Push, again []Redelivery, lines int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Push(nil), e.order...), append([]Redelivery(nil), e.again...), e.lines
}
