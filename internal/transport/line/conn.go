package line

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// bufferKeepTime is how long a connection keeps its input buffer after a record. If more records
// follow soon, they are then read and answered together.
const bufferKeepTime = 50 * time.Millisecond

// lineConn serves one client. It is the transport.PushConn of the stream. One goroutine reads; any
// goroutine may write.
type lineConn struct {
	protocol      *Protocol
	transportConn *transport.Conn
	stream        transport.RecordStream
	lineFramer

	// Times are durations since Protocol.startTime, to keep connections small.
	lastRecordAt  time.Duration // last answer, or the start of the connection
	lineStartedAt time.Duration // first byte of the incomplete line; 0 if there is none
	readDeadline  time.Duration // deadline currently set for reads

	rate   transport.RateCounter
	closed atomic.Bool // stops all writes and ends the reader

	writeMu       sync.Mutex    // held while writing; guards writeDeadline
	writeDeadline time.Duration // deadline currently set for writes
}

func newLineConn(protocol *Protocol, transportConn *transport.Conn) *lineConn {
	c := &lineConn{protocol: protocol, transportConn: transportConn, lastRecordAt: protocol.elapsed()}
	c.lineFramer.init(&protocol.buffers, protocol.limits.LineBytes)
	c.ignoredBytes = transportConn.BlankBytes
	c.stream = protocol.handler.NewStream(c)
	return c
}

// awaitRecord waits until at least one record has arrived. It returns false if the connection must
// close.
func (c *lineConn) awaitRecord() bool {
	for {
		switch scanned := c.scanLine(); {
		case scanned == scanRecord:
			c.transportConn.ReserveMemory(0)
			return c.transportConn.BecomeIdle() && !c.closed.Load()
		case scanned == scanTooLong, c.ignoredBytes > c.protocol.limits.IgnoredBytes:
			return false
		}
		// Set the deadline before the checks: Shutdown and Close first mark the connection, then
		// set a past deadline, which must not be overwritten unnoticed.
		if !c.setReadDeadline() || !c.transportConn.BecomeIdle() || c.closed.Load() {
			return false
		}
		c.makeInputRoom()
		if !c.transportConn.ReserveMemory(c.bytesToReserve()) {
			return false
		}
		err := c.readMore(c.transportConn)
		if err != nil && (c.transportConn.ReservationRevoked() || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return false
		}
	}
}

// setReadDeadline sets the read deadline for the rest of the line, or for the next record. It
// returns false if that is overdue. Setting a deadline costs as much as answering a record, so one
// that is nearly right is kept.
func (c *lineConn) setReadDeadline() bool {
	limits := &c.protocol.limits
	now := c.protocol.elapsed()
	deadline, slack := c.lastRecordAt+limits.IdleTime, limits.IdleTime/10
	if !c.hasPartialLine() {
		c.lineStartedAt = 0
	} else {
		if c.lineStartedAt == 0 {
			c.lineStartedAt = now
		}
		if lineDeadline := c.lineStartedAt + limits.LineTime; lineDeadline < deadline {
			deadline, slack = lineDeadline, limits.LineTime/4
		}
	}
	if now >= deadline {
		return false
	}
	if c.borrowed != nil && !c.hasPartialLine() {
		if now-c.lastRecordAt < bufferKeepTime {
			deadline, slack = c.lastRecordAt+bufferKeepTime, bufferKeepTime
		} else {
			c.releaseInput()
		}
	}
	if c.readDeadline < deadline || c.readDeadline > deadline+slack {
		c.readDeadline = deadline + slack
		_ = c.transportConn.SetReadDeadline(c.protocol.startTime.Add(c.readDeadline))
	}
	return true
}

// bytesToReserve returns how many bytes the connection holds for an incomplete line, beyond its
// idle buffer.
func (c *lineConn) bytesToReserve() int {
	if c.borrowed == nil || !c.hasPartialLine() {
		return 0
	}
	return len(c.input)
}

// answerRecords answers the records that have arrived.
func (c *lineConn) answerRecords(ctx context.Context) {
	batch := c.protocol.borrowBatch()
	defer c.protocol.returnBatch(batch)
	c.fillBatch(batch)
	allowed := c.rate.Allow(len(batch.records), c.protocol.limits.RecordsPerSecond)
	batch.peer = transport.Peer{Addr: c.transportConn.Addr, Form: wire.FormLine}
	c.stream.AnswerRecords(ctx, &batch.peer, batch.records[:allowed], c.writeRecord)
	c.lastRecordAt = c.protocol.elapsed()
	if allowed < len(batch.records) {
		c.protocol.warnings.WarnTooManyRecords(c.transportConn.Addr, c.protocol.limits.RecordsPerSecond)
		c.Close()
	}
}

// Push writes a record as a line.
func (c *lineConn) Push(record []byte) error { return c.writeRecord(record) }

// Framed returns false: a client's read may return several lines.
func (c *lineConn) Framed() bool { return false }

// writeRecord writes a record and its line end in one call. The connection ends if the client does
// not accept them within the write timeout.
func (c *lineConn) writeRecord(record []byte) error {
	output := c.protocol.buffers.borrowOutput()
	defer c.protocol.buffers.returnOutput(output)
	output.bytes = append(append(output.bytes, record...), "\r\n"...)

	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if now, timeout := c.protocol.elapsed(), c.protocol.limits.WriteTime; c.writeDeadline-now < timeout {
		c.writeDeadline = now + timeout + timeout/4
		_ = c.transportConn.SetWriteDeadline(c.protocol.startTime.Add(c.writeDeadline))
	}
	if c.closed.Load() {
		return net.ErrClosed
	}
	_, err := c.transportConn.Write(output.bytes)
	if err != nil {
		c.transportConn.DiscardUnsent()
		c.Close()
	}
	return err
}

// Close ends the connection and wakes its reader and writers. Both set their deadlines before they
// check closed, so neither misses it.
func (c *lineConn) Close() {
	if !c.closed.Swap(true) {
		_ = c.transportConn.SetDeadline(time.Unix(1, 0))
	}
}

// closeAll closes the stream, then the connection.
func (c *lineConn) closeAll() {
	c.Close()
	c.stream.Close()
	c.releaseInput()
	_ = c.transportConn.Close()
}
