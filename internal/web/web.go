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
var pages string

// plainHost matches the hosts that may stand in the page's example: it is
// pasted into shells, so what a Host header holds is not repeated blindly.
var plainHost = regexp.MustCompile(`^([0-9A-Za-z.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?$`)

// fallbackHost stands in the example if the request names no usable host.
const fallbackHost = "127.0.0.1:8000"

// Handler serves the page at / to a GET; everything else gets 404 with the way
// back.
func Handler() http.Handler {
	all := template.Must(template.New("").Parse(pages))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		// Nothing is fetched and nothing runs; the style stands in the page.
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		page := "home"
		if r.URL.Path != "/" || r.Method != http.MethodGet {
			page = "lost"
			w.WriteHeader(http.StatusNotFound)
		}
		// What can fail here is the connection, and then nobody reads an error.
		_ = all.ExecuteTemplate(w, page, hostOf(r))
	})
}

func hostOf(r *http.Request) string {
	if plainHost.MatchString(r.Host) {
		return r.Host
	}
	return fallbackHost
}
