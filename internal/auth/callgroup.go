package auth

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/rookery-im/rookery"
)

// callGroup lets concurrent callers with the same key share one call. Unlike with singleflight, the
// call does not depend on its first caller's context: it goes on while anybody waits for it, and is
// cancelled when nobody does or the group is closed.
type callGroup[K comparable, V any] struct {
	mu       sync.Mutex // guards calls and each call's waiters, and orders running.Add before running.Wait
	calls    map[K]*groupCall[V]
	isClosed bool
	running  sync.WaitGroup
}

type groupCall[V any] struct {
	waiters int
	cancel  context.CancelFunc
	done    chan struct{}
	// result, err and panicValue are set before done is closed.
	result     V
	err        error
	panicValue any
}

func newCallGroup[K comparable, V any]() *callGroup[K, V] {
	return &callGroup[K, V]{calls: make(map[K]*groupCall[V])}
}

var errClosed = errors.New("the service has ended")

// close cancels all calls, waits for them, and makes later ones fail.
func (g *callGroup[K, V]) close() {
	g.mu.Lock()
	g.isClosed = true
	for _, call := range g.calls {
		call.cancel()
	}
	g.mu.Unlock()
	g.running.Wait()
}

// do returns the result of the shared call, or CodeTemporary if ctx ends first or the group is closed.
// If the call panics, do panics in every caller.
func (g *callGroup[K, V]) do(ctx context.Context, key K, work func(context.Context) (V, error)) (result V, err error) {
	call := g.joinOrStart(ctx, key, work)
	if call == nil {
		return result, rookery.Temporary(errClosed)
	}
	select {
	case <-call.done:
	case <-ctx.Done():
		g.leave(key, call)
		return result, rookery.Temporary(ctx.Err())
	}
	if call.panicValue != nil {
		panic(call.panicValue)
	}
	return call.result, call.err
}

// joinOrStart adds a waiter to the call of key, and starts the call if there is none. It returns nil if
// the group is closed.
func (g *callGroup[K, V]) joinOrStart(ctx context.Context, key K,
	work func(context.Context) (V, error)) *groupCall[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isClosed {
		return nil
	}
	call := g.calls[key]
	if call == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		call = &groupCall[V]{cancel: cancel, done: make(chan struct{})}
		g.calls[key] = call
		g.running.Go(func() { g.run(ctx, key, call, work) })
	}
	call.waiters++
	return call
}

func (g *callGroup[K, V]) run(ctx context.Context, key K, call *groupCall[V],
	work func(context.Context) (V, error)) {
	defer func() {
		if panicValue := recover(); panicValue != nil {
			call.panicValue = fmt.Sprintf("%v\n%s", panicValue, debug.Stack())
		}
		g.removeCall(key, call)
		close(call.done)
		call.cancel()
	}()
	call.result, call.err = work(ctx)
}

// leave removes a waiter. After the last one has left, the call is cancelled and cannot be joined any
// more.
func (g *callGroup[K, V]) leave(key K, call *groupCall[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if call.waiters--; call.waiters == 0 {
		call.cancel()
		g.removeCallLocked(key, call)
	}
}

func (g *callGroup[K, V]) removeCall(key K, call *groupCall[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.removeCallLocked(key, call)
}

// removeCallLocked lets the next caller start a new call. Another call may have taken the key already.
// g.mu must be held.
func (g *callGroup[K, V]) removeCallLocked(key K, call *groupCall[V]) {
	if g.calls[key] == call {
		delete(g.calls, key)
	}
}
