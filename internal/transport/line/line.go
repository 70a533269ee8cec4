// Package line serves records over plain TCP: each record and each answer is a line, and the server
// may push lines at any time (docs/protocol.md, 1.2).
//
// A server may have tens of thousands of connections that are silent for hours. An idle connection
// therefore costs one goroutine with a minimal stack and a tiny buffer. It has no writer goroutine,
// and no timers but the deadlines of the socket. Larger buffers and stacks are borrowed while a
// record is read and answered.
package line

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// Config configures a Protocol.
type Config struct {
	// Handler answers the records.
	Handler transport.StreamHandler
	Limits  Limits
	Log     *slog.Logger
	// Warnings logs mistakes of clients. If nil, New makes one that writes to Log.
	Warnings *transport.WarningLog
}

// Limits are the limits of one connection. Zero fields mean their defaults. A client that exceeds a
// limit is disconnected without a message, which it would take for a record.
type Limits struct {
	// LineBytes is the maximum length of a line, from VER= and without the line end;
	// wire.MaxRecord, 64 KiB.
	LineBytes int
	// LineTime is how long a line may take from its first byte, plus up to a quarter; 20 s.
	LineTime time.Duration
	// IdleTime is how long a connection is kept without a record, plus up to a tenth; 300 s, the
	// lifetime of a session (LI). The flag is --line-idle-timeout.
	IdleTime time.Duration
	// WriteTime is how long a client may take to accept an answer or a push, plus up to a quarter;
	// 20 s.
	WriteTime time.Duration
	// IgnoredBytes is how many bytes of lines without a record may arrive between two records; 4
	// KiB. Clients send one or two.
	IgnoredBytes int
	// RecordsPerSecond is the maximum number of records in one second; 0, the default, means no
	// limit. The flag is --max-records-per-second.
	RecordsPerSecond int
}

// withDefaults returns l with zero fields replaced by their defaults.
func (l Limits) withDefaults() Limits {
	for _, n := range []struct {
		field *int
		value int
	}{{&l.LineBytes, wire.MaxRecord}, {&l.IgnoredBytes, 4 << 10}} {
		if *n.field == 0 {
			*n.field = n.value
		}
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&l.LineTime, 20 * time.Second}, {&l.IdleTime, 300 * time.Second}, {&l.WriteTime, 20 * time.Second}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// Protocol is a transport.Protocol for lines.
type Protocol struct {
	handler   transport.StreamHandler
	limits    Limits
	startTime time.Time // zero point for the times of connections
	buffers   bufferPool
	batches   sync.Pool // of *recordBatch
	warnings  *transport.WarningLog
}

// New returns a Protocol.
func New(cfg Config) *Protocol {
	protocol := &Protocol{
		handler:   cfg.Handler,
		limits:    cfg.Limits.withDefaults(),
		startTime: time.Now().Add(-1), // so that no elapsed time is 0
		warnings:  cmp.Or(cfg.Warnings, transport.NewWarningLog(cfg.Log, time.Now)),
	}
	protocol.buffers.largestBytes = protocol.limits.LineBytes + maxPrefixBytes + len("\r\n")
	return protocol
}

// elapsed returns the time since startTime.
func (p *Protocol) elapsed() time.Duration { return time.Since(p.startTime) }

// ServeConn answers the lines on transportConn until the client disconnects or exceeds a limit, or
// the stream closes the connection.
func (p *Protocol) ServeConn(ctx context.Context, transportConn *transport.Conn) {
	c := newLineConn(p, transportConn)
	// deferred, so that a panic closes the stream too
	defer c.closeAll()
	for c.awaitRecord() {
		if !transportConn.BecomeActive() {
			return
		}
		transportConn.RunOnWorker(func() { c.answerRecords(ctx) })
	}
}
