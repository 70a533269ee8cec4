package transport

import (
	"net/netip"
	"strings"
)

// OriginPolicy decides which web pages may speak to the server, and under which names
// it shows pages of its own. The zero Origins knows IP addresses and localhost.
//
// A session of an old client is known by its address, and a browser has the
// address too. So a page that anybody wrote must not speak to the server. That a
// page asks where it comes from proves nothing: whoever owns a name can let it
// lead to this server once the page is loaded (DNS rebinding). What cannot be led
// here by strangers is an IP address, localhost, this machine's own name, and
// the names that the operator gives.
type OriginPolicy struct {
	serverNames    map[string]bool
	publicOrigins  map[Origin]bool
	allowedOrigins map[Origin]bool
}

// NewOriginPolicy makes the rule for a machine of a name, "" if it has none, with the
// settings --public-url and --allow-origin.
func NewOriginPolicy(hostname string, public, allowed []Origin) OriginPolicy {
	origins := OriginPolicy{make(map[string]bool), make(map[Origin]bool), make(map[Origin]bool)}
	if hostName, ok := parseHost(hostname); ok && !hostName.isIP {
		bare, _, _ := strings.Cut(hostName.name, ".")
		origins.serverNames[hostName.name], origins.serverNames[bare], origins.serverNames[bare+".local"] = true, true, true
	}
	for _, origin := range public {
		origins.serverNames[origin.host.name], origins.publicOrigins[origin] = true, true
	}
	for _, origin := range allowed {
		origins.allowedOrigins[origin] = true
	}
	return origins
}

// IsOwnHost reports whether a request's Host names this server. Its port does not
// matter: it can be a proxy's, and no port can be had without the host.
func (o OriginPolicy) IsOwnHost(host string) bool {
	hostName, _, ok := parseAuthority(host)
	return ok && (hostName.isIP || hostName.name == "localhost" || strings.HasSuffix(hostName.name, ".localhost") || o.serverNames[hostName.name])
}

// PageKind is what a request's header says of the web page that sent it.
type PageKind uint8

const (
	// NoPage: the request has none of the fields that browsers add.
	NoPage PageKind = iota
	// OwnPage: a page of this server.
	OwnPage
	// AllowedPage: a page of an origin that --allow-origin names.
	AllowedPage
	// UnknownHostPage: a page that asks where it comes from, under a name that is not
	// known to be this server's.
	UnknownHostPage
	// ForeignPage: any other.
	ForeignPage
)

// ClassifyPage says what page sent a request, by its Host, by all of its fields Origin,
// and by whether it has a Sec-Fetch-Site. What the latter says does not matter:
// it counts the page of a rebound name as the server's own.
func (o OriginPolicy) ClassifyPage(host string, origins []string, fetchSite bool) PageKind {
	if len(origins) == 0 && !fetchSite {
		return NoPage
	}
	from, ok := parseOriginText(strings.Join(origins, ", ")) // two are none
	switch {
	case !ok:
		return ForeignPage
	case o.allowedOrigins[from]:
		return AllowedPage
	case o.publicOrigins[from]:
		return OwnPage // whatever a proxy has made of Host
	case !from.matchesHost(host):
		return ForeignPage
	case !o.IsOwnHost(host):
		return UnknownHostPage
	}
	return OwnPage
}

// RefusalText says in one line why the page may not speak to the server, and what to
// do; "" if it may.
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

// WarnRefusedPage logs that a page was refused that asked host.
func (w *WarningLog) WarnRefusedPage(page PageKind, from netip.Addr, host string, origins []string) {
	cause := "foreign origin"
	if page == UnknownHostPage {
		cause = unknownHostCause
	}
	w.Warn(WarningContext{Cause: cause, Address: from}, page.RefusalText(),
		"origin", Excerpt(strings.Join(origins, ", ")), "host", Excerpt(host))
}

// WarnUnknownHost logs that a page was asked for under a name that is not the
// server's.
func (w *WarningLog) WarnUnknownHost(from netip.Addr, host string) {
	w.Warn(WarningContext{Cause: unknownHostCause, Address: from},
		"A page was asked for under a name that the server does not know. "+publicURLAdvice, "host", Excerpt(host))
}

const (
	unknownHostCause = "unknown name"
	publicURLAdvice  = "If the name is yours, start the server with --public-url " +
		"and the address that people open, such as https://chat.example"
)
