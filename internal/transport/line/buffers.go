package line

import "sync"

const (
	// idleBufferBytes is the input buffer of an idle connection, just enough to notice input.
	idleBufferBytes = 32
	// smallInputBytes is the first borrowed input buffer; most records fit.
	smallInputBytes = 4 << 10
	// outputBytes is the initial size of output buffers; most answers fit.
	outputBytes = 256
)

// pooledBuffer is a buffer from a pool. Pools hold pointers, because storing a slice in an
// interface allocates.
type pooledBuffer struct{ bytes []byte }

// bufferPool lends buffers to busy connections: input buffers of two sizes, and output buffers.
type bufferPool struct {
	largestBytes                      int // size of a large input buffer, which holds the longest line
	smallInputs, largeInputs, outputs sync.Pool
}

// borrowLarger lends an input buffer larger than size, or returns nil if there is none.
func (p *bufferPool) borrowLarger(size int) *pooledBuffer {
	switch {
	case size < smallInputBytes && smallInputBytes < p.largestBytes:
		return getOrMake(&p.smallInputs, smallInputBytes)
	case size < p.largestBytes:
		return getOrMake(&p.largeInputs, p.largestBytes)
	}
	return nil
}

// returnInput takes back a buffer from borrowLarger. nil is allowed.
func (p *bufferPool) returnInput(buffer *pooledBuffer) {
	switch {
	case buffer == nil:
	case len(buffer.bytes) == p.largestBytes:
		p.largeInputs.Put(buffer)
	default:
		p.smallInputs.Put(buffer)
	}
}

func getOrMake(pool *sync.Pool, size int) *pooledBuffer {
	if buffer, ok := pool.Get().(*pooledBuffer); ok {
		return buffer
	}
	return &pooledBuffer{make([]byte, size)}
}

// borrowOutput lends an empty output buffer.
func (p *bufferPool) borrowOutput() *pooledBuffer {
	buffer := getOrMake(&p.outputs, outputBytes)
	buffer.bytes = buffer.bytes[:0]
	return buffer
}

// returnOutput takes back a buffer from borrowOutput. Buffers that have grown large are left to the
// garbage collector.
func (p *bufferPool) returnOutput(buffer *pooledBuffer) {
	if cap(buffer.bytes) <= 64<<10 {
		p.outputs.Put(buffer)
	}
}
