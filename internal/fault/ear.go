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
	Dial     DialFunc
	Password string
	// Confirms: it confirms each push. A program of old does not.
	Confirms bool
	// Resumes: it goes on with the token of its first login, instead of logging
	// in again. It needs a device for that.
	Resumes bool

	token string

	mu              sync.Mutex // guards what follows
	received        map[uint64]*receivedPush
	firstDeliveries []Push
	streamCount     int
	// disconnectedAt is when the latest line ended, latest the highest number on the line
	// that is open.
	disconnectedAt time.Time
	latestNumber   uint64
	redeliveries   []Redelivery
	errs           []error
}

// receivedPush is the first time that something was pushed, and when it was
// confirmed.
type receivedPush struct {
	push        Push
	confirmedAt time.Time
}

// Redelivery is a push of what had been pushed before.
type Redelivery struct {
	Push
	// ConfirmedFor is how long it had been confirmed when its line broke; 0 or
	// less if it had not.
	ConfirmedFor time.Duration
}

// Run stays connected until ctx ends. An error is an answer that should not be.
func (e *PushReceiver) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := e.runStream(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if errors.Is(err, errInvalidAnswer) {
			return err
		}
		select { // nobody listens, or it does not answer any more
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return errors.Join(e.errs...)
}

// runStream opens a line and stays on it until it breaks, or ctx ends.
func (e *PushReceiver) runStream(ctx context.Context) error {
	conn, err := e.Dial(ctx)
	if err != nil {
		return err
	}
	line := e.openStream(conn)
	defer e.closeStream(line)
	if err := e.signIn(ctx, line); err != nil {
		return err
	}
	select {
	case <-line.ended:
		if errors.Is(line.err, errInvalidAnswer) {
			return line.err
		}
	case <-ctx.Done():
	}
	return nil
}

func (e *PushReceiver) openStream(conn net.Conn) *Stream {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.latestNumber = 0
	e.streamCount++
	return NewStream(conn, e.handlePush)
}

func (e *PushReceiver) closeStream(line *Stream) {
	line.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.disconnectedAt = time.Now()
}

// signIn logs in on a line, or says with the token whose it is. A refusal is
// an error that ends the ear.
func (e *PushReceiver) signIn(ctx context.Context, line *Stream) error {
	client := Client{UIN: e.UIN, Device: e.Device, Post: line.SendAndWait}
	if e.Resumes && e.token != "" {
		answer, err := client.SendOnce(ctx, client.NewRequest("List", "&SID="+e.token+"&TN=1&UN=0"))
		if err == nil && answer.RES != resDone {
			err = fmt.Errorf("%w: the token of %d is worth nothing any more: %s", errInvalidAnswer, e.UIN, answer.Text)
		}
		return err
	}
	answer, err := client.loginWith(ctx, e.Password, client.SendOnce)
	switch {
	case err != nil && answer.RES != resTemporary && answer.Text != "":
		return fmt.Errorf("%w: %w", errInvalidAnswer, err)
	case err == nil:
		e.token = answer.Value("SID")
	}
	return err
}

// handlePush takes a push.
func (e *PushReceiver) handlePush(line *Stream, push Push) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if push.Number <= e.latestNumber || push.To != e.UIN {
		e.errs = append(e.errs, fmt.Errorf("number %d was pushed after %d on one line: %v", push.Number, e.latestNumber, push))
	}
	e.latestNumber = push.Number
	if e.received == nil {
		e.received = make(map[uint64]*receivedPush)
	}
	received, exists := e.received[push.Number]
	switch {
	case !exists:
		received = &receivedPush{push: push}
		e.received[push.Number] = received
		e.firstDeliveries = append(e.firstDeliveries, push)
	case received.push != push:
		e.errs = append(e.errs, fmt.Errorf("number %d was pushed as %v, and then as %v", push.Number, received.push, push))
	case received.confirmedAt.IsZero():
		e.redeliveries = append(e.redeliveries, Redelivery{Push: push})
	default:
		e.redeliveries = append(e.redeliveries, Redelivery{push, e.disconnectedAt.Sub(received.confirmedAt)})
	}
	if e.Confirms && line.Confirm(push) == nil && received.confirmedAt.IsZero() {
		received.confirmedAt = time.Now()
	}
}

// Received is what was pushed, each number once, in the order in which it came
// first; again is what came more than once, lines how many there were.
func (e *PushReceiver) Received() (pushes []Push, redeliveries []Redelivery, lines int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Push(nil), e.firstDeliveries...), append([]Redelivery(nil), e.redeliveries...), e.streamCount
}
