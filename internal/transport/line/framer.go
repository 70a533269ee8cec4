package line

import (
	"bytes"
	"io"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// maxPrefixBytes is how many bytes may precede VER= on a line. Clients that write a string with its
// length send one or two.
const maxPrefixBytes = 5

// recordStart begins every record, in any letter case.
const recordStart = "VER="

// lineFramer splits input into records. input[readPos:writePos] has arrived and is not consumed;
// its first scannedBytes contain no line end. input is idleBuffer, or the larger buffer in
// borrowed.
type lineFramer struct {
	buffers           *bufferPool
	maxLineBytes      int // without the bytes before VER=
	input             []byte
	borrowed          *pooledBuffer
	readPos, writePos int
	scannedBytes      int
	inputFull         bool // the last read filled input, so more may be waiting
	ignoredBytes      int  // bytes of lines without a record since the last record
	idleBuffer        [idleBufferBytes]byte
}

func (f *lineFramer) init(pool *bufferPool, maxLineBytes int) {
	f.buffers, f.maxLineBytes = pool, maxLineBytes
	f.input = f.idleBuffer[:]
}

// scanResult is a result of scanLine.
type scanResult uint8

const (
	scanIncomplete scanResult = iota // no complete line has arrived
	scanRecord
	scanTooLong
)

// scanLine skips lines without a record. If it returns scanRecord, a complete line with a record
// begins at readPos.
func (f *lineFramer) scanLine() scanResult {
	for {
		unconsumed := f.input[f.readPos:f.writePos]
		lineEnd := bytes.IndexByte(unconsumed[f.scannedBytes:], '\n')
		if lineEnd < 0 {
			f.scannedBytes = len(unconsumed)
			if f.isTooLong(unconsumed) {
				return scanTooLong
			}
			return scanIncomplete
		}
		line := unconsumed[:f.scannedBytes+lineEnd]
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

// isTooLong reports whether a line, complete or not, exceeds the limit. The bytes before VER= do
// not count.
func (f *lineFramer) isTooLong(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) <= f.maxLineBytes {
		return false
	}
	return len(line)-max(0, prefixLength(line)) > f.maxLineBytes
}

func (f *lineFramer) consumeBytes(n int) { f.readPos, f.scannedBytes = f.readPos+n, 0 }

// hasPartialLine reports whether unconsumed bytes have arrived.
func (f *lineFramer) hasPartialLine() bool { return f.readPos < f.writePos }

// fillBatch moves the records that have arrived to batch, up to its limits. They are valid until
// the next readMore.
func (f *lineFramer) fillBatch(batch *recordBatch) {
	for bytesTaken := 0; len(batch.records) < cap(batch.records) && bytesTaken < maxBatchBytes &&
		f.scanLine() == scanRecord; {
		line, _, _ := bytes.Cut(f.input[f.readPos:f.writePos], []byte("\n"))
		f.consumeBytes(len(line) + 1)
		batch.records = append(batch.records, recordInLine(line))
		bytesTaken += len(line)
		f.ignoredBytes = 0
	}
}

// readMore reads at least one byte and appends it to input. It invalidates earlier records.
func (f *lineFramer) readMore(reader io.Reader) error {
	f.makeInputRoom()
	n, err := reader.Read(f.input[f.writePos:])
	f.writePos += n
	f.inputFull = f.writePos == len(f.input)
	if n > 0 {
		return nil
	}
	return err
}

// makeInputRoom makes room for readMore.
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

// growInput borrows a larger buffer. There is one unless the line is too long.
func (f *lineFramer) growInput() {
	buffer := f.buffers.borrowLarger(len(f.input))
	if buffer == nil {
		return
	}
	copy(buffer.bytes, f.input[:f.writePos])
	f.buffers.returnInput(f.borrowed)
	f.input, f.borrowed = buffer.bytes, buffer
}

// releaseInput returns the borrowed buffer, if there is one. The caller makes sure that input is
// empty.
func (f *lineFramer) releaseInput() {
	if f.borrowed == nil {
		return
	}
	f.buffers.returnInput(f.borrowed)
	f.input, f.borrowed, f.readPos, f.writePos, f.scannedBytes = f.idleBuffer[:], nil, 0, 0, 0
}

// recordInLine returns the record on a line, or nil if there is none.
func recordInLine(line []byte) []byte {
	if n := prefixLength(line); n >= 0 {
		return bytes.TrimSuffix(line[n:], []byte("\r"))
	}
	return nil
}

// prefixLength returns how many bytes precede VER=, or -1 if it does not begin within
// maxPrefixBytes.
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
	// Limits for the records that are answered together.
	maxBatchRecords = 64
	maxBatchBytes   = 64 << 10
)

// recordBatch holds records that are answered together.
type recordBatch struct {
	peer    transport.Peer
	records [][]byte
}

// borrowBatch lends an empty batch.
func (p *Protocol) borrowBatch() *recordBatch {
	if batch, ok := p.batches.Get().(*recordBatch); ok {
		return batch
	}
	return &recordBatch{records: make([][]byte, 0, maxBatchRecords)}
}

// returnBatch takes back a batch from borrowBatch.
func (p *Protocol) returnBatch(batch *recordBatch) {
	clear(batch.records)
	batch.records = batch.records[:0]
	p.batches.Put(batch)
}
