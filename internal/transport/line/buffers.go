package line

import "sync"

const (
	// idleBytes is what a connection keeps to read into while it waits. It is
	// enough to see that something comes: for the rest it borrows.
	idleBytes = 32
	// busyBytes is what it borrows first: most records fit.
	busyBytes = 4 << 10
	// outBytes is what is written into at first: most answers fit.
	outBytes = 256
)

// A buffer is lent by a pool. Pools hold pointers, since a slice in an
// interface costs an allocation.
type buffer struct{ b []byte }

// buffers lends what busy connections need beyond their own idleBytes: two
// sizes to read into, and whatever answers have grown to.
type buffers struct {
	largest           int // size of a large buffer, which the longest line fits in
	busy, large, outs sync.Pool
}

// larger lends a buffer to read into that is larger than size, nil if none is.
func (p *buffers) larger(size int) *buffer {
	switch {
	case size < busyBytes && busyBytes < p.largest:
		return lend(&p.busy, busyBytes)
	case size < p.largest:
		return lend(&p.large, p.largest)
	}
	return nil
}

// takeBack takes a buffer that larger lent; nil is none.
func (p *buffers) takeBack(b *buffer) {
	switch {
	case b == nil:
	case len(b.b) == p.largest:
		p.large.Put(b)
	default:
		p.busy.Put(b)
	}
}

func lend(pool *sync.Pool, size int) *buffer {
	if b, ok := pool.Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, size)}
}

// out lends an empty buffer to put together what is written at once.
func (p *buffers) out() *buffer {
	b := lend(&p.outs, outBytes)
	b.b = b.b[:0]
	return b
}

// takeBackOut takes a buffer that out lent. One that a rare long answer has
// made large is left to the collector.
func (p *buffers) takeBackOut(b *buffer) {
	if cap(b.b) <= 64<<10 {
		p.outs.Put(b)
	}
}
