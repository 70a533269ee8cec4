package line

import (
	"bytes"
	"io"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// prefixBytes is how many bytes may stand before VER=. Clients that write a
// string with its length send one or two.
const prefixBytes = 5

// begin is what a record on a line begins with, in any case.
const begin = "VER="

// framer cuts what arrives into records. in[r:w] has arrived and is not
// consumed; in is idle, or a larger buffer that is lent. scanned of it have been
// looked through: they hold no end of a line.
type framer struct {
	buffers *buffers
	longest int // line, without what may stand before VER=
	in      []byte
	lent    *buffer
	r, w    int
	scanned int
	full    bool // the latest read filled in: there is more where that came from
	ignored int  // bytes of lines that are no records, since the latest record
	idle    [idleBytes]byte
}

func (f *framer) init(b *buffers, longest int) {
	f.buffers, f.longest = b, longest
	f.in = f.idle[:]
}

// What scan finds.
type found uint8

const (
	nothing found = iota // no line has ended
	aRecord
	tooLong
)

// scan drops lines that are no records, and says what follows: a record whose
// line has ended begins at r.
func (f *framer) scan() found {
	for {
		rest := f.in[f.r:f.w]
		lf := bytes.IndexByte(rest[f.scanned:], '\n')
		if lf < 0 {
			f.scanned = len(rest)
			if f.isTooLong(rest) {
				return tooLong
			}
			return nothing
		}
		line := rest[:f.scanned+lf]
		record := recordOf(line)
		switch {
		case f.isTooLong(line):
			return tooLong
		case record != nil:
			return aRecord
		}
		f.ignored += len(line) + 1
		f.consume(len(line) + 1)
	}
}

// isTooLong reports whether a line is longer than allowed, if it is one with
// VER= where that must be at the latest.
func (f *framer) isTooLong(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) <= f.longest {
		return false
	}
	return len(line)-max(0, prefixOf(line)) > f.longest
}

func (f *framer) consume(n int) { f.r, f.scanned = f.r+n, 0 }

// begun reports whether bytes of a line have arrived that has not ended.
func (f *framer) begun() bool { return f.r < f.w }

// take puts the records that have arrived into b, as many as it holds. They are
// valid until the next fill.
func (f *framer) take(b *batch) {
	for bytesTaken := 0; len(b.records) < cap(b.records) && bytesTaken < batchBytes && f.scan() == aRecord; {
		line, _, _ := bytes.Cut(f.in[f.r:f.w], []byte("\n"))
		f.consume(len(line) + 1)
		b.records = append(b.records, recordOf(line))
		bytesTaken += len(line)
		f.ignored = 0
	}
}

// fill reads what has arrived, at least a byte, behind what is there. Records
// taken before are invalid afterwards.
func (f *framer) fill(from io.Reader) error {
	f.makeRoom()
	n, err := from.Read(f.in[f.w:])
	f.w += n
	f.full = f.w == len(f.in)
	if n > 0 {
		return nil
	}
	return err
}

// makeRoom sees to it that fill has something to read into.
func (f *framer) makeRoom() {
	switch {
	case f.r == f.w:
		f.r, f.w = 0, 0
	case f.r > 0:
		f.r, f.w = 0, copy(f.in, f.in[f.r:f.w])
	}
	if f.full {
		f.grow()
		f.full = false
	}
}

// grow borrows a larger buffer. There is one as long as no line is too long.
func (f *framer) grow() {
	buffer := f.buffers.larger(len(f.in))
	if buffer == nil {
		return
	}
	copy(buffer.b, f.in[:f.w])
	f.buffers.takeBack(f.lent)
	f.in, f.lent = buffer.b, buffer
}

// release gives back what was borrowed to read into, if nothing is in it.
func (f *framer) release() {
	if f.lent == nil {
		return
	}
	f.buffers.takeBack(f.lent)
	f.in, f.lent, f.r, f.w, f.scanned = f.idle[:], nil, 0, 0, 0
}

// recordOf is the record on a line, nil if the line is to be ignored.
func recordOf(line []byte) []byte {
	if n := prefixOf(line); n >= 0 {
		return bytes.TrimSuffix(line[n:], []byte("\r"))
	}
	return nil
}

// prefixOf is how many bytes stand before VER=, -1 if it does not come in time.
func prefixOf(line []byte) int {
	for n := range prefixBytes + 1 {
		if len(line) < n+len(begin) {
			break
		}
		if wire.EqualFold(line[n:n+len(begin)], begin) {
			return n
		}
	}
	return -1
}

const (
	// batchRecords and batchBytes bound what is answered together.
	batchRecords = 64
	batchBytes   = 64 << 10
)

// batch is room for records that are answered together.
type batch struct {
	peer    transport.Peer
	records [][]byte
}

// batch lends an empty one.
func (w *Protocol) batch() *batch {
	if b, ok := w.batches.Get().(*batch); ok {
		return b
	}
	return &batch{records: make([][]byte, 0, batchRecords)}
}

// takeBack takes one that was lent.
func (w *Protocol) takeBack(b *batch) {
	clear(b.records)
	b.records = b.records[:0]
	w.batches.Put(b)
}
