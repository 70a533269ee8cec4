package transport

import (
	"runtime/debug"
	"sync"
)

// workerPool lends goroutines that have a large stack already. To answer a record
// takes some ten KiB of stack, and a stack that has grown shrinks only when
// memoryBudget is collected. So a goroutine that mostly waits has its records answered
// on a borrowed stack: its own stays at the two KiB that it began with. The zero
// workerPool has none, and makes them as needed.
type workerPool struct {
	mu     sync.Mutex // guards what follows
	idle   []*worker  // the one that was used last at the end: it is in the caches
	closed bool       // none is kept any more
}

// maxIdleWorkers is how many stacks are kept for the next one who needs one.
const maxIdleWorkers = 32

// worker is a goroutine that does one thing after another.
type worker struct {
	tasks   chan func()
	results chan *capturedPanic
}

// capturedPanic is a panic on a borrowed stack, to go on where it was borrowed.
type capturedPanic struct {
	value any
	stack []byte
}

// RunOnWorker calls f on a borrowed stack, and returns when f has. A panic of f is
// one of Borrow.
func (c *Conn) RunOnWorker(f func()) {
	workerPool := &c.server.workers
	worker := workerPool.acquire()
	worker.tasks <- f
	capturedPanic := <-worker.results
	workerPool.release(worker)
	if capturedPanic != nil {
		panic(capturedPanic)
	}
}

func (s *workerPool) acquire() *worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.idle); n > 0 {
		worker := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return worker
	}
	b := &worker{make(chan func()), make(chan *capturedPanic)}
	go b.run()
	return b
}

// release keeps the stack for others, or lets it end.
func (s *workerPool) release(b *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) < maxIdleWorkers && !s.closed {
		s.idle = append(s.idle, b)
		return
	}
	close(b.tasks)
}

// close lets all stacks end, those that are lent when they are given back.
func (s *workerPool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, worker := range s.idle {
		close(worker.tasks)
	}
	s.idle, s.closed = nil, true
}

func (b *worker) run() {
	for f := range b.tasks {
		b.results <- callRecovered(f)
	}
}

// callRecovered calls f and returns its panic, nil if there was none.
func callRecovered(f func()) (p *capturedPanic) {
	defer func() {
		if value := recover(); value != nil {
			p = &capturedPanic{value, debug.Stack()}
		}
	}()
	f()
	return nil
}
