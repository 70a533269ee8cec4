package transport

import (
	"net/netip"
	"strings"
	"testing"
)

func TestTrustedProxyHeaderIdentifiesClient(t *testing.T) {
	trusted := TrustedProxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	const refused = ""
	for _, c := range []struct{ name, header, want string }{
		{"one address", "X-Forwarded-For: 192.0.2.7", "192.0.2.7"},
		{"an address with a port", "X-Forwarded-For: 192.0.2.7:1234", "192.0.2.7"},
		{"an IPv6 address", "X-Forwarded-For: 2001:db8::7", "2001:db8::7"},
		{"an IPv6 address in brackets", "X-Forwarded-For: [2001:db8::7]", "2001:db8::7"},
		{"an IPv6 address with a port", "X-Forwarded-For: [2001:db8::7]:1234", "2001:db8::7"},
		{"an IPv4 address mapped into IPv6", "X-Forwarded-For: ::ffff:192.0.2.7", "192.0.2.7"},
		{"the nearest, not what the client forged", "X-Forwarded-For: 198.51.100.1, 192.0.2.7", "192.0.2.7"},
		{"nearest over several headers", "X-Forwarded-For: 198.51.100.1\nX-Forwarded-For: 192.0.2.7", "192.0.2.7"},
		{"behind a chain of trusted proxies", "X-Forwarded-For: 198.51.100.1, 192.0.2.7, 10.1.1.1\nX-Forwarded-For: " +
			"10.2.2.2", "192.0.2.7"},
		{"a trusted machine itself", "X-Forwarded-For: 10.1.1.1, 10.2.2.2", "10.1.1.1"},
		{"nonsense beyond the nearest", "X-Forwarded-For: nonsense, 192.0.2.7", "192.0.2.7"},
		{"nonsense as the nearest", "X-Forwarded-For: 192.0.2.7, nonsense", refused},
		{"nonsense before trusted proxies", "X-Forwarded-For: nonsense, 10.1.1.1", refused},
		{"nothing", "X-Forwarded-For:", refused},
		{"an empty end", "X-Forwarded-For: 192.0.2.7,", refused},
		{"an address with a zone", "X-Forwarded-For: fe80::1%eth0", refused},

		{"Forwarded", "Forwarded: for=192.0.2.7", "192.0.2.7"},
		{"Forwarded in any case among other parameters", "Forwarded: proto=http; For=192.0.2.7;by=10.1.1.1",
			"192.0.2.7"},
		{"Forwarded with quotes and a port", `Forwarded: for="[2001:db8::7]:1234"`, "2001:db8::7"},
		{"Forwarded with a chain", `Forwarded: for=198.51.100.1, for="192.0.2.7:80", for=10.1.1.1`, "192.0.2.7"},
		{"Forwarded for nobody known", "Forwarded: for=unknown", refused},
		{"Forwarded for a hidden one", "Forwarded: for=_hidden", refused},
		{"Forwarded without for", "Forwarded: proto=http", refused},
		{"Forwarded with nothing", "Forwarded:", refused},
		{"Forwarded with a host that holds a list", `Forwarded: for=192.0.2.7;host="x,for=198.51.100.1;y="`,
			"192.0.2.7"},
		{"Forwarded with a host that holds a parameter", `Forwarded: host="x;for=198.51.100.1";for=192.0.2.7`,
			"192.0.2.7"},
		{"Forwarded with a quote left open by the client", `Forwarded: for=198.51.100.1;x=", for=192.0.2.7`, refused},
		{"Forwarded with a quote that the client escapes", `Forwarded: for=198.51.100.1;x=", for=192.0.2.7;host="a\"b"`,
			refused},

		{"X-Real-IP", "X-Real-IP: 192.0.2.7", "192.0.2.7"},
		{"X-Real-IP with a list", "X-Real-IP: 192.0.2.7, 192.0.2.8", refused},

		{"headers that agree", "X-Forwarded-For: 192.0.2.7\nX-Real-IP: 192.0.2.7\nForwarded: for=192.0.2.7",
			"192.0.2.7"},
		{"headers that disagree", "X-Forwarded-For: 192.0.2.7\nX-Real-IP: 192.0.2.8", refused},
		{"headers that disagree in another order", "X-Real-IP: 192.0.2.8\nForwarded: for=192.0.2.7", refused},
		{"one header readable, the other not", "X-Forwarded-For: 192.0.2.7\nX-Real-IP: nonsense", refused},
		{"one header names a trusted proxy", "X-Forwarded-For: 192.0.2.7\nX-Real-IP: 10.1.1.1", "192.0.2.7"},
		{"another header names a trusted proxy", "X-Forwarded-For: 10.1.1.1\nX-Real-IP: 192.0.2.7", "192.0.2.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var peer Peer
			trusted.IdentifyPeer(&peer, netip.MustParseAddr("10.9.9.9"), parseHeaderLines(c.header))
			if peer.AmbiguousProxy != (c.want == refused) || peer.UntrustedProxy || c.want != refused &&
				peer.Addr.String() != c.want {
				t.Errorf("got %+v, want %q", peer, c.want)
			}
		})
	}
}

// parseHeaderLines parses the header lines of a proxy.
func parseHeaderLines(header string) (fields []ForwardedField) {
	kinds := map[string]ForwardedKind{"X-Forwarded-For": XForwardedFor, "Forwarded": Forwarded, "X-Real-IP": XRealIP}
	for line := range strings.SplitSeq(header, "\n") {
		name, value, _ := strings.Cut(line, ":")
		fields = append(fields, ForwardedField{kinds[name], []byte(strings.TrimSpace(value))})
	}
	return fields
}

func TestUntrustedProxyHeaderIsIgnored(t *testing.T) {
	trusted := TrustedProxies{netip.MustParsePrefix("10.0.0.0/8")}
	stranger := netip.MustParseAddr("192.0.2.1")
	peer := Peer{UntrustedProxy: true, AmbiguousProxy: true} // of an earlier request
	trusted.IdentifyPeer(&peer, stranger, nil)
	if want := (Peer{Addr: stranger}); peer != want {
		t.Errorf("without a header the peer is %+v, want %+v", peer, want)
	}
	trusted.IdentifyPeer(&peer, stranger, parseHeaderLines("X-Forwarded-For: 192.0.2.7"))
	if want := (Peer{Addr: stranger, UntrustedProxy: true}); peer != want {
		t.Errorf("with a header the peer is %+v, want %+v", peer, want)
	}
}

func TestTrustedProxyMayHaveAZone(t *testing.T) {
	p := TrustedProxies{netip.MustParsePrefix("fe80::/10")}
	for address, want := range map[string]bool{"fe80::1%eth0": true, "2001:db8::1": false} {
		if got := p.contains(netip.MustParseAddr(address)); got != want {
			t.Errorf("contains(%s) = %v, want %v", address, got, want)
		}
	}
}
