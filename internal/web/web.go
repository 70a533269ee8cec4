// Package web serves the page that a browser shows for the server's address. It explains what the
// server is and how to connect to it.
package web

import (
	_ "embed"
	"html/template"
	"net/http"
	"regexp"
)

//go:embed pages.html
var pagesHTML string

// shellSafeHost matches the hosts that may be inserted into the page's example command, which users
// paste into shells.
var shellSafeHost = regexp.MustCompile(`^([0-9A-Za-z.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?$`)

// fallbackHost is used in the example if the Host header is unsuitable.
const fallbackHost = "127.0.0.1:8000"

// Pages is an http.Handler for the server's pages.
type Pages struct {
	publicURL string
	templates *template.Template
}

// New returns the pages. publicURL is the address that people open, such as https://chat.example,
// or "" if it is not configured.
func New(publicURL string) *Pages {
	return &Pages{publicURL, template.Must(template.New("").Parse(pagesHTML))}
}

// ServeHTTP serves the home page for GET /, and a 404 page for everything else.
func (p *Pages) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	serverURL := p.publicURL
	if serverURL == "" {
		serverURL = "http://" + hostOrFallback(request.Host, fallbackHost)
	}
	if request.URL.Path != "/" || request.Method != http.MethodGet {
		p.writePage(response, http.StatusNotFound, "lost", serverURL)
		return
	}
	p.writePage(response, http.StatusOK, "home", serverURL)
}

// ServeWrongHost answers a request for a host name that is not the server's. It uses status 421,
// because 403 means that a foreign page sent the request.
func (p *Pages) ServeWrongHost(response http.ResponseWriter, request *http.Request) {
	p.writePage(response, http.StatusMisdirectedRequest, "wrong name",
		struct{ Host, PublicURL string }{hostOrFallback(request.Host, ""), p.publicURL})
}

func (p *Pages) writePage(response http.ResponseWriter, status int, page string, templateData any) {
	header := response.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	// The page loads nothing and runs no scripts. Its style is inline.
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "+
		"form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	response.WriteHeader(status)
	// An error can only mean that the client has disconnected.
	_ = p.templates.ExecuteTemplate(response, page, templateData)
}

// hostOrFallback returns host if it is safe to paste into a shell, otherwise fallback.
func hostOrFallback(host, fallback string) string {
	if shellSafeHost.MatchString(host) {
		return host
	}
	return fallback
}
