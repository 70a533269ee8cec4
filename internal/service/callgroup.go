package service

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/rookery-im/rookery"
)

// callGroup lets concurrent callers with the same key share one call. Unlike with singleflight, the
// call does not depend on its first caller's context: it goes on while anybody waits for it, and is
// cancelled when nobody does or the service ends.
type callGroup[K comparable] struct {
	background *backgroundTasks

	mu    sync.Mutex // guards calls and each call's waiters
	calls map[K]*groupCall
}

type groupCall struct {
	waiters int
	cancel  context.CancelFunc
	done    chan struct{}
	// err and panicValue are set before done is closed.
	err        error
	panicValue any
}

func newCallGroup[K comparable](background *backgroundTasks) *callGroup[K] {
	return &callGroup[K]{background: background, calls: make(map[K]*groupCall)}
}

// do returns the result of the shared call, or CodeTemporary if ctx ends first. If the call panics, do
// panics in every caller.
func (g *callGroup[K]) do(ctx context.Context, key K, work func(context.Context) error) error {
	call := g.joinOrStart(ctx, key, work)
	select {
	case <-call.done:
	case <-ctx.Done():
		g.leave(key, call)
		return rookery.Temporary(ctx.Err())
	}
	if call.panicValue != nil {
		panic(call.panicValue)
	}
	return call.err
}

// joinOrStart adds a waiter to the call of key, and starts the call if there is none.
func (g *callGroup[K]) joinOrStart(ctx context.Context, key K, work func(context.Context) error) *groupCall {
	g.mu.Lock()
	defer g.mu.Unlock()
	call := g.calls[key]
	if call == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		call = &groupCall{cancel: cancel, done: make(chan struct{})}
		g.calls[key] = call
		run := func(lifetime context.Context) {
			defer context.AfterFunc(lifetime, cancel)()
			g.run(ctx, key, call, work)
		}
		if !g.background.start("shared call", run) {
			call.err = rookery.Temporary(errServiceEnded)
			g.removeCallLocked(key, call)
			cancel()
			close(call.done)
		}
	}
	call.waiters++
	return call
}

func (g *callGroup[K]) run(ctx context.Context, key K, call *groupCall, work func(context.Context) error) {
	defer func() {
		if panicValue := recover(); panicValue != nil {
			call.panicValue = fmt.Sprintf("%v\n%s", panicValue, debug.Stack())
		}
		g.removeCall(key, call)
		close(call.done)
		call.cancel()
	}()
	call.err = work(ctx)
}

// leave removes a waiter. After the last one has left, the call is cancelled and cannot be joined any
// more.
func (g *callGroup[K]) leave(key K, call *groupCall) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if call.waiters--; call.waiters == 0 {
		call.cancel()
		g.removeCallLocked(key, call)
	}
}

func (g *callGroup[K]) removeCall(key K, call *groupCall) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.removeCallLocked(key, call)
}

// removeCallLocked lets the next caller start a new call. Another call may have taken the key already.
// g.mu must be held.
func (g *callGroup[K]) removeCallLocked(key K, call *groupCall) {
	if g.calls[key] == call {
		delete(g.calls, key)
	}
}
