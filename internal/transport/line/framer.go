package line

import (
	"bytes"
	"io"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// maxPrefixBytes is how many bytes may stand before VER=. Clients that write a
// string with its length send one or two.
const maxPrefixBytes = 5

// recordStart is what a record on a line begins with, in any case.
const recordStart = "VER="

// lineFramer cuts what arrives into records. in[r:w] has arrived and is not
// consumed; in is idle, or a larger buffer that is lent. scanned of it have been
// looked through: they hold no end of a line.
type lineFramer struct {
	buffers           *bufferPool
	maxLineBytes      int // line, without what may stand before VER=
	input             []byte
	borrowed          *pooledBuffer
	readPos, writePos int
	scannedBytes      int
	inputFull         bool // the latest read filled in: there is more where that came from
	ignoredBytes      int  // bytes of lines that are no records, since the latest record
	idleBuffer        [idleBufferBytes]byte
}

func (f *lineFramer) init(b *bufferPool, longest int) {
	f.buffers, f.maxLineBytes = b, longest
	f.input = f.idleBuffer[:]
}

// What scan finds.
type scanResult uint8

const (
	scanIncomplete scanResult = iota // no line has ended
	scanRecord
	scanTooLong
)

// scanLine drops lines that are no records, and says what follows: a record whose
// line has ended begins at r.
func (f *lineFramer) scanLine() scanResult {
	for {
		rest := f.input[f.readPos:f.writePos]
		lf := bytes.IndexByte(rest[f.scannedBytes:], '\n')
		if lf < 0 {
			f.scannedBytes = len(rest)
			if f.isTooLong(rest) {
				return scanTooLong
			}
			return scanIncomplete
		}
		line := rest[:f.scannedBytes+lf]
		record := recordInLine(line)
		switch {
		case f.isTooLong(line):
			return scanTooLong
		case record != nil:
			return scanRecord
		}
		f.ignoredBytes += len(line) + 1
		f.consumeBytes(len(line) + 1)
	}
}

// isTooLong reports whether a line is longer than allowed, if it is one with
// VER= where that must be at the latest.
func (f *lineFramer) isTooLong(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) <= f.maxLineBytes {
		return false
	}
	return len(line)-max(0, prefixLength(line)) > f.maxLineBytes
}

func (f *lineFramer) consumeBytes(n int) { f.readPos, f.scannedBytes = f.readPos+n, 0 }

// hasPartialLine reports whether bytes of a line have arrived that has not ended.
func (f *lineFramer) hasPartialLine() bool { return f.readPos < f.writePos }

// fillBatch puts the records that have arrived into b, as many as it holds. They are
// valid until the next fill.
func (f *lineFramer) fillBatch(b *recordBatch) {
	for bytesTaken := 0; len(b.records) < cap(b.records) && bytesTaken < maxBatchBytes && f.scanLine() == scanRecord; {
		line, _, _ := bytes.Cut(f.input[f.readPos:f.writePos], []byte("\n"))
		f.consumeBytes(len(line) + 1)
		b.records = append(b.records, recordInLine(line))
		bytesTaken += len(line)
		f.ignoredBytes = 0
	}
}

// readMore reads what has arrived, at least a byte, behind what is there. Records
// taken before are invalid afterwards.
func (f *lineFramer) readMore(from io.Reader) error {
	f.makeInputRoom()
	n, err := from.Read(f.input[f.writePos:])
	f.writePos += n
	f.inputFull = f.writePos == len(f.input)
	if n > 0 {
		return nil
	}
	return err
}

// makeInputRoom sees to it that fill has something to read into.
func (f *lineFramer) makeInputRoom() {
	switch {
	case f.readPos == f.writePos:
		f.readPos, f.writePos = 0, 0
	case f.readPos > 0:
		f.readPos, f.writePos = 0, copy(f.input, f.input[f.readPos:f.writePos])
	}
	if f.inputFull {
		f.growInput()
		f.inputFull = false
	}
}

// growInput borrows a larger buffer. There is one as long as no line is too long.
func (f *lineFramer) growInput() {
	buffer := f.buffers.borrowLarger(len(f.input))
	if buffer == nil {
		return
	}
	copy(buffer.bytes, f.input[:f.writePos])
	f.buffers.returnInput(f.borrowed)
	f.input, f.borrowed = buffer.bytes, buffer
}

// releaseInput gives back what was borrowed to read into, if nothing is in it.
func (f *lineFramer) releaseInput() {
	if f.borrowed == nil {
		return
	}
	f.buffers.returnInput(f.borrowed)
	f.input, f.borrowed, f.readPos, f.writePos, f.scannedBytes = f.idleBuffer[:], nil, 0, 0, 0
}

// recordInLine is the record on a line, nil if the line is to be ignored.
func recordInLine(line []byte) []byte {
	if n := prefixLength(line); n >= 0 {
		return bytes.TrimSuffix(line[n:], []byte("\r"))
	}
	return nil
}

// prefixLength is how many bytes stand before VER=, -1 if it does not come in time.
func prefixLength(line []byte) int {
	for n := range maxPrefixBytes + 1 {
		if len(line) < n+len(recordStart) {
			break
		}
		if wire.EqualFold(line[n:n+len(recordStart)], recordStart) {
			return n
		}
	}
	return -1
}

const (
	// maxBatchRecords and batchBytes bound what is answered together.
	maxBatchRecords = 64
	maxBatchBytes   = 64 << 10
)

// recordBatch is room for records that are answered together.
type recordBatch struct {
	peer    transport.Peer
	records [][]byte
}

// borrowBatch lends an empty one.
func (w *Protocol) borrowBatch() *recordBatch {
	if b, ok := w.batches.Get().(*recordBatch); ok {
		return b
	}
	return &recordBatch{records: make([][]byte, 0, maxBatchRecords)}
}

// returnBatch takes one that was lent.
func (w *Protocol) returnBatch(b *recordBatch) {
	clear(b.records)
	b.records = b.records[:0]
	w.batches.Put(b)
}
