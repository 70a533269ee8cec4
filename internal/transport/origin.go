package transport

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Origin is the scheme, host and port of a web page, as in the Origin header.
type Origin struct {
	scheme string // lower case
	host   originHost
	port   uint16 // 0 if the scheme has no default port and none is given
}

// originHost is a host name or an IP address, in the spelling that browsers use.
type originHost struct {
	name string // lower case, without a final dot; IPv6 in brackets
	isIP bool
}

// defaultPorts are the ports that browsers omit.
var defaultPorts = map[string]uint16{"http": 80, "https": 443}

// schemesWithoutOrigin are schemes that have no pages, or whose pages have no origin of their own.
var schemesWithoutOrigin = []string{"about", "blob", "data", "file", "ftp", "javascript", "ws", "wss"}

// ParseOrigin parses an origin from the configuration. It accepts only what a browser can send,
// since nothing else would ever match. If possible, the error names the right spelling.
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
	if suggestion, ok := suggestOrigin(text); ok {
		return Origin{}, fmt.Errorf("%q is not what browsers send: write %s", text, suggestion)
	}
	return Origin{}, fmt.Errorf("%q is no web origin, which is a scheme, a name in ASCII, "+
		"and a port if it is not the usual one, such as https://chat.example", text)
}

// suggestOrigin guesses which origin was meant by text.
func suggestOrigin(text string) (Origin, bool) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	parsedURL, err := url.Parse(text)
	if err != nil {
		return Origin{}, false
	}
	scheme := parsedURL.Scheme
	switch scheme {
	case "ws":
		scheme = "http"
	case "wss":
		scheme = "https"
	}
	origin, ok := parseOriginText(scheme + "://" + parsedURL.Host)
	return origin, ok && !slices.Contains(schemesWithoutOrigin, origin.scheme)
}

// parseOriginText parses an origin in any letter case, with or without the default port.
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

// String returns the origin as browsers send it.
func (o Origin) String() string {
	text := o.scheme + "://" + o.host.name
	if o.port != defaultPorts[o.scheme] {
		text += ":" + strconv.Itoa(int(o.port))
	}
	return text
}

// IsWeb reports whether the scheme is http or https.
func (o Origin) IsWeb() bool { return defaultPorts[o.scheme] != 0 }

// matchesHost reports whether a page of this origin is on the server that the Host header names.
// Behind a proxy the server cannot tell whether TLS was used, so the scheme is not compared.
func (o Origin) matchesHost(host string) bool {
	hostName, port, ok := parseAuthority(host)
	if port == 0 {
		port = defaultPorts[o.scheme]
	}
	return ok && o.IsWeb() && hostName == o.host && port == o.port
}

// parseAuthority parses a host with an optional port; port is 0 if there is none. It rejects user
// information.
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

// parseHost parses a host name or an IP address. It accepts IPv4 only in dotted decimal: browsers
// convert 127.1 or 0x7f000001 to that before they send it.
func parseHost(text string) (originHost, bool) {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return originHost{"[" + formatIPv6(addr) + "]", true}, ok && err == nil && addr.Is6() && addr.Zone() == ""
	}
	name := strings.TrimSuffix(lowerASCII(text), ".") // the final dot makes no difference
	if addr, err := netip.ParseAddr(name); err == nil && addr.Is4() {
		return originHost{addr.String(), true}, true
	}
	return originHost{name, false}, isHostName(name)
}

// formatIPv6 formats an address as browsers do, entirely in hexadecimal.
func formatIPv6(addr netip.Addr) string {
	if addr.Is4In6() {
		b := addr.As16()
		return fmt.Sprintf("::ffff:%x:%x", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15]))
	}
	return addr.String()
}

// isHostName reports whether a lower-case text is a name of DNS or of a local network. A name whose
// last label is a number could only be an address, so it is none.
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

// isURLScheme reports whether text is a valid URL scheme.
func isURLScheme(text string) bool {
	for i, b := range []byte(lowerASCII(text)) {
		letter := 'a' <= b && b <= 'z'
		if !letter && (i == 0 || !('0' <= b && b <= '9' || b == '+' || b == '-' || b == '.')) {
			return false
		}
	}
	return text != ""
}

// lowerASCII lower-cases A to Z only. Other letters have lower-case forms in ASCII and would turn
// into a different name.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}
