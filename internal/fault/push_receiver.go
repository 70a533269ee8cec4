package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// PushReceiver is a client that stays connected and reconnects whenever its stream breaks. It recognizes a message
// that is pushed more than once by its number in the mailbox, and keeps the first copy.
type PushReceiver struct {
	*Client
	Dial     DialFunc
	Password string
	// Confirms makes the receiver confirm each push. Old programs do not confirm pushes.
	Confirms bool
	// Resumes makes the receiver reconnect with the token of its first login instead of logging in again. It
	// requires a Device.
	Resumes bool

	token string
	// signedIn, if not nil, is closed by the first sign-in.
	signedIn chan struct{}

	mu              sync.Mutex               // guards the fields below
	received        map[uint64]*receivedPush // by number in the mailbox
	firstDeliveries []Push
	streamCount     int
	// disconnectedAt is when the previous stream ended. latestNumber is the highest number pushed on the
	// current stream.
	disconnectedAt time.Time
	latestNumber   uint64
	redeliveries   []Redelivery
	errs           []error
}

// receivedPush is the first delivery of a push and the time of its first confirmation, zero without one.
type receivedPush struct {
	push        Push
	confirmedAt time.Time
}

// Redelivery is a push that had been pushed before.
type Redelivery struct {
	Push
	// ConfirmedFor is the time from the confirmation to the end of the previous stream. A confirmation just before
	// the end may not have reached the server. It is 0 if the push was not confirmed, and negative if it was
	// confirmed on the current stream.
	ConfirmedFor time.Duration
}

// Run stays connected until ctx ends. It returns an error if the server sent an invalid answer, refused to sign the
// receiver in, or pushed contradictory messages.
func (e *PushReceiver) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := e.runStream(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if errors.Is(err, errInvalidAnswer) {
			return err
		}
		select { // the server is down or does not answer
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return errors.Join(e.errs...)
}

// runStream opens a stream, signs in, and keeps the stream until it breaks or ctx ends. It returns nil if a stream
// that had signed in breaks, so that Run reconnects immediately.
func (e *PushReceiver) runStream(ctx context.Context) error {
	conn, err := e.Dial(ctx)
	if err != nil {
		return err
	}
	stream := e.openStream(conn)
	defer e.closeStream(stream)
	if err := e.signIn(ctx, stream); err != nil {
		return err
	}
	select {
	case <-stream.ended:
		if errors.Is(stream.err, errInvalidAnswer) {
			return stream.err
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

func (e *PushReceiver) closeStream(stream *Stream) {
	stream.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.disconnectedAt = time.Now()
}

// signIn logs in on a stream, or resumes the session with the token. The error wraps errInvalidAnswer, which ends
// Run, if the server refuses.
func (e *PushReceiver) signIn(ctx context.Context, stream *Stream) error {
	client := Client{UIN: e.UIN, Device: e.Device, Post: stream.SendAndWait}
	if e.Resumes && e.token != "" {
		answer, err := client.SendOnce(ctx, client.NewRequest("List", "&SID="+e.token+"&TN=1&UN=0"))
		if err == nil && answer.RES != resDone {
			err = fmt.Errorf("%w: the token of %d is no longer valid: %s", errInvalidAnswer, e.UIN, answer.Text)
		}
		return err
	}
	answer, err := client.loginWith(ctx, e.Password, client.SendOnce)
	switch {
	case err != nil && answer.RES != resTemporary && answer.Text != "":
		return fmt.Errorf("%w: %w", errInvalidAnswer, err)
	case err == nil:
		if e.signedIn != nil {
			close(e.signedIn)
			e.signedIn = nil
		}
		e.token = answer.Value("SID")
	}
	return err
}

// handlePush records a push and confirms it if Confirms is set.
func (e *PushReceiver) handlePush(stream *Stream, push Push) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if push.Number <= e.latestNumber || push.To != e.UIN {
		e.errs = append(e.errs, fmt.Errorf("number %d was pushed after %d on one stream: %v", push.Number,
			e.latestNumber, push))
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
		e.errs = append(e.errs, fmt.Errorf("number %d was pushed as %v, and then as %v", push.Number, received.push,
			push))
	case received.confirmedAt.IsZero():
		e.redeliveries = append(e.redeliveries, Redelivery{Push: push})
	default:
		e.redeliveries = append(e.redeliveries, Redelivery{push, e.disconnectedAt.Sub(received.confirmedAt)})
	}
	if e.Confirms && stream.Confirm(push) == nil && received.confirmedAt.IsZero() {
		received.confirmedAt = time.Now()
	}
}

// Received returns each pushed message once, in order of first delivery, all redeliveries, and the number of
// streams so far.
func (e *PushReceiver) Received() (pushes []Push, redeliveries []Redelivery, streamCount int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Push(nil), e.firstDeliveries...), append([]Redelivery(nil), e.redeliveries...), e.streamCount
}
