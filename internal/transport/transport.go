// Package transport accepts client connections and carries records between them and a handler. It
// enforces limits on the number of connections, on time and on memory, and shuts connections down
// in order. The protocols (HTTP, lines, WebSocket) are in its subdirectories.
package transport

import (
	"context"
	"net/netip"

	"github.com/rookery-im/rookery/wire"
)

// Peer describes the sender of a record, as far as the transport can tell.
type Peer struct {
	// Addr is the address of the connection, or the client address reported by a trusted proxy. An
	// IPv4 address mapped into IPv6 is stored as IPv4.
	Addr netip.Addr
	// UntrustedProxy is set if the request carries a forwarding header but did not come from a
	// trusted proxy. The client's address is then unknown.
	UntrustedProxy bool
	// AmbiguousProxy is set if a trusted proxy sent forwarding headers that contradict each other
	// or cannot be parsed. The client's address is then unknown.
	AmbiguousProxy bool
	// FromWebPage is set if a web page sent the request. A page shares the address of the browser's
	// user, so that address must not authenticate it.
	FromWebPage bool
	// Charset is the charset that the request declares, or wire.CharsetUnknown.
	Charset wire.Charset
	// Form says how line breaks in values are written to this peer.
	Form wire.LineBreakForm
}

// RecordHandler answers single records.
type RecordHandler interface {
	// AppendAnswer appends the complete answer, including its line end, to dst and returns the
	// extended slice. It must not use record after it returns. ctx is cancelled when a shutdown
	// runs out of time, but not when the client disconnects: an accepted request is always
	// completed.
	AppendAnswer(ctx context.Context, peer *Peer, record, dst []byte) []byte
}

// StreamHandler answers records on long-lived connections: lines and WebSockets.
type StreamHandler interface {
	// NewStream starts a stream on conn. The stream may use conn until its Close is called.
	NewStream(link PushConn) RecordStream
}

// RecordStream answers the records of one connection. Its methods are never called concurrently.
type RecordStream interface {
	// AnswerRecords answers records in the order in which they arrived. It calls reply once for
	// each record that gets an answer, after the record's effect is durable and without needless
	// delay. reply writes one answer, adds the protocol's line end, and returns an error if the
	// connection is unusable. AnswerRecords must not use records after it returns. ctx is as for
	// RecordHandler.AppendAnswer.
	AnswerRecords(ctx context.Context, peer *Peer, records [][]byte, reply func(answer []byte) error)
	// Close is called once, when the connection has ended.
	Close()
}

// PushConn is the sending side of a long-lived connection. Its methods are safe for concurrent use.
type PushConn interface {
	// Push writes one record, never interleaved with another. It waits for a slow client up to the
	// write timeout. On error the connection is closed. Push does not retain record.
	Push(record []byte) error
	// Framed reports whether the client receives each record separately. On a line it does not: one
	// read may return several records.
	Framed() bool
	// Close closes the connection.
	Close()
}
