package line

import "sync"

const (
	// idleBufferBytes is what a connection keeps to read into while it waits. It is
	// enough to see that something comes: for the rest it borrows.
	idleBufferBytes = 32
	// smallInputBytes is what it borrows first: most records fit.
	smallInputBytes = 4 << 10
	// outputBytes is what is written into at first: most answers fit.
	outputBytes = 256
)

// A buffer is lent by a pool. Pools hold pointers, since a slice in an
// interface costs an allocation.
type pooledBuffer struct{ bytes []byte }

// bufferPool lends what busy connections need beyond their own idleBytes: two
// sizes to read into, and whatever answers have grown to.
type bufferPool struct {
	largestBytes                      int // size of a large buffer, which the longest line fits in
	smallInputs, largeInputs, outputs sync.Pool
}

// borrowLarger lends a buffer to read into that is larger than size, nil if none is.
func (p *bufferPool) borrowLarger(size int) *pooledBuffer {
	switch {
	case size < smallInputBytes && smallInputBytes < p.largestBytes:
		return getOrMake(&p.smallInputs, smallInputBytes)
	case size < p.largestBytes:
		return getOrMake(&p.largeInputs, p.largestBytes)
	}
	return nil
}

// returnInput takes a buffer that larger lent; nil is none.
func (p *bufferPool) returnInput(b *pooledBuffer) {
	switch {
	case b == nil:
	case len(b.bytes) == p.largestBytes:
		p.largeInputs.Put(b)
	default:
		p.smallInputs.Put(b)
	}
}

func getOrMake(pool *sync.Pool, size int) *pooledBuffer {
	if b, ok := pool.Get().(*pooledBuffer); ok {
		return b
	}
	return &pooledBuffer{make([]byte, size)}
}

// borrowOutput lends an empty buffer to put together what is written at once.
func (p *bufferPool) borrowOutput() *pooledBuffer {
	b := getOrMake(&p.outputs, outputBytes)
	b.bytes = b.bytes[:0]
	return b
}

// returnOutput takes a buffer that out lent. One that a rare long answer has
// made large is left to the collector.
func (p *bufferPool) returnOutput(b *pooledBuffer) {
	if cap(b.bytes) <= 64<<10 {
		p.outputs.Put(b)
	}
}
