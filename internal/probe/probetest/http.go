package probetest

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const contentType = "text/plain; charset=UTF-8"

// ignoredCloseTime is how long replyAndHoldOpen keeps a connection open.
const ignoredCloseTime = 10 * time.Second

// writeReply sends a reply in the form of HTTP that the rules demand. It panics with
// http.ErrAbortHandler for a lost reply.
func (s *Server) writeReply(writer http.ResponseWriter, request *http.Request, rep reply) {
	rules := &s.rules.http
	time.Sleep(rep.delay)
	if rep.isLost {
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	if rules.ignoresClose && request.Close && replyAndHoldOpen(writer, rep) {
		return
	}
	header := writer.Header()
	for name, values := range rep.header {
		header[name] = values
	}
	switch {
	case rules.addsHeader:
		// net/http writes these names as they are. The nil value stops it from adding its own
		// header.
		header["Content-Type"], header["content-type"] = nil, []string{contentType}
		header["x-cache"] = []string{"MISS"}
	case rules.omitsContentType:
		header["Content-Type"] = nil
	case rules.omitsCharset:
		header.Set("Content-Type", "text/plain")
	default:
		header.Set("Content-Type", contentType)
	}
	if rules.neverKeepsAlive {
		header.Set("Connection", "close")
	}
	if !rules.sendsChunked {
		header.Set("Content-Length", strconv.Itoa(len(rep.body)))
	}
	writer.WriteHeader(rep.status)
	if rules.sendsChunked {
		http.NewResponseController(writer).Flush()
	}
	writer.Write(rep.body)
}

// replyAndHoldOpen writes the response without net/http and keeps the connection open until the
// client closes it or ignoredCloseTime is over, although the client asked to close it. It returns
// false if the connection cannot be taken over; nothing is written then.
func replyAndHoldOpen(writer http.ResponseWriter, rep reply) bool {
	conn, _, err := http.NewResponseController(writer).Hijack()
	if err != nil {
		return false
	}
	defer conn.Close()
	buffered := bufio.NewWriter(conn)
	fmt.Fprintf(buffered, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		rep.status, http.StatusText(rep.status), contentType, len(rep.body))
	buffered.Write(rep.body)
	if buffered.Flush() == nil {
		conn.SetReadDeadline(time.Now().Add(ignoredCloseTime))
		conn.Read(make([]byte, 1))
	}
	return true
}
