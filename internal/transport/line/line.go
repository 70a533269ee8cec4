// Package line is the way in over raw TCP: each record is a line, each answer is
// one, and the server writes lines unasked (docs/protocol.md, 1.2).
//
// There may be tens of thousands of lines that are quiet for hours. So one that
// waits owns a goroutine with the smallest stack and a buffer that a usual record
// fits in, and nothing else: no goroutine to write, no timer but the
// connection's own deadlines. What more a record needs is borrowed while it is
// read and answered.
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

// Config is what a Way needs.
type Config struct {
	// Handler answers the records.
	Handler transport.StreamHandler
	Limits  Limits
	Log     *slog.Logger
	// Warnings logs what clients do wrong; nil is made of Log.
	Warnings *transport.WarningLog
}

// Limits bound one connection. A zero stands for its default. Who breaks one is
// cut off, without a word: a client would take it for a record.
type Limits struct {
	// LineBytes is how long a line may be, what stands before VER= and its end
	// not counted; wire.MaxRecord, 64 KiB.
	LineBytes int
	// LineTime is how long a line may take to arrive, from its first byte on;
	// 20 s. It can be a quarter more.
	LineTime time.Duration
	// IdleTime is how long a connection is kept, at least, without a record;
	// 300 s, as long as a session lives without one (LI). It can be a tenth more.
	// The setting is --line-idle-timeout.
	IdleTime time.Duration
	// WriteTime is how long a client may take, at least, to make room for an
	// answer or a push; 20 s. It can be a quarter more.
	WriteTime time.Duration
	// IgnoredBytes is how many bytes of lines that are no records may come
	// between two records; 4 KiB. Clients send one or two.
	IgnoredBytes int
	// RecordsPerSecond is how many records a connection may bring in one second;
	// 0, the default, is any number. The setting is --max-records-per-second.
	RecordsPerSecond int
}

// withDefaults returns the limits with defaults in the place of zeros.
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

// Protocol is the way in over lines. It is a transport.Protocol.
type Protocol struct {
	handler   transport.StreamHandler
	limits    Limits
	startTime time.Time // what connections count time from
	buffers   bufferPool
	batches   sync.Pool // of *batch
	warnings  *transport.WarningLog
}

// New makes a way in.
func New(cfg Config) *Protocol {
	protocol := &Protocol{
		handler:   cfg.Handler,
		limits:    cfg.Limits.withDefaults(),
		startTime: time.Now().Add(-1), // no time is 0
		warnings:  cmp.Or(cfg.Warnings, transport.NewWarningLog(cfg.Log, time.Now)),
	}
	protocol.buffers.largestBytes = protocol.limits.LineBytes + maxPrefixBytes + len("\r\n")
	return protocol
}

// elapsed is the time since the way was made.
func (w *Protocol) elapsed() time.Duration { return time.Since(w.startTime) }

// ServeConn answers the lines that come on nc, until the client leaves or breaks a
// rule, or the dialogue closes the connection.
func (w *Protocol) ServeConn(ctx context.Context, nc *transport.Conn) {
	c := newLineConn(w, nc)
	// A panic must end the dialogue as well.
	defer c.closeAll()
	for c.awaitRecord() {
		if !nc.BecomeActive() {
			return
		}
		nc.RunOnWorker(func() { c.answerRecords(ctx) })
	}
}
