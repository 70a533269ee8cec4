package transport

import (
	"net/netip"
	"strings"
)

// Origins decides which web pages may speak to the server, and under which names
// it shows pages of its own. The zero Origins knows IP addresses and localhost.
//
// A session of an old client is known by its address, and a browser has the
// address too. So a page that anybody wrote must not speak to the server. That a
// page asks where it comes from proves nothing: whoever owns a name can let it
// lead to this server once the page is loaded (DNS rebinding). What cannot be led
// here by strangers is an IP address, localhost, this machine's own name, and
// the names that the operator gives.
type Origins struct {
	names   map[string]bool
	public  map[Origin]bool
	allowed map[Origin]bool
}

// NewOrigins makes the rule for a machine of a name, "" if it has none, with the
// settings --public-url and --allow-origin.
func NewOrigins(hostname string, public, allowed []Origin) Origins {
	origins := Origins{make(map[string]bool), make(map[Origin]bool), make(map[Origin]bool)}
	if hostName, ok := readHost(hostname); ok && !hostName.ip {
		bare, _, _ := strings.Cut(hostName.name, ".")
		origins.names[hostName.name], origins.names[bare], origins.names[bare+".local"] = true, true, true
	}
	for _, origin := range public {
		origins.names[origin.host.name], origins.public[origin] = true, true
	}
	for _, origin := range allowed {
		origins.allowed[origin] = true
	}
	return origins
}

// Own reports whether a request's Host names this server. Its port does not
// matter: it can be a proxy's, and no port can be had without the host.
func (o Origins) Own(host string) bool {
	hostName, _, ok := readAuthority(host)
	return ok && (hostName.ip || hostName.name == "localhost" || strings.HasSuffix(hostName.name, ".localhost") || o.names[hostName.name])
}

// Page is what a request's header says of the web page that sent it.
type Page uint8

const (
	// NoPage: the request has none of the fields that browsers add.
	NoPage Page = iota
	// OwnPage: a page of this server.
	OwnPage
	// AllowedPage: a page of an origin that --allow-origin names.
	AllowedPage
	// UnnamedPage: a page that asks where it comes from, under a name that is not
	// known to be this server's.
	UnnamedPage
	// ForeignPage: any other.
	ForeignPage
)

// Judge says what page sent a request, by its Host, by all of its fields Origin,
// and by whether it has a Sec-Fetch-Site. What the latter says does not matter:
// it counts the page of a rebound name as the server's own.
func (o Origins) Judge(host string, origins []string, fetchSite bool) Page {
	if len(origins) == 0 && !fetchSite {
		return NoPage
	}
	from, ok := readOrigin(strings.Join(origins, ", ")) // two are none
	switch {
	case !ok:
		return ForeignPage
	case o.allowed[from]:
		return AllowedPage
	case o.public[from]:
		return OwnPage // whatever a proxy has made of Host
	case !from.isAt(host):
		return ForeignPage
	case !o.Own(host):
		return UnnamedPage
	}
	return OwnPage
}

// Refusal says in one line why the page may not speak to the server, and what to
// do; "" if it may.
func (p Page) Refusal() string {
	switch p {
	case UnnamedPage:
		return "The server is not known under this name, so its pages may not speak to it. " + namesSetting
	case ForeignPage:
		return "A web page of another origin may not speak to the server. To let it, " +
			"start the server with --allow-origin and the page's origin, such as https://chat.example"
	}
	return ""
}

// RefusedPage logs that a page was refused that asked host.
func (w *WarningLog) RefusedPage(page Page, from netip.Addr, host string, origins []string) {
	cause := "foreign origin"
	if page == UnnamedPage {
		cause = unknownName
	}
	w.Warn(WarningContext{Cause: cause, Address: from}, page.Refusal(),
		"origin", Excerpt(strings.Join(origins, ", ")), "host", Excerpt(host))
}

// UnknownName logs that a page was asked for under a name that is not the
// server's.
func (w *WarningLog) UnknownName(from netip.Addr, host string) {
	w.Warn(WarningContext{Cause: unknownName, Address: from},
		"A page was asked for under a name that the server does not know. "+namesSetting, "host", Excerpt(host))
}

const (
	unknownName  = "unknown name"
	namesSetting = "If the name is yours, start the server with --public-url " +
		"and the address that people open, such as https://chat.example"
)
