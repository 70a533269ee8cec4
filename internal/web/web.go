// Package web is what a browser sees: one plain page that says what a Rookery
// server is and how to talk to it.
package web

import (
	_ "embed"
	"html/template"
	"net/http"
	"regexp"
)

//go:embed pages.html
var pagesHTML string

// shellSafeHost matches the hosts that may stand in the page's example: it is
// pasted into shells, so what a Host header holds is not repeated blindly.
var shellSafeHost = regexp.MustCompile(`^([0-9A-Za-z.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?$`)

// fallbackHost stands in the example if the request names no usable host.
const fallbackHost = "127.0.0.1:8000"

// Pages are what a browser gets.
type Pages struct {
	publicURL string
	templates *template.Template
}

// New makes the pages. publicURL is where people open the server, such as
// https://chat.example; "" if nobody has said.
func New(publicURL string) *Pages {
	return &Pages{publicURL, template.Must(template.New("").Parse(pagesHTML))}
}

// ServeHTTP serves the page at / to a GET; everything else gets 404 with the way
// back.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	url := p.publicURL
	if url == "" {
		url = "http://" + hostOrFallback(r.Host, fallbackHost)
	}
	if r.URL.Path != "/" || r.Method != http.MethodGet {
		p.writePage(w, http.StatusNotFound, "lost", url)
		return
	}
	p.writePage(w, http.StatusOK, "home", url)
}

// ServeWrongHost answers a request under a name that is not known to be the server's.
// Status 421 says just that; 403 says here that the page of somebody else asked.
func (p *Pages) ServeWrongHost(w http.ResponseWriter, r *http.Request) {
	p.writePage(w, http.StatusMisdirectedRequest, "wrong name",
		struct{ Host, PublicURL string }{hostOrFallback(r.Host, ""), p.publicURL})
}

func (p *Pages) writePage(w http.ResponseWriter, status int, page string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// Nothing is fetched and nothing runs; the style stands in the page.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	// What can fail here is the connection, and then nobody reads an error.
	_ = p.templates.ExecuteTemplate(w, page, data)
}

// hostOrFallback is the host of a request, or the other text if a shell would not take it
// as it is.
func hostOrFallback(host, other string) string {
	if shellSafeHost.MatchString(host) {
		return host
	}
	return other
}
