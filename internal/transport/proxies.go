package transport

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/wire"
)

// ForwardedField is one header line in which a proxy says for whom it asks.
type ForwardedField struct {
	Kind  ForwardedKind
	Value []byte
}

// ForwardedKind is one of the headers that proxies use.
type ForwardedKind uint8

const (
	XForwardedFor ForwardedKind = iota // address, address: the nearest is the last
	Forwarded                          // RFC 7239
	XRealIP                            // one address
)

// TrustedProxies are the networks whose word about a client's address is believed.
type TrustedProxies []netip.Prefix

// IdentifyPeer says in peer who speaks on a connection from an address: that
// address, or the one that a trusted proxy says. From anyone else such a header
// makes it unknown.
func (p TrustedProxies) IdentifyPeer(peer *Peer, from netip.Addr, fields []ForwardedField) {
	peer.Addr, peer.UntrustedProxy, peer.AmbiguousProxy = from, false, false
	if len(fields) == 0 {
		return
	}
	if !p.contains(from) {
		peer.UntrustedProxy = true
		return
	}
	addr, ok := p.clientAddr(fields)
	if !ok {
		peer.AmbiguousProxy = true
		return
	}
	peer.Addr = addr
}

func (p TrustedProxies) contains(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr.WithZone("")) {
			return true
		}
	}
	return false
}

// clientAddr finds the address that the request of a trusted proxy comes from. Of
// a chain it is the nearest that is no trusted proxy: what stands before was
// written by the client, who can write anything. If the whole chain is trusted,
// it is the chain's beginning.
//
// A proxy sets one of the headers and passes on what the client forged of the
// others. So all that name an address outside of the trusted networks must name
// the same; ok is false if they do not, and if any is unreadable.
func (p TrustedProxies) clientAddr(fields []ForwardedField) (client netip.Addr, ok bool) {
	for kind := XForwardedFor; kind <= XRealIP; kind++ {
		said, ok := p.nearestHop(fields, kind)
		switch {
		case !ok:
			return netip.Addr{}, false
		case !said.IsValid():
		case !client.IsValid() || p.contains(client):
			client = said
		case said != client && !p.contains(said):
			return netip.Addr{}, false
		}
	}
	return client, client.IsValid()
}

// nearestHop is the address that the headers of one kind give, the zero Addr if
// there are none. Several headers of a kind are one list.
func (p TrustedProxies) nearestHop(fields []ForwardedField, kind ForwardedKind) (nearest netip.Addr, ok bool) {
	for _, field := range slices.Backward(fields) {
		if field.Kind != kind {
			continue
		}
		for _, hop := range slices.Backward(field.hops()) {
			if nearest, ok = parseHop(hop); !ok || !p.contains(nearest) {
				return nearest, ok
			}
		}
	}
	return nearest, true
}

// hops are the addresses of one header, the nearest last; "" is none.
func (f ForwardedField) hops() []string {
	switch f.Kind {
	case XForwardedFor:
		return strings.Split(string(f.Value), ",")
	case Forwarded:
		return parseForwarded(string(f.Value))
	}
	return []string{string(f.Value)}
}

// parseForwarded are the "for" parameters of a Forwarded header. A quote that is
// left open, and a backslash, which no address needs, make the whole
// unreadable: by these a client could make a proxy's words part of its own.
func parseForwarded(value string) []string {
	if strings.Contains(value, `\`) || strings.Count(value, `"`)%2 != 0 {
		return []string{""}
	}
	var hops []string
	for _, element := range splitUnquoted(value, ',') {
		hop := ""
		for _, parameter := range splitUnquoted(element, ';') {
			name, value, _ := strings.Cut(strings.Trim(parameter, " \t"), "=")
			if wire.EqualFold([]byte(name), "for") {
				hop = strings.Trim(value, `"`)
			}
		}
		hops = append(hops, hop)
	}
	return hops
}

// splitUnquoted splits s at each sep that is outside of quotes.
func splitUnquoted(s string, sep rune) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == sep && !quoted
	})
}

// parseHop reads an address, with or without a port, IPv6 in brackets or not.
// Names ("unknown", "_hidden") are no addresses, and one with a zone is an
// address on another machine's links.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.Trim(s, " \t")
	addr, err := netip.ParseAddr(s)
	if err != nil && strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		addr, err = netip.ParseAddr(s[1 : len(s)-1])
	}
	if err != nil {
		var ap netip.AddrPort
		ap, err = netip.ParseAddrPort(s)
		addr = ap.Addr()
	}
	return addr.Unmap(), err == nil && addr.Zone() == ""
}
