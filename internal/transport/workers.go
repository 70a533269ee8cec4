package transport

import (
	"runtime/debug"
	"sync"
)

// workerPool runs functions on goroutines whose stacks have already grown. Answering a record takes
// about 10 KiB of stack, and a grown stack shrinks only at a garbage collection. A connection that
// mostly waits therefore keeps its own stack at 2 KiB and borrows a worker for each answer. The
// zero workerPool is ready for use and starts workers on demand.
type workerPool struct {
	mu     sync.Mutex // guards the fields below
	idle   []*worker  // the most recently used worker is last, because it is still in the CPU caches
	closed bool       // released workers end instead of becoming idle
}

// maxIdleWorkers is how many unused workers are kept.
const maxIdleWorkers = 32

// worker runs functions on one goroutine, one after another.
type worker struct {
	tasks   chan func()
	results chan *capturedPanic
}

// capturedPanic carries a panic from a worker to the goroutine that borrowed the worker.
type capturedPanic struct {
	value any
	stack []byte
}

// RunOnWorker runs f on a worker and waits for it. A panic in f continues in the caller.
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

// release makes a worker idle, or ends it if there are enough.
func (s *workerPool) release(b *worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) < maxIdleWorkers && !s.closed {
		s.idle = append(s.idle, b)
		return
	}
	close(b.tasks)
}

// close ends all idle workers. Busy ones end when they are released.
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

// callRecovered calls f and returns its panic, or nil.
func callRecovered(f func()) (p *capturedPanic) {
	defer func() {
		if value := recover(); value != nil {
			p = &capturedPanic{value, debug.Stack()}
		}
	}()
	f()
	return nil
}
