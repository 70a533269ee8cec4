package transport

import (
	"net/netip"
	"strings"
)

// OriginPolicy decides which web pages may talk to the server, and under which host names the
// server shows its own pages. The zero OriginPolicy allows IP addresses and localhost.
//
// An old client's session is identified by its address, and a page in a browser has the same
// address. A page by a stranger must therefore not talk to the server. Comparing Origin with Host
// is not enough: the owner of a domain can point it at this server after the page was loaded (DNS
// rebinding). Strangers cannot do that with an IP address, localhost, the machine's own name, or
// the names that the operator configures.
type OriginPolicy struct {
	serverNames    map[string]bool
	publicOrigins  map[Origin]bool
	allowedOrigins map[Origin]bool
}

// NewOriginPolicy returns the policy for a machine called hostname, which may be empty. public
// comes from --public-url, allowed from --allow-origin.
func NewOriginPolicy(hostname string, public, allowed []Origin) OriginPolicy {
	origins := OriginPolicy{make(map[string]bool), make(map[Origin]bool), make(map[Origin]bool)}
	if hostName, ok := parseHost(hostname); ok && !hostName.isIP {
		bare, _, _ := strings.Cut(hostName.name, ".")
		for _, name := range []string{hostName.name, bare, bare + ".local"} {
			origins.serverNames[name] = true
		}
	}
	for _, origin := range public {
		origins.serverNames[origin.host.name], origins.publicOrigins[origin] = true, true
	}
	for _, origin := range allowed {
		origins.allowedOrigins[origin] = true
	}
	return origins
}

// IsOwnHost reports whether a Host header names this server. The port is ignored: it may be a
// proxy's, and nobody can control a port without the host.
func (o OriginPolicy) IsOwnHost(host string) bool {
	hostName, _, ok := parseAuthority(host)
	return ok && (hostName.isIP || hostName.name == "localhost" || strings.HasSuffix(hostName.name, ".localhost") ||
		o.serverNames[hostName.name])
}

// PageKind classifies the web page that sent a request.
type PageKind uint8

const (
	// NoPage: the request has no header that only browsers send.
	NoPage PageKind = iota
	// OwnPage: a page of this server.
	OwnPage
	// AllowedPage: a page whose origin is named by --allow-origin.
	AllowedPage
	// UnknownHostPage: Origin and Host agree, but the name is not known to be this server's.
	UnknownHostPage
	// ForeignPage: any other page.
	ForeignPage
)

// ClassifyPage classifies a request by its Host header, all its Origin headers, and whether it has
// a Sec-Fetch-Site header. The value of Sec-Fetch-Site is ignored, because browsers send
// "same-origin" for a rebound name too.
func (o OriginPolicy) ClassifyPage(host string, origins []string, hasFetchSite bool) PageKind {
	if len(origins) == 0 && !hasFetchSite {
		return NoPage
	}
	from, ok := parseOriginText(strings.Join(origins, ", ")) // two Origin headers are as bad as none
	switch {
	case !ok:
		return ForeignPage
	case o.allowedOrigins[from]:
		return AllowedPage
	case o.publicOrigins[from]:
		return OwnPage // a proxy may have changed Host
	case !from.matchesHost(host):
		return ForeignPage
	case !o.IsOwnHost(host):
		return UnknownHostPage
	}
	return OwnPage
}

// RefusalText says in one line why the page may not talk to the server, and what to change. It is
// "" if the page may.
func (p PageKind) RefusalText() string {
	switch p {
	case UnknownHostPage:
		return "The server is not known under this name, so its pages may not speak to it. " + publicURLAdvice
	case ForeignPage:
		return "A web page of another origin may not speak to the server. To let it, " +
			"start the server with --allow-origin and the page's origin, such as https://chat.example"
	}
	return ""
}

// WarnRefusedPage logs that a page was refused.
func (w *WarningLog) WarnRefusedPage(page PageKind, from netip.Addr, host string, origins []string) {
	cause := "foreign origin"
	if page == UnknownHostPage {
		cause = unknownHostCause
	}
	w.Warn(WarningContext{Cause: cause, Address: from}, page.RefusalText(),
		"origin", Excerpt(strings.Join(origins, ", ")), "host", Excerpt(host))
}

// WarnUnknownHost logs that a page was requested under a name that is not the server's.
func (w *WarningLog) WarnUnknownHost(from netip.Addr, host string) {
	w.Warn(WarningContext{Cause: unknownHostCause, Address: from},
		"A page was requested under a host name that the server does not know. "+publicURLAdvice, "host", Excerpt(host))
}

const (
	unknownHostCause = "unknown name"
	publicURLAdvice  = "If the name is yours, start the server with --public-url " +
		"and the address that people open, such as https://chat.example"
)
