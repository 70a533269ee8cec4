package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// serverConn is a connection to a server. It closes once, with a reason.
type serverConn interface {
	// roundTrip sends a record and returns its answer. Without an answer,
	// mayHaveArrived reports whether the server may have received the record. A missing
	// answer closes the connection after a timeout; the end of ctx does not close it.
	roundTrip(ctx context.Context, seq string, record []byte) (answer Answer, mayHaveArrived bool, err error)
	// closed returns a channel that is closed with the connection. closeErr waits for
	// this and returns the reason.
	closed() <-chan struct{}
	closeErr() error
	// closeWith closes the connection with a reason, unless it is closed already.
	closeWith(reason error)
	// pushSequence returns the state of the messages that the server pushes, nil if it
	// pushes none.
	pushSequence() *messageSequence
	// confirm sends a record that confirms all messages up to a number.
	confirm(record []byte) error
}

var (
	errNoAnswer           = errors.New("the server does not answer")
	errUnsupportedVersion = fmt.Errorf("%w: the server does not speak this version of the protocol", ErrParameter)
)

// closeState implements closed and closeErr of serverConn.
type closeState struct {
	once sync.Once
	done chan struct{}
	err  error // set before done is closed
}

func newCloseState() closeState { return closeState{done: make(chan struct{})} }

func (s *closeState) closed() <-chan struct{} { return s.done }

func (s *closeState) closeErr() error {
	<-s.done
	return s.err
}

// closeOnce records the reason and calls release. Only the first call has an effect.
func (s *closeState) closeOnce(reason error, release func()) {
	s.once.Do(func() {
		s.err = reason
		close(s.done)
		release()
	})
}

// isClosed reports whether the connection has closed.
func isClosed(conn serverConn) bool {
	select {
	case <-conn.closed():
		return true
	default:
		return false
	}
}

// elapsedSince returns the larger of monotonic and wall-clock time since start: the
// monotonic clock may stop while the machine sleeps.
func elapsedSince(start time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(start), now.Round(0).Sub(start.Round(0)))
}
