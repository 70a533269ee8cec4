package client

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// recordConn carries records both ways: a line or a WebSocket.
type recordConn interface {
	// send writes one record; one call at a time.
	send(record []byte) error
	// receive returns the next record, which is the caller's. It returns none
	// that has not arrived whole.
	receive() ([]byte, error)
	close()
}

// maxAnswer bounds what is kept of a server that does not end its record, in
// bytes. Answers are at most some 64 KiB.
const maxAnswer = 1 << 20

// sendTime is how long a write may take.
const sendTime = 20 * time.Second

// streamConn is a link over a pipe: records go out as they come, and what comes in
// is either an answer, known by its SEQ, or pushed.
type streamConn struct {
	closeState
	pipe    recordConn
	patient time.Duration // how long an answer is waited for
	log     *slog.Logger
	flow    messageSequence

	sending chan struct{} // holds one while a record is written

	mu      sync.Mutex      // guards waiting
	waiting []pendingAnswer // in the order of the requests
}

type pendingAnswer struct {
	seq    string
	answer chan<- Answer // holds one
}

// streamConn makes a link of a pipe, and begins to read from it.
func (c *Client) stream(p recordConn) *streamConn {
	s := &streamConn{closeState: newBreakage(), pipe: p, patient: c.options.times.answer, log: c.options.log, sending: make(chan struct{}, 1)}
	c.running.Go(func() { s.read(func(answer Answer) { c.pushed(answer, &s.flow) }) })
	return s
}

func (s *streamConn) pushes() *messageSequence { return &s.flow }

func (s *streamConn) breaks(cause error) { s.end(cause, s.pipe.close) }

// confirm waits for the records before, at most until the link breaks.
func (s *streamConn) confirm(record []byte) error {
	_, err := s.send(context.Background(), record)
	return err
}

// send writes a record when those before it are written. If ctx ends before, it
// does not, and begun is false. A write that has begun is not given up: what is
// left of the record would be read as the next one's beginning.
func (s *streamConn) send(ctx context.Context, record []byte) (begun bool, err error) {
	select {
	case s.sending <- struct{}{}:
		defer func() { <-s.sending }()
	case <-ctx.Done():
		return false, ctx.Err()
	case <-s.broken():
		return false, s.cause()
	}
	err = s.pipe.send(record)
	if err != nil {
		s.breaks(err)
	}
	return true, err
}

func (s *streamConn) ask(ctx context.Context, seq string, record []byte) (a Answer, reached bool, err error) {
	if isBroken(s) {
		return Answer{}, false, s.cause()
	}
	answer := make(chan Answer, 1)
	s.mu.Lock()
	s.waiting = append(s.waiting, pendingAnswer{seq, answer})
	s.mu.Unlock()
	defer s.forget(seq)
	if begun, err := s.send(ctx, record); err != nil {
		return Answer{}, begun, err
	}
	silence := time.NewTimer(s.patient)
	defer silence.Stop()
	select {
	case a = <-answer:
		return a, true, nil
	case <-ctx.Done():
		return Answer{}, true, ctx.Err()
	case <-silence.C:
		s.breaks(errSilent)
	case <-s.broken():
	}
	select {
	case a = <-answer: // it came in the same moment
		return a, true, nil
	default:
		return Answer{}, true, s.cause()
	}
}

func (s *streamConn) forget(seq string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = slices.DeleteFunc(s.waiting, func(w pendingAnswer) bool { return w.seq == seq })
}

// read takes in what the server sends until the pipe ends.
func (s *streamConn) read(pushed func(Answer)) {
	met := false // a server of the protocol has said something
	for {
		b, err := s.pipe.receive()
		if err != nil {
			s.breaks(err)
			return
		}
		if isNull(b) { // it has no SEQ, and no other request will fare better
			s.breaks(errVersion)
			return
		}
		answer := parseAnswer(b)
		if answer.Text("CMD") != "" {
			met = true
		} else if !met && len(b) > 0 {
			s.breaks(errNoRecord)
			return
		}
		if pushedCommands[answer.Text("CMD")] {
			pushed(answer)
			continue
		}
		s.answered(answer)
	}
}

// answered gives an answer to whoever waits for it.
func (s *streamConn) answered(answer Answer) {
	seq := answer.Text("SEQ")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pendingAnswer := range s.waiting {
		if pendingAnswer.seq == seq {
			select {
			case pendingAnswer.answer <- answer:
			default: // a second answer to the same request
			}
			return
		}
	}
	s.log.Debug("an answer that nobody waits for", "seq", seq)
}

// errNoRecord is the cause where something else answers than a server of the
// protocol. Such a program may wait for more for long.
var errNoRecord = errors.New("what answers is no record; is the address that of a Rookery server?")

// errEnded is the cause where the server has ended a connection in good order.
var errEnded = errors.New("the server has ended the connection")
