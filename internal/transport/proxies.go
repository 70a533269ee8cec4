package transport

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/wire"
)

// ForwardedField is one header line in which a proxy names the client.
type ForwardedField struct {
	Kind  ForwardedKind
	Value []byte
}

// ForwardedKind is a header that proxies use to name the client.
type ForwardedKind uint8

const (
	XForwardedFor ForwardedKind = iota // a list of addresses, the nearest hop last
	Forwarded                          // RFC 7239
	XRealIP                            // one address
)

// TrustedProxies are the networks whose forwarding headers are believed.
type TrustedProxies []netip.Prefix

// IdentifyPeer sets the address of peer: from, or the client that a trusted proxy at from names. If
// any other sender uses forwarding headers, peer is marked as unknown.
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

// clientAddr returns the client that a trusted proxy names: the nearest hop that is not itself a
// trusted proxy, since the client can forge everything before that. If all hops are trusted, it is
// the first one.
//
// A proxy sets one of the headers and passes the others on as the client sent them. All headers
// that name an untrusted address must therefore agree. ok is false if they do not, or if one is
// malformed.
func (p TrustedProxies) clientAddr(fields []ForwardedField) (client netip.Addr, ok bool) {
	for kind := XForwardedFor; kind <= XRealIP; kind++ {
		named, ok := p.nearestHop(fields, kind)
		switch {
		case !ok:
			return netip.Addr{}, false
		case !named.IsValid():
		case !client.IsValid() || p.contains(client):
			client = named
		case named != client && !p.contains(named):
			return netip.Addr{}, false
		}
	}
	return client, client.IsValid()
}

// nearestHop returns the address that the headers of one kind give, or the zero Addr if there are
// none. Several headers of a kind form one list.
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

// hops returns the addresses in the header, the nearest last. "" stands for a malformed one.
func (f ForwardedField) hops() []string {
	switch f.Kind {
	case XForwardedFor:
		return strings.Split(string(f.Value), ",")
	case Forwarded:
		return parseForwarded(string(f.Value))
	}
	return []string{string(f.Value)}
}

// parseForwarded returns the "for" parameters of a Forwarded header. An unbalanced quote or a
// backslash makes the whole header malformed: with these a client could absorb what the proxy
// appends into its own text.
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

// splitUnquoted splits text at each separator outside quotes.
func splitUnquoted(text string, separator rune) []string {
	quoted := false
	return strings.FieldsFunc(text, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == separator && !quoted
	})
}

// parseHop parses an address with or without a port, IPv6 with or without brackets. It rejects
// names such as "unknown", and addresses with a zone, which are valid only on another machine.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.Trim(text, " \t")
	addr, err := netip.ParseAddr(text)
	if err != nil && strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		addr, err = netip.ParseAddr(text[1 : len(text)-1])
	}
	if err != nil {
		var addrPort netip.AddrPort
		addrPort, err = netip.ParseAddrPort(text)
		addr = addrPort.Addr()
	}
	return addr.Unmap(), err == nil && addr.Zone() == ""
}
