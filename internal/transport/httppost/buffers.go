package httppost

import "sync"

// idleBytes is what a connection keeps to read into while it waits for a
// request: most requests fit.
const idleBytes = 1 << 10

// A buffer is lent by a pool. Pools hold pointers, since a slice in an
// interface costs an allocation.
type buffer struct{ b []byte }

// buffers lends what busy connections need beyond their own idleBytes: to read
// into 4, 16 or 64 KiB, to write whatever answers have grown to.
type buffers struct {
	in  [3]sync.Pool // of *buffer, of idleBytes times 4, 16, 64
	out sync.Pool    // of *buffer
}

// class is the pool that buffers of a size come from, -1 if none does.
func class(size int) int {
	switch size {
	case 4 * idleBytes:
		return 0
	case 16 * idleBytes:
		return 1
	case 64 * idleBytes:
		return 2
	}
	return -1
}

// larger lends the next larger buffer to read into.
func (p *buffers) larger(than int) *buffer {
	size := 4 * than
	if i := class(size); i >= 0 {
		if b, ok := p.in[i].Get().(*buffer); ok {
			return b
		}
	}
	return &buffer{make([]byte, size)}
}

// putIn takes back a buffer that larger lent; nil is none.
func (p *buffers) putIn(b *buffer) {
	if b == nil {
		return
	}
	if i := class(len(b.b)); i >= 0 {
		p.in[i].Put(b)
	}
}

// getOut lends an empty buffer to write answers to.
func (p *buffers) getOut() *buffer {
	if b, ok := p.out.Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, 0, idleBytes)}
}

// putOut takes back a buffer that getOut lent; nil is none. One that a rare
// long answer has made large is left to the collector.
func (p *buffers) putOut(b *buffer) {
	if b != nil && cap(b.b) <= 64<<10 {
		b.b = b.b[:0]
		p.out.Put(b)
	}
}
