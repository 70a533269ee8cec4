package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// serverConn is a connection to the server. It breaks once and for good.
type serverConn interface {
	// ask sends a record and returns its answer. If there is none, reached says
	// whether the server may have got the record all the same. Waiting too long
	// breaks the link; the end of ctx does not.
	ask(ctx context.Context, seq string, record []byte) (answer Answer, reached bool, err error)
	// broken is closed when the link has broken, then cause says why.
	broken() <-chan struct{}
	cause() error
	// breaks ends the link, unless it has broken already.
	breaks(cause error)
	// pushes is the flow of what the server sends by itself, nil if it does not.
	pushes() *messageSequence
	// confirm says that all messages up to a number have arrived.
	confirm(record []byte) error
}

var (
	errSilent  = errors.New("the server does not answer")
	errVersion = fmt.Errorf("%w: the server does not speak this version of the protocol", ErrParameter)
)

// closeState is the end of a link.
type closeState struct {
	once sync.Once
	done chan struct{}
	why  error // set before done is closed
}

func newBreakage() closeState { return closeState{done: make(chan struct{})} }

func (b *closeState) broken() <-chan struct{} { return b.done }

func (b *closeState) cause() error {
	<-b.done
	return b.why
}

// end breaks the link and calls after, the first time.
func (b *closeState) end(why error, after func()) {
	b.once.Do(func() {
		b.why = why
		close(b.done)
		after()
	})
}

func isBroken(conn serverConn) bool {
	select {
	case <-conn.broken():
		return true
	default:
		return false
	}
}

// age is how long ago something was, in time that a sleeping machine does not
// stop.
func age(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}
