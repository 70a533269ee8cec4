package service

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// retryInterval is how long the service waits before it repeats a failed background task.
const retryInterval = 10 * time.Second

// backgroundTasks runs tasks that no caller waits for. All goroutines and timers of the package start
// here, except those of forEachAccount, which its caller waits for. A panic ends its task, not the
// process. After refuseNew and wait, no task is running that could use the store.
//
// A task gets a context that ends with refuseNew. A task that stores something passes on
// context.WithoutCancel, because wait waits for it.
type backgroundTasks struct {
	lifetime  context.Context
	cancel    context.CancelFunc
	log       *slog.Logger
	afterFunc func(delay time.Duration, work func()) (cancel func() bool)

	mu        sync.Mutex // guards isStopped, and orders running.Add before running.Wait
	isStopped bool
	running   sync.WaitGroup
}

func newBackgroundTasks(config Config) *backgroundTasks {
	lifetime, cancel := context.WithCancel(context.Background())
	return &backgroundTasks{lifetime: lifetime, cancel: cancel, log: config.Log, afterFunc: config.AfterFunc}
}

// start runs work on its own goroutine. task describes it in the log. start returns false, without
// running work, after refuseNew.
func (b *backgroundTasks) start(task string, work func(context.Context)) bool {
	if !b.tryRegister() {
		return false
	}
	go b.runRegistered(task, work)
	return true
}

// startAfter runs work after a delay, unless cancel is called first.
func (b *backgroundTasks) startAfter(
	delay time.Duration, task string, work func(context.Context),
) (cancel func() bool) {
	return b.afterFunc(delay, func() {
		if b.tryRegister() {
			b.runRegistered(task, work)
		}
	})
}

// refuseNew makes all later starts fail and cancels the running tasks.
func (b *backgroundTasks) refuseNew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isStopped = true
	b.cancel()
}

// wait returns when all running tasks have ended. Call refuseNew first.
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

func (b *backgroundTasks) runRegistered(task string, work func(context.Context)) {
	defer b.running.Done()
	_ = b.runRecovered(task, func() error { work(b.lifetime); return nil }) // a panic is already logged
}

// runRecovered calls work on the current goroutine. It logs a panic and returns it as an error.
func (b *backgroundTasks) runRecovered(task string, work func() error) (err error) {
	defer func() {
		if panicValue := recover(); panicValue != nil {
			b.log.Error("a background task panicked; the server continues, please report this", "task", task,
				"panic", panicValue, "stack", string(debug.Stack()))
			err = rookery.Temporary(fmt.Errorf("panic: %v", panicValue))
		}
	}()
	return work()
}
