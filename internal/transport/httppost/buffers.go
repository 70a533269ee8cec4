package httppost

import "sync"

// idleBufferBytes is the size of the buffer that an idle connection keeps; most requests fit.
const idleBufferBytes = 1 << 10

// pooledBuffer is a buffer from a pool. Pools hold pointers, because storing a slice in an
// interface allocates.
type pooledBuffer struct{ bytes []byte }

// bufferPool lends buffers to connections with a request: 4, 16 or 64 KiB for input, and output
// buffers of any size.
type bufferPool struct {
	inputPools [3]sync.Pool // of *pooledBuffer with 4, 16 and 64 times idleBufferBytes
	outputPool sync.Pool    // of *pooledBuffer
}

// sizeClass returns the index in inputPools of buffers of a size, or -1.
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

// borrowLarger lends an input buffer that is four times as large.
func (p *bufferPool) borrowLarger(than int) *pooledBuffer {
	size := 4 * than
	if i := sizeClass(size); i >= 0 {
		if b, ok := p.inputPools[i].Get().(*pooledBuffer); ok {
			return b
		}
	}
	return &pooledBuffer{make([]byte, size)}
}

// returnInput takes back a buffer from borrowLarger. nil is allowed.
func (p *bufferPool) returnInput(b *pooledBuffer) {
	if b == nil {
		return
	}
	if i := sizeClass(len(b.bytes)); i >= 0 {
		p.inputPools[i].Put(b)
	}
}

// borrowOutput lends an empty output buffer.
func (p *bufferPool) borrowOutput() *pooledBuffer {
	if b, ok := p.outputPool.Get().(*pooledBuffer); ok {
		return b
	}
	return &pooledBuffer{make([]byte, 0, idleBufferBytes)}
}

// returnOutput takes back a buffer from borrowOutput. nil is allowed. Buffers that have grown large
// are left to the garbage collector.
func (p *bufferPool) returnOutput(b *pooledBuffer) {
	if b != nil && cap(b.bytes) <= 64<<10 {
		b.bytes = b.bytes[:0]
		p.outputPool.Put(b)
	}
}
