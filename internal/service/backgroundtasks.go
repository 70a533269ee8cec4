package service

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// backgroundTasks runs what the service does by itself, beside its callers'
// requests. Nothing else in the package starts a goroutine or a timer. A panic
// there costs the task, not the process; and once wait has returned, nothing
// runs any more that could use the store.
type backgroundTasks struct {
	log       *slog.Logger
	afterFunc func(delay time.Duration, work func()) (cancel func() bool)

	mu        sync.Mutex // guards ended, and running.Add against running.Wait
	isStopped bool
	running   sync.WaitGroup
}

// start calls f on a goroutine of its own. It reports false if the service has
// ended: then f is not called. task names what f does in the log.
func (b *backgroundTasks) start(task string, work func()) bool {
	if !b.tryRegister() {
		return false
	}
	go b.runRegistered(task, work)
	return true
}

// startAfter is start after some time, unless stop is called before.
func (b *backgroundTasks) startAfter(delay time.Duration, task string, work func()) (cancel func() bool) {
	return b.afterFunc(delay, func() {
		if b.tryRegister() {
			b.runRegistered(task, work)
		}
	})
}

// refuseNew lets nothing more begin.
func (b *backgroundTasks) refuseNew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isStopped = true
}

// wait returns when everything that has begun has ended. Call end before.
func (b *backgroundTasks) wait() { b.running.Wait() }

func (b *backgroundTasks) tryRegister() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.isStopped {
		return false
	}
	b.running.Add(1)
	return true
}

func (b *backgroundTasks) runRegistered(task string, work func()) {
	defer b.running.Done()
	_ = b.runRecovered(task, func() error { work(); return nil }) // a panic was logged
}

// loginAttempt calls f on this goroutine. A panic of f is logged, and returned as an
// error.
func (b *backgroundTasks) runRecovered(task string, work func() error) (err error) {
	defer func() {
		if panicValue := recover(); panicValue != nil {
			b.log.Error("the server panicked in what it does by itself, and goes on; please report this", "task", task,
				"panic", panicValue, "stack", string(debug.Stack()))
			err = rookery.Temporary(fmt.Errorf("panic: %v", panicValue))
		}
	}()
	return work()
}

var errServiceEnded = errors.New("the service has ended")
