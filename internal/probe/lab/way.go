package lab

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// Ways are the forms of HTTP in which a step can send its record; the first is
// the usual one.
func Ways() []string {
	return []string{"", "close", "http/1.0", "get", "put", "no-target", "absolute", "chunked", "lf", "lower", "no-host", "no-type", "form", "two-lengths"}
}

// request is the whole HTTP request for a record, and whether the connection
// can be used again. It cannot after an unusual form of request: a server that sees
// another end of it than was meant answers the rest as a request of its own.
func request(way string, syntax experiment.Syntax, host string, record []byte) (raw []byte, keep bool) {
	method, target, proto, end := "POST", syntax.Path, "HTTP/1.1", "\r\n"
	contentType, connection := syntax.Type, "keep-alive"
	keep = way == "" || strings.HasPrefix(way, "charset=")
	if syntax.Close {
		connection = "close"
	}
	var more []string
	length := fmt.Sprintf("Content-Length: %d", len(record))
	body := record
	switch {
	case way == "close":
		connection = "close"
	case way == "http/1.0":
		proto, connection = "HTTP/1.0", "close"
	case way == "get":
		method, connection = "GET", "close"
	case way == "put":
		method, connection = "PUT", "close"
	case way == "no-target":
		target, connection = "", "close"
	case way == "absolute":
		target = "http://" + host + syntax.Path
	case way == "chunked":
		length = "Transfer-Encoding: chunked"
		body = fmt.Appendf(nil, "%x\r\n%s\r\n0\r\n\r\n", len(record), record)
	case way == "lf":
		end, connection = "\n", "close"
	case way == "no-type":
		contentType = ""
	case way == "form":
		contentType = "application/x-www-form-urlencoded"
	case way == "two-lengths":
		more, connection = []string{fmt.Sprintf("Content-Length: %d", len(record)+1)}, "close"
	case strings.HasPrefix(way, "charset="):
		contentType = "text/plain; " + way
	}
	lines := []string{"Host: " + host, "Content-Type: " + contentType, length, "Connection: " + connection}
	lines = append(lines, more...)
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return way == "no-host" && strings.HasPrefix(line, "Host:") || contentType == "" && strings.HasPrefix(line, "Content-Type:")
	})
	if target != "" {
		target = " " + target
	}
	raw = []byte(method + target + " " + proto + end)
	for _, line := range lines {
		if way == "lower" {
			name, value, _ := strings.Cut(line, ":")
			line = strings.ToLower(name) + ":" + value
		}
		raw = append(append(raw, line...), end...)
	}
	return append(append(raw, end...), body...), keep && connection != "close"
}

// bodyOf is the record in a request that [request] has made.
func bodyOf(way string, raw []byte) []byte {
	end := "\r\n\r\n"
	if way == "lf" {
		end = "\n\n"
	}
	_, body, _ := bytes.Cut(raw, []byte(end))
	if way == "chunked" {
		_, body, _ = bytes.Cut(body, []byte("\r\n"))
		body = bytes.TrimSuffix(body, []byte("\r\n0\r\n\r\n"))
	}
	return body
}
