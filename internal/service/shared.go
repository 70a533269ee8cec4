package service

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/rookery-im/rookery"
)

// callGroup does work once for all who ask for the same at the same time. Unlike
// with singleflight, the work belongs to none of them: it goes on when the
// first one leaves, and ends when nobody waits for it any more.
type callGroup[K comparable] struct {
	// service ends with the service, and then the work ends too.
	service    context.Context
	background *background

	mu    sync.Mutex // guards calls, and how many wait for each
	calls map[K]*groupCall
}

type groupCall struct {
	waiting int
	cancel  context.CancelFunc
	done    chan struct{}
	// Both are set before done is closed.
	err      error
	panicked any
}

func newShared[K comparable](service context.Context, b *background) *callGroup[K] {
	return &callGroup[K]{service: service, background: b, calls: make(map[K]*groupCall)}
}

// do returns what the work came to, or CodeTemporary if ctx ends before. A
// panic of the work is one of everybody who waits for it.
func (s *callGroup[K]) do(ctx context.Context, key K, work func(context.Context) error) error {
	call := s.join(ctx, key, work)
	select {
	case <-call.done:
	case <-ctx.Done():
		s.leave(key, call)
		return rookery.Temporary(ctx.Err())
	}
	if call.panicked != nil {
		panic(call.panicked)
	}
	return call.err
}

// join counts the caller among those who wait. The first one begins the work.
func (s *callGroup[K]) join(ctx context.Context, key K, work func(context.Context) error) *groupCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := s.calls[key]
	if call == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		call = &groupCall{cancel: cancel, done: make(chan struct{})}
		s.calls[key] = call
		if !s.background.start("what requests have begun together", func() { s.run(ctx, key, call, work) }) {
			call.err = rookery.Temporary(errEnded)
			s.forgetLocked(key, call)
			cancel()
			close(call.done)
		}
	}
	call.waiting++
	return call
}

func (s *callGroup[K]) run(ctx context.Context, key K, call *groupCall, work func(context.Context) error) {
	defer context.AfterFunc(s.service, call.cancel)()
	defer func() {
		if p := recover(); p != nil {
			call.panicked = fmt.Sprintf("%v\n%s", p, debug.Stack())
		}
		s.forget(key, call)
		close(call.done)
		call.cancel()
	}()
	call.err = work(ctx)
}

// leave takes away one of those who wait. After the last, nobody may join any
// more: the work ends without a result.
func (s *callGroup[K]) leave(key K, call *groupCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if call.waiting--; call.waiting == 0 {
		call.cancel()
		s.forgetLocked(key, call)
	}
}

func (s *callGroup[K]) forget(key K, call *groupCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetLocked(key, call)
}

// forgetLocked makes the next caller begin anew. Another call may have the key
// already.
func (s *callGroup[K]) forgetLocked(key K, call *groupCall) {
	if s.calls[key] == call {
		delete(s.calls, key)
	}
}
