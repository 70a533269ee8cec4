package client

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// recordConn transfers whole records in both directions: a TCP connection or a WebSocket.
type recordConn interface {
	// writeRecord writes one record. Calls must not overlap.
	writeRecord(record []byte) error
	// readRecord returns the next complete record. The caller owns it.
	readRecord() ([]byte, error)
	close()
}

// maxAnswerBytes bounds the memory for one record from the server. Real answers have
// about 64 KiB at most.
const maxAnswerBytes = 1 << 20

// writeTimeout bounds the write of one record.
const writeTimeout = 20 * time.Second

// streamConn is a serverConn over a recordConn. Each incoming record is either the
// answer to a request, identified by its SEQ, or a push.
type streamConn struct {
	closeState
	records       recordConn
	answerTimeout time.Duration
	logger        *slog.Logger
	sequence      messageSequence

	writeSlot chan struct{} // holds one element during a write

	mu             sync.Mutex      // guards pendingAnswers
	pendingAnswers []pendingAnswer // in the order of their requests
}

type pendingAnswer struct {
	seq    string
	answer chan<- Answer
}

// newStreamConn starts to read from records.
func (c *Client) newStreamConn(records recordConn) *streamConn {
	conn := &streamConn{closeState: newCloseState(), records: records, answerTimeout: c.options.timeouts.answerTimeout,
		logger: c.options.logger, writeSlot: make(chan struct{}, 1)}
	c.goroutines.Go(func() { conn.readRecords(func(answer Answer) { c.handlePush(answer, &conn.sequence) }) })
	return conn
}

func (s *streamConn) pushSequence() *messageSequence { return &s.sequence }

func (s *streamConn) closeWith(reason error) { s.closeOnce(reason, s.records.close) }

// confirm writes a confirmation after the writes before it. It gives up when the connection ends.
func (s *streamConn) confirm(record []byte) error {
	_, err := s.sendRecord(context.Background(), record)
	return err
}

// sendRecord waits for earlier writes and then writes record. If ctx ends during the
// wait, hasBegun is false and nothing is written. A write that has begun is never
// abandoned, because the server would read the next record as the rest of this one.
func (s *streamConn) sendRecord(ctx context.Context, record []byte) (hasBegun bool, err error) {
	select {
	case s.writeSlot <- struct{}{}:
		defer func() { <-s.writeSlot }()
	case <-ctx.Done():
		return false, ctx.Err()
	case <-s.closed():
		return false, s.closeErr()
	}
	err = s.records.writeRecord(record)
	if err != nil {
		s.closeWith(err)
	}
	return true, err
}

func (s *streamConn) roundTrip(ctx context.Context, seq string, record []byte) (answer Answer, mayHaveArrived bool,
	err error) {
	if isClosed(s) {
		return Answer{}, false, s.closeErr()
	}
	answers := make(chan Answer, 1)
	s.mu.Lock()
	s.pendingAnswers = append(s.pendingAnswers, pendingAnswer{seq, answers})
	s.mu.Unlock()
	defer s.removePending(seq)
	if hasBegun, err := s.sendRecord(ctx, record); err != nil {
		return Answer{}, hasBegun, err
	}
	timer := time.NewTimer(s.answerTimeout)
	defer timer.Stop()
	select {
	case answer = <-answers:
		return answer, true, nil
	case <-ctx.Done():
		return Answer{}, true, ctx.Err()
	case <-timer.C:
		s.closeWith(errNoAnswer)
	case <-s.closed():
	}
	select {
	case answer = <-answers: // it arrived just before the connection closed
		return answer, true, nil
	default:
		return Answer{}, true, s.closeErr()
	}
}

func (s *streamConn) removePending(seq string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pendingAnswers = slices.DeleteFunc(s.pendingAnswers,
		func(pending pendingAnswer) bool { return pending.seq == seq })
}

// readRecords handles incoming records until the connection ends.
func (s *streamConn) readRecords(handlePush func(Answer)) {
	sawCommand := false // the peer speaks the protocol
	for {
		record, err := s.records.readRecord()
		if err != nil {
			s.closeWith(err)
			return
		}
		if isNullAnswer(record) { // it has no SEQ, and applies to every request
			s.closeWith(errUnsupportedVersion)
			return
		}
		answer := parseAnswer(record)
		if answer.Text("CMD") != "" {
			sawCommand = true
		} else if !sawCommand && len(record) > 0 {
			s.closeWith(errNotRookery)
			return
		}
		if pushCommands[answer.Text("CMD")] {
			handlePush(answer)
			continue
		}
		s.deliverAnswer(answer)
	}
}

// deliverAnswer passes an answer to the request with its SEQ.
func (s *streamConn) deliverAnswer(answer Answer) {
	seq := answer.Text("SEQ")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pending := range s.pendingAnswers {
		if pending.seq == seq {
			select {
			case pending.answer <- answer:
			default: // the request has an answer already
			}
			return
		}
	}
	s.logger.Debug("unexpected answer", "seq", seq)
}

// errNotRookery closes a connection to a program that does not speak the protocol. Such
// a program might otherwise keep the connection open and wait for more input.
var errNotRookery = errors.New("the answer is not a record; is this the address of a Rookery server?")

// errClosedByServer means that the server ended the connection, without a network error.
var errClosedByServer = errors.New("the server closed the connection")
