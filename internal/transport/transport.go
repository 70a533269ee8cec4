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
	ForeignProxy bool
	// Charset is what the request declares, wire.CharsetUnknown if nothing that
	// decides.
	Charset wire.Charset
	// Form is how line ends in values are written to this peer.
	Form wire.Form
}

// Handler answers records.
type Handler interface {
	// Handle appends the whole answer to dst, line end included, and returns
	// it. The record is valid only until Handle returns. ctx ends when the
	// server gives up on requests in flight, not when the client goes away: what
	// was accepted is finished.
	Handle(ctx context.Context, peer *Peer, record, dst []byte) []byte
}
