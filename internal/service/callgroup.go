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
	// serviceContext ends with the service, and then the work ends too.
	serviceContext context.Context
	background     *backgroundTasks

	mu    sync.Mutex // guards calls, and how many wait for each
	calls map[K]*groupCall
}

type groupCall struct {
	waiters int
	cancel  context.CancelFunc
	done    chan struct{}
	// Both are set before done is closed.
	err        error
	panicValue any
}

func newCallGroup[K comparable](service context.Context, b *backgroundTasks) *callGroup[K] {
	return &callGroup[K]{serviceContext: service, background: b, calls: make(map[K]*groupCall)}
}

// do returns what the work came to, or CodeTemporary if ctx ends before. A
// panic of the work is one of everybody who waits for it.
func (s *callGroup[K]) do(ctx context.Context, key K, work func(context.Context) error) error {
	call := s.joinOrStart(ctx, key, work)
	select {
	case <-call.done:
	case <-ctx.Done():
		s.leave(key, call)
		return rookery.Temporary(ctx.Err())
	}
	if call.panicValue != nil {
		panic(call.panicValue)
	}
	return call.err
}

// joinOrStart counts the caller among those who wait. The first one begins the work.
func (s *callGroup[K]) joinOrStart(ctx context.Context, key K, work func(context.Context) error) *groupCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := s.calls[key]
	if call == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		call = &groupCall{cancel: cancel, done: make(chan struct{})}
		s.calls[key] = call
		if !s.background.start("what requests have begun together", func() { s.run(ctx, key, call, work) }) {
			call.err = rookery.Temporary(errServiceEnded)
			s.removeCallLocked(key, call)
			cancel()
			close(call.done)
		}
	}
	call.waiters++
	return call
}

func (s *callGroup[K]) run(ctx context.Context, key K, call *groupCall, work func(context.Context) error) {
	defer context.AfterFunc(s.serviceContext, call.cancel)()
	defer func() {
		if panicValue := recover(); panicValue != nil {
			call.panicValue = fmt.Sprintf("%v\n%s", panicValue, debug.Stack())
		}
		s.removeCall(key, call)
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
	if call.waiters--; call.waiters == 0 {
		call.cancel()
		s.removeCallLocked(key, call)
	}
}

func (s *callGroup[K]) removeCall(key K, call *groupCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeCallLocked(key, call)
}

// removeCallLocked makes the next caller begin anew. Another call may have the key
// already.
func (s *callGroup[K]) removeCallLocked(key K, call *groupCall) {
	if s.calls[key] == call {
		delete(s.calls, key)
	}
}
