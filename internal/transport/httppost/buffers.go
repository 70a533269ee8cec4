package httppost

import "sync"

// idleBufferBytes is what a connection keeps to read into while it waits for a
// requestHeader: most requests fit.
const idleBufferBytes = 1 << 10

// A buffer is lent by a pool. Pools hold pointers, since a slice in an
// interface costs an allocation.
type pooledBuffer struct{ bytes []byte }

// bufferPool lends what busy connections need beyond their own idleBytes: to read
// into 4, 16 or 64 KiB, to write whatever answers have grown to.
type bufferPool struct {
	inputPools [3]sync.Pool // of *buffer, of idleBytes times 4, 16, 64
	outputPool sync.Pool    // of *buffer
}

// sizeClass is the pool that buffers of a size come from, -1 if none does.
func sizeClass(size int) int {
	switch size {
	case 4 * idleBufferBytes:
		return 0
	case 16 * idleBufferBytes:
		return 1
	case 64 * idleBufferBytes:
		return 2
	}
	return -1
}

// borrowLarger lends the next larger buffer to read into.
func (p *bufferPool) borrowLarger(than int) *pooledBuffer {
	size := 4 * than
	if i := sizeClass(size); i >= 0 {
		if b, ok := p.inputPools[i].Get().(*pooledBuffer); ok {
			return b
		}
	}
	return &pooledBuffer{make([]byte, size)}
}

// returnInput takes back a buffer that larger lent; nil is none.
func (p *bufferPool) returnInput(b *pooledBuffer) {
	if b == nil {
		return
	}
	if i := sizeClass(len(b.bytes)); i >= 0 {
		p.inputPools[i].Put(b)
	}
}

// borrowOutput lends an empty buffer to write answers to.
func (p *bufferPool) borrowOutput() *pooledBuffer {
	if b, ok := p.outputPool.Get().(*pooledBuffer); ok {
		return b
	}
	return &pooledBuffer{make([]byte, 0, idleBufferBytes)}
}

// returnOutput takes back a buffer that getOut lent; nil is none. One that a rare
// longAnswerHandler answer has made large is left to the collector.
func (p *bufferPool) returnOutput(b *pooledBuffer) {
	if b != nil && cap(b.bytes) <= 64<<10 {
		b.bytes = b.bytes[:0]
		p.outputPool.Put(b)
	}
}
