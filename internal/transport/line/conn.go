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

// bufferKeepTime is how long a connection keeps what it has borrowed, after a record,
// for more to come: a client that sends much at a time then has it answered
// together.
const bufferKeepTime = 50 * time.Millisecond

// lineConn reads one client's lines, and writes to it. It is the dialogue's
// transport.PushConn.
type lineConn struct {
	protocol      *Protocol
	transportConn *transport.Conn
	stream        transport.RecordStream
	lineFramer

	// Times are since the way was made, to keep connections small.
	lastRecordAt  time.Duration // when the latest records were answered, or the connection began
	lineStartedAt time.Duration // when the line that has not ended began to arrive; 0 if there is none
	readDeadline  time.Duration // the connection's read deadline

	rate   transport.RateCounter
	closed atomic.Bool // scanIncomplete is written any more, and the reader ends

	writeMu       sync.Mutex    // guards writeBy, and the writing itself
	writeDeadline time.Duration // the connection's write deadline
}

func newLineConn(protocol *Protocol, nc *transport.Conn) *lineConn {
	c := &lineConn{protocol: protocol, transportConn: nc, lastRecordAt: protocol.elapsed()}
	c.lineFramer.init(&protocol.buffers, protocol.limits.LineBytes)
	c.ignoredBytes = nc.BlankBytes
	c.stream = protocol.handler.NewStream(c)
	return c
}

// awaitRecord returns true when at least one record has arrived, false if the
// connection is done for.
func (c *lineConn) awaitRecord() bool {
	for {
		switch scanned := c.scanLine(); {
		case scanned == scanRecord:
			c.transportConn.ReserveMemory(0)
			return c.transportConn.BecomeIdle() && !c.closed.Load()
		case scanned == scanTooLong, c.ignoredBytes > c.protocol.limits.IgnoredBytes:
			return false
		}
		// The deadline must be set before they are asked: both set one that has
		// passed.
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

// setReadDeadline sets the read deadline to what is waited for: the end of a line, or a
// record. It returns false if that should have come. To move a deadline costs
// as much as to answer a record, so one that is not far from right stays.
func (c *lineConn) setReadDeadline() bool {
	limits := &c.protocol.limits
	now := c.protocol.elapsed()
	by, slack := c.lastRecordAt+limits.IdleTime, limits.IdleTime/10
	if !c.hasPartialLine() {
		c.lineStartedAt = 0
	} else {
		if c.lineStartedAt == 0 {
			c.lineStartedAt = now
		}
		if end := c.lineStartedAt + limits.LineTime; end < by {
			by, slack = end, limits.LineTime/4
		}
	}
	if now >= by {
		return false
	}
	if c.borrowed != nil && !c.hasPartialLine() {
		if now-c.lastRecordAt < bufferKeepTime {
			by, slack = c.lastRecordAt+bufferKeepTime, bufferKeepTime
		} else {
			c.releaseInput()
		}
	}
	if c.readDeadline < by || c.readDeadline > by+slack {
		c.readDeadline = by + slack
		_ = c.transportConn.SetReadDeadline(c.protocol.startTime.Add(c.readDeadline))
	}
	return true
}

// bytesToReserve is how much the connection holds of a line that has not ended, beyond its
// own buffer.
func (c *lineConn) bytesToReserve() int {
	if c.borrowed == nil || !c.hasPartialLine() {
		return 0
	}
	return len(c.input)
}

// answerRecords has the records that have arrived answered.
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

// Push writes a record.
func (c *lineConn) Push(record []byte) error { return c.writeRecord(record) }

// Framed: a client's read may return several lines.
func (c *lineConn) Framed() bool { return false }

// writeRecord writes a record and the end of its line, in one piece. If the client
// makes no room for it in time, or is gone, the connection ends.
func (c *lineConn) writeRecord(record []byte) error {
	out := c.protocol.buffers.borrowOutput()
	defer c.protocol.buffers.returnOutput(out)
	out.bytes = append(append(out.bytes, record...), "\r\n"...)

	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if now, d := c.protocol.elapsed(), c.protocol.limits.WriteTime; c.writeDeadline-now < d {
		c.writeDeadline = now + d + d/4
		_ = c.transportConn.SetWriteDeadline(c.protocol.startTime.Add(c.writeDeadline))
	}
	if c.closed.Load() {
		return net.ErrClosed
	}
	_, err := c.transportConn.Write(out.bytes)
	if err != nil {
		c.transportConn.DiscardUnsent()
		c.Close()
	}
	return err
}

// Close ends the connection: who reads and who writes is woken. Both set their
// deadlines before they look whether the connection is gone, so neither misses it.
func (c *lineConn) Close() {
	if !c.closed.Swap(true) {
		_ = c.transportConn.SetDeadline(time.Unix(1, 0))
	}
}

// closeAll ends the dialogue, then the connection.
func (c *lineConn) closeAll() {
	c.Close()
	c.stream.Close()
	c.releaseInput()
	_ = c.transportConn.Close()
}
