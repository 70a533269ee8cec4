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

func (p *workerPool) acquire() *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		worker := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return worker
	}
	newWorker := &worker{make(chan func()), make(chan *capturedPanic)}
	go newWorker.run()
	return newWorker
}

// release makes a worker idle, or ends it if there are enough.
func (p *workerPool) release(newWorker *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < maxIdleWorkers && !p.closed {
		p.idle = append(p.idle, newWorker)
		return
	}
	close(newWorker.tasks)
}

// close ends all idle workers. Busy ones end when they are released.
func (p *workerPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, worker := range p.idle {
		close(worker.tasks)
	}
	p.idle, p.closed = nil, true
}

func (w *worker) run() {
	for f := range w.tasks {
		w.results <- callRecovered(f)
	}
}

// callRecovered calls f and returns its panic, or nil.
func callRecovered(f func()) (captured *capturedPanic) {
	defer func() {
		if value := recover(); value != nil {
			captured = &capturedPanic{value, debug.Stack()}
		}
	}()
	f()
	return nil
}
