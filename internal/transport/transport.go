// Package transport carries records between clients and the protocol. It owns
// connections: how many there may be, what they may send and for how long, and
// how they end. Each way in has a room of its own below this one.
package transport

import (
	"context"
	"net/netip"

	"github.com/rookery-im/rookery/wire"
)

// Peer is who speaks, as far as the transport can know.
type Peer struct {
	// Addr is the client's address: the connection's, or what a trusted proxy
	// says. An IPv4 address mapped into IPv6 is the IPv4 address.
	Addr netip.Addr
	// ForeignProxy: the request carries a forwarding header, but came from an
	// address that is no trusted proxy. Whose it is, is not known.
	UntrustedProxy bool
	// UnclearProxy: the request came from a trusted proxy, whose forwarding
	// headers contradict each other or cannot be read. Whose it is, is not known.
	AmbiguousProxy bool
	// PageKind: the request comes from a web page. A browser has the address of
	// whoever uses it, and that must not be enough to act for them.
	FromWebPage bool
	// Charset is what the request declares, wire.CharsetUnknown if nothing that
	// decides.
	Charset wire.Charset
	// Form is how line ends in values are written to this peer.
	Form wire.LineBreakForm
}

// RecordHandler answers records.
type RecordHandler interface {
	// AppendAnswer appends the whole answer to dst, line end included, and returns
	// it. The record is valid only until Handle returns. ctx ends when the
	// server gives up on requests in flight, not when the client goes away: what
	// was accepted is finished.
	AppendAnswer(ctx context.Context, peer *Peer, record, dst []byte) []byte
}

// StreamHandler answers records on connections that stay: lines and WebSockets.
type StreamHandler interface {
	// NewStream begins a dialogue on a connection. The link may be used until
	// the dialogue's End was called.
	NewStream(link PushConn) RecordStream
}

// RecordStream is what is said on one connection. Its methods are called by one
// goroutine.
type RecordStream interface {
	// AnswerRecords answers records that have arrived one after the other, in their
	// order. For each that gets an answer it calls reply, once that one's effect is
	// durable and not later than it must: reply writes the answer, in one piece
	// and with the line end of the way in, and returns an error if the connection is
	// done for. The records are valid until Answer returns. ctx is as for a
	// RecordHandler.
	AnswerRecords(ctx context.Context, peer *Peer, records [][]byte, reply func(answer []byte) error)
	// Close says that the connection has ended.
	Close()
}

// PushConn is the server's side of a connection that stays, for writing to it
// unasked. Its methods may be called at any time by anybody.
type PushConn interface {
	// Push writes one record, in one piece, between the others. It waits for a
	// slow reader, within limits; an error says that the connection is done for and
	// has been closed. The record is not kept.
	Push(record []byte) error
	// Framed reports whether the client gets each record by itself, however soon
	// others follow. On a line it does not: one read can return several.
	Framed() bool
	// Close ends the connection.
	Close()
}
