package client

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// pipe carries records both ways: a line or a WebSocket.
type pipe interface {
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

// stream is a link over a pipe: records go out as they come, and what comes in
// is either an answer, known by its SEQ, or pushed.
type stream struct {
	breakage
	pipe    pipe
	patient time.Duration // how long an answer is waited for
	log     *slog.Logger
	flow    flow

	sending sync.Mutex // one send at a time

	mu      sync.Mutex // guards waiting
	waiting []waiter   // in the order of the requests
}

type waiter struct {
	seq    string
	answer chan<- Answer // holds one
}

// stream makes a link of a pipe, and begins to read from it.
func (c *Client) stream(p pipe) *stream {
	s := &stream{breakage: newBreakage(), pipe: p, patient: c.options.times.answer, log: c.options.log}
	c.running.Go(func() { s.read(func(a Answer) { c.pushed(a, &s.flow) }) })
	return s
}

func (s *stream) pushes() *flow { return &s.flow }

func (s *stream) breaks(cause error) { s.end(cause, s.pipe.close) }

func (s *stream) confirm(record []byte) error { return s.send(record) }

func (s *stream) send(record []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	err := s.pipe.send(record)
	if err != nil {
		s.breaks(err)
	}
	return err
}

func (s *stream) ask(ctx context.Context, seq string, record []byte) (a Answer, reached bool, err error) {
	if isBroken(s) {
		return Answer{}, false, s.cause()
	}
	answer := make(chan Answer, 1)
	s.mu.Lock()
	s.waiting = append(s.waiting, waiter{seq, answer})
	s.mu.Unlock()
	defer s.forget(seq)
	if err := s.send(record); err != nil {
		return Answer{}, true, err
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

func (s *stream) forget(seq string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = slices.DeleteFunc(s.waiting, func(w waiter) bool { return w.seq == seq })
}

// read takes in what the server sends until the pipe ends.
func (s *stream) read(pushed func(Answer)) {
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
		a := parseAnswer(b)
		if pushedCommands[a.Text("CMD")] {
			pushed(a)
			continue
		}
		s.answered(a)
	}
}

// answered gives an answer to whoever waits for it.
func (s *stream) answered(a Answer) {
	seq := a.Text("SEQ")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.waiting {
		if w.seq == seq {
			select {
			case w.answer <- a:
			default: // a second answer to the same request
			}
			return
		}
	}
	s.log.Debug("an answer that nobody waits for", "seq", seq)
}

// errEnded is the cause where the server has ended a connection in good order.
var errEnded = errors.New("the server has ended the connection")
