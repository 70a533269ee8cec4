package transport

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Origin is where a web page comes from, as browsers say it in the header
// Origin: a scheme, a host and a port.
type Origin struct {
	scheme string // in lower case
	host   originHost
	port   uint16 // 0 if the scheme has no default and none is given
}

// originHost is a name or an address, in the one spelling that browsers use.
type originHost struct {
	name string // in lower case and without a dot at its end; IPv6 in brackets
	isIP bool
}

// defaultPorts are the ports that browsers leave out.
var defaultPorts = map[string]uint16{"http": 80, "https": 443}

// schemesWithoutOrigin are schemes whose pages have no origin of their own, or that
// have no pages.
var schemesWithoutOrigin = []string{"about", "blob", "data", "file", "ftp", "javascript", "ws", "wss"}

// ParseOrigin reads an origin as an operator writes it. It takes nothing but
// what a browser can send, since anything else would never fit; the error says
// the right spelling, if there is one.
func ParseOrigin(text string) (Origin, error) {
	origin, ok := parseOriginText(text)
	switch {
	case ok && origin.String() == text && !slices.Contains(schemesWithoutOrigin, origin.scheme):
		return origin, nil
	case text == "null":
		return Origin{}, fmt.Errorf("%q is what any page can pretend to come from, so it stands for none", text)
	case strings.Contains(text, "*"):
		return Origin{}, fmt.Errorf("%q holds a *: name each origin, such as https://chat.example", text)
	}
	if meant, ok := suggestOrigin(text); ok {
		return Origin{}, fmt.Errorf("%q is not what browsers send: write %s", text, meant)
	}
	return Origin{}, fmt.Errorf("%q is no web origin, which is a scheme, a name in ASCII, "+
		"and a port if it is not the usual one, such as https://chat.example", text)
}

// suggestOrigin guesses what was meant by a text that is no origin.
func suggestOrigin(text string) (Origin, bool) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return Origin{}, false
	}
	scheme := u.Scheme
	switch scheme {
	case "ws":
		scheme = "http"
	case "wss":
		scheme = "https"
	}
	origin, ok := parseOriginText(scheme + "://" + u.Host)
	return origin, ok && !slices.Contains(schemesWithoutOrigin, origin.scheme)
}

// parseOriginText reads an origin in any case, with the default port or without.
func parseOriginText(text string) (origin Origin, ok bool) {
	scheme, authority, ok := strings.Cut(text, "://")
	if !ok || !isURLScheme(scheme) {
		return Origin{}, false
	}
	origin.scheme = lowerASCII(scheme)
	if origin.host, origin.port, ok = parseAuthority(authority); !ok {
		return Origin{}, false
	}
	if origin.port == 0 {
		origin.port = defaultPorts[origin.scheme]
	}
	return origin, true
}

// String is the origin as browsers write it.
func (o Origin) String() string {
	s := o.scheme + "://" + o.host.name
	if o.port != defaultPorts[o.scheme] {
		s += ":" + strconv.Itoa(int(o.port))
	}
	return s
}

// IsWeb reports whether the origin's pages come by HTTP or HTTPS.
func (o Origin) IsWeb() bool { return defaultPorts[o.scheme] != 0 }

// matchesHost reports whether a page of this origin that asks under a Host asks where
// it comes from. Whether it came by TLS cannot be told behind a proxy, so the
// scheme is believed.
func (o Origin) matchesHost(host string) bool {
	hostName, port, ok := parseAuthority(host)
	if port == 0 {
		port = defaultPorts[o.scheme]
	}
	return ok && o.IsWeb() && hostName == o.host && port == o.port
}

// parseAuthority reads a host with or without a port, which is 0 then. It takes
// no user.
func parseAuthority(text string) (h originHost, port uint16, ok bool) {
	name := text
	if colon := strings.LastIndexByte(text, ':'); colon > strings.LastIndexByte(text, ']') {
		n, err := strconv.ParseUint(text[colon+1:], 10, 16)
		if err != nil || n == 0 {
			return originHost{}, 0, false
		}
		name, port = text[:colon], uint16(n)
	}
	h, ok = parseHost(name)
	return h, port, ok
}

// parseHost reads a name or an address. It takes no other form of an address
// than the usual one: what browsers make of 127.1 or 0x7f000001 is 127.0.0.1,
// before they send it.
func parseHost(text string) (originHost, bool) {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return originHost{"[" + formatIPv6(addr) + "]", true}, ok && err == nil && addr.Is6() && addr.Zone() == ""
	}
	name := strings.TrimSuffix(lowerASCII(text), ".") // with the dot it is the same name
	if addr, err := netip.ParseAddr(name); err == nil && addr.Is4() {
		return originHost{addr.String(), true}, true
	}
	return originHost{name, false}, isHostName(name)
}

// formatIPv6 writes an address as browsers do: all of it in hex.
func formatIPv6(addr netip.Addr) string {
	if addr.Is4In6() {
		b := addr.As16()
		return fmt.Sprintf("::ffff:%x:%x", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15]))
	}
	return addr.String()
}

// isHostName reports whether a text in lower case is a name as they are in DNS and in
// local networks. One that ends in a number is an address, or nothing.
func isHostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
		last = label
	}
	hex, isHex := strings.CutPrefix(last, "0x")
	return strings.Trim(last, "0123456789") != "" && !(isHex && strings.Trim(hex, "0123456789abcdef") == "")
}

// isURLScheme reports whether a text is the scheme of a URL.
func isURLScheme(text string) bool {
	for i, b := range []byte(lowerASCII(text)) {
		letter := 'a' <= b && b <= 'z'
		if !letter && (i == 0 || !('0' <= b && b <= '9' || b == '+' || b == '-' || b == '.')) {
			return false
		}
	}
	return text != ""
}

// lowerASCII leaves all but A to Z as it is: other letters have small forms
// among these, and would make a name that nobody has registered.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}
