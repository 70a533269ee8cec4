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

// background runs what the service does by itself, beside its callers'
// requests. Nothing else in the package starts a goroutine or a timer. A panic
// there costs the task, not the process; and once wait has returned, nothing
// runs any more that could use the store.
type background struct {
	log       *slog.Logger
	afterFunc func(d time.Duration, f func()) (stop func() bool)

	mu      sync.Mutex // guards ended, and running.Add against running.Wait
	ended   bool
	running sync.WaitGroup
}

// start calls f on a goroutine of its own. It reports false if the service has
// ended: then f is not called. task names what f does in the log.
func (b *background) start(task string, f func()) bool {
	if !b.enter() {
		return false
	}
	go b.run(task, f)
	return true
}

// after is start after some time, unless stop is called before.
func (b *background) after(d time.Duration, task string, f func()) (stop func() bool) {
	return b.afterFunc(d, func() {
		if b.enter() {
			b.run(task, f)
		}
	})
}

// end lets nothing more begin.
func (b *background) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
}

// wait returns when everything that has begun has ended. Call end before.
func (b *background) wait() { b.running.Wait() }

func (b *background) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return false
	}
	b.running.Add(1)
	return true
}

func (b *background) run(task string, f func()) {
	defer b.running.Done()
	_ = b.attempt(task, func() error { f(); return nil }) // a panic was logged
}

// loginAttempt calls f on this goroutine. A panic of f is logged, and returned as an
// error.
func (b *background) attempt(task string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			b.log.Error("the server panicked in what it does by itself, and goes on; please report this", "task", task,
				"panic", p, "stack", string(debug.Stack()))
			err = rookery.Temporary(fmt.Errorf("panic: %v", p))
		}
	}()
	return f()
}

var errEnded = errors.New("the service has ended")
