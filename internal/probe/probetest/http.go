package probetest

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const contentType = "text/plain; charset=UTF-8"

// openFor is how long a connection is kept that should have been closed.
const openFor = 10 * time.Second

// send writes a reply in the way the rules have it.
func (s *Server) send(w http.ResponseWriter, r *http.Request, rep reply) {
	rules := &s.rules.http
	time.Sleep(rep.late)
	if rep.lost {
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	if rules.keepOpen && r.Close && holdOpen(w, rep) {
		return
	}
	h := w.Header()
	for name, values := range rep.header {
		h[name] = values
	}
	switch {
	case rules.extraHeader:
		// Names that net/http does not spell so itself; nil keeps it from adding its own.
		h["Content-Type"], h["content-type"] = nil, []string{contentType}
		h["x-cache"] = []string{"MISS"}
	case rules.noType:
		h["Content-Type"] = nil
	case rules.bareType:
		h.Set("Content-Type", "text/plain")
	default:
		h.Set("Content-Type", contentType)
	}
	if rules.neverKeep {
		h.Set("Connection", "close")
	}
	if !rules.chunked {
		h.Set("Content-Length", strconv.Itoa(len(rep.body)))
	}
	w.WriteHeader(rep.status)
	if rules.chunked {
		http.NewResponseController(w).Flush()
	}
	w.Write(rep.body)
}

// holdOpen answers by hand and leaves the connection open, though the client
// pastRequest for its end.
func holdOpen(w http.ResponseWriter, rep reply) bool {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	defer conn.Close()
	out := bufio.NewWriter(conn)
	fmt.Fprintf(out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		rep.status, http.StatusText(rep.status), contentType, len(rep.body))
	out.Write(rep.body)
	if out.Flush() == nil {
		conn.SetReadDeadline(time.Now().Add(openFor))
		conn.Read(make([]byte, 1))
	}
	return true
}
