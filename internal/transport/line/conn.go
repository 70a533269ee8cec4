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

// busyTime is how long a connection keeps what it has borrowed, after a record,
// for more to come: a client that sends much at a time then has it answered
// together.
const busyTime = 50 * time.Millisecond

// conn reads one client's lines, and writes to it. It is the dialogue's
// transport.PushConn.
type conn struct {
	way      *Protocol
	net      *transport.Conn
	dialogue transport.RecordStream
	framer

	// Times are since the way was made, to keep connections small.
	heardAt time.Duration // when the latest records were answered, or the connection began
	lineAt  time.Duration // when the line that has not ended began to arrive; 0 if there is none
	readBy  time.Duration // the connection's read deadline

	rate transport.RateCounter
	gone atomic.Bool // nothing is written any more, and the reader ends

	writing sync.Mutex    // guards writeBy, and the writing itself
	writeBy time.Duration // the connection's write deadline
}

func newConn(protocol *Protocol, nc *transport.Conn) *conn {
	c := &conn{way: protocol, net: nc, heardAt: protocol.now()}
	c.framer.init(&protocol.buffers, protocol.limits.LineBytes)
	c.ignored = nc.BlankBytes
	c.dialogue = protocol.host.Converse(c)
	return c
}

// await returns true when at least one record has arrived, false if the
// connection is done for.
func (c *conn) await() bool {
	for {
		switch scanned := c.scan(); {
		case scanned == aRecord:
			c.net.Hold(0)
			return c.net.Wait() && !c.gone.Load()
		case scanned == tooLong, c.ignored > c.way.limits.IgnoredBytes:
			return false
		}
		// The deadline must be set before they are asked: both set one that has
		// passed.
		if !c.patient() || !c.net.Wait() || c.gone.Load() {
			return false
		}
		c.makeRoom()
		if !c.net.Hold(c.held()) {
			return false
		}
		err := c.fill(c.net)
		if err != nil && (c.net.GaveWay() || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return false
		}
	}
}

// patient sets the read deadline to what is waited for: the end of a line, or a
// record. It returns false if that should have come. To move a deadline costs
// as much as to answer a record, so one that is not far from right stays.
func (c *conn) patient() bool {
	limits := &c.way.limits
	now := c.way.now()
	by, slack := c.heardAt+limits.IdleTime, limits.IdleTime/10
	if !c.begun() {
		c.lineAt = 0
	} else {
		if c.lineAt == 0 {
			c.lineAt = now
		}
		if end := c.lineAt + limits.LineTime; end < by {
			by, slack = end, limits.LineTime/4
		}
	}
	if now >= by {
		return false
	}
	if c.lent != nil && !c.begun() {
		if now-c.heardAt < busyTime {
			by, slack = c.heardAt+busyTime, busyTime
		} else {
			c.release()
		}
	}
	if c.readBy < by || c.readBy > by+slack {
		c.readBy = by + slack
		_ = c.net.SetReadDeadline(c.way.made.Add(c.readBy))
	}
	return true
}

// held is how much the connection holds of a line that has not ended, beyond its
// own buffer.
func (c *conn) held() int {
	if c.lent == nil || !c.begun() {
		return 0
	}
	return len(c.in)
}

// answer has the records that have arrived answered.
func (c *conn) answer(ctx context.Context) {
	batch := c.way.batch()
	defer c.way.takeBack(batch)
	c.take(batch)
	allowed := c.rate.Allow(len(batch.records), c.way.limits.RecordsPerSecond)
	batch.peer = transport.Peer{Addr: c.net.Addr, Form: wire.FormLine}
	c.dialogue.Answer(ctx, &batch.peer, batch.records[:allowed], c.write)
	c.heardAt = c.way.now()
	if allowed < len(batch.records) {
		c.way.warnings.Flood(c.net.Addr, c.way.limits.RecordsPerSecond)
		c.Close()
	}
}

// Push writes a record.
func (c *conn) Push(record []byte) error { return c.write(record) }

// Framed: a client's read may return several lines.
func (c *conn) Framed() bool { return false }

// write writes a record and the end of its line, in one piece. If the client
// makes no room for it in time, or is gone, the connection ends.
func (c *conn) write(record []byte) error {
	out := c.way.buffers.out()
	defer c.way.buffers.takeBackOut(out)
	out.b = append(append(out.b, record...), "\r\n"...)

	c.writing.Lock()
	defer c.writing.Unlock()
	if now, d := c.way.now(), c.way.limits.WriteTime; c.writeBy-now < d {
		c.writeBy = now + d + d/4
		_ = c.net.SetWriteDeadline(c.way.made.Add(c.writeBy))
	}
	if c.gone.Load() {
		return net.ErrClosed
	}
	_, err := c.net.Write(out.b)
	if err != nil {
		c.net.Abandon()
		c.Close()
	}
	return err
}

// Close ends the connection: who reads and who writes is woken. Both set their
// deadlines before they look whether the connection is gone, so neither misses it.
func (c *conn) Close() {
	if !c.gone.Swap(true) {
		_ = c.net.SetDeadline(time.Unix(1, 0))
	}
}

// end ends the dialogue, then the connection.
func (c *conn) end() {
	c.Close()
	c.dialogue.End()
	c.release()
	_ = c.net.Close()
}
