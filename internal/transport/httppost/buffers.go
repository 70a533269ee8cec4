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

// borrowLarger lends an input buffer of four times the given size.
func (p *bufferPool) borrowLarger(than int) *pooledBuffer {
	size := 4 * than
	if i := sizeClass(size); i >= 0 {
		if buffer, ok := p.inputPools[i].Get().(*pooledBuffer); ok {
			return buffer
		}
	}
	return &pooledBuffer{make([]byte, size)}
}

// returnInput takes back a buffer from borrowLarger. nil is allowed.
func (p *bufferPool) returnInput(buffer *pooledBuffer) {
	if buffer == nil {
		return
	}
	if i := sizeClass(len(buffer.bytes)); i >= 0 {
		p.inputPools[i].Put(buffer)
	}
}

// borrowOutput lends an empty output buffer.
func (p *bufferPool) borrowOutput() *pooledBuffer {
	if buffer, ok := p.outputPool.Get().(*pooledBuffer); ok {
		return buffer
	}
	return &pooledBuffer{make([]byte, 0, idleBufferBytes)}
}

// returnOutput takes back a buffer from borrowOutput. nil is allowed. Buffers that have grown large
// are left to the garbage collector.
func (p *bufferPool) returnOutput(buffer *pooledBuffer) {
	if buffer != nil && cap(buffer.bytes) <= 64<<10 {
		buffer.bytes = buffer.bytes[:0]
		p.outputPool.Put(buffer)
	}
}
