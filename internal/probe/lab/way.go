package lab

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// RequestForms returns the HTTP forms in which a step can send its record. The first is the usual
// one.
func RequestForms() []string {
	return []string{
		"",
		formPipelined,
		"close",
		"http/1.0",
		"get",
		"put",
		"no-target",
		"absolute",
		"chunked",
		"lf",
		"lower",
		"no-host",
		"no-type",
		"form",
		"two-lengths",
	}
}

// formTogether sends the record twice at once, the second time with another mark.
const formPipelined = "together"

// buildRequest returns the whole HTTP request for a record, and whether the connection can be
// reused. After an unusual form it cannot: a server that sees the end of the request elsewhere
// would take the remaining bytes for another request.
func buildRequest(way string, syntax experiment.RecordSyntax, host string, record []byte) (raw []byte, keep bool) {
	method, target, proto, lineEnd := "POST", syntax.RequestPath, "HTTP/1.1", "\r\n"
	contentType, connection := syntax.ContentType, "keep-alive"
	keep = way == "" || strings.HasPrefix(way, "charset=")
	if syntax.CloseConnections {
		connection = "close"
	}
	var extraHeaders []string
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
		target = "http://" + host + syntax.RequestPath
	case way == "chunked":
		length = "Transfer-Encoding: chunked"
		body = fmt.Appendf(nil, "%x\r\n%s\r\n0\r\n\r\n", len(record), record)
	case way == "lf":
		lineEnd, connection = "\n", "close"
	case way == "no-type":
		contentType = ""
	case way == "form":
		contentType = "application/x-www-form-urlencoded"
	case way == "two-lengths":
		extraHeaders, connection = []string{fmt.Sprintf("Content-Length: %d", len(record)+1)}, "close"
	case strings.HasPrefix(way, "charset="):
		contentType = "text/plain; " + way
	}
	lines := []string{"Host: " + host, "Content-Type: " + contentType, length, "Connection: " + connection}
	lines = append(lines, extraHeaders...)
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return way == "no-host" && strings.HasPrefix(line, "Host:") ||
			contentType == "" && strings.HasPrefix(line, "Content-Type:")
	})
	if target != "" {
		target = " " + target
	}
	raw = []byte(method + target + " " + proto + lineEnd)
	for _, line := range lines {
		if way == "lower" {
			name, value, _ := strings.Cut(line, ":")
			line = strings.ToLower(name) + ":" + value
		}
		raw = append(append(raw, line...), lineEnd...)
	}
	return append(append(raw, lineEnd...), body...), keep && connection != "close"
}

// buildRequest returns the whole HTTP request of a step, or both requests for formTogether.
func (t *attempt) buildRequest(step experiment.Step, number int, record []byte) (raw []byte, keep bool) {
	raw, keep = buildRequest(step.HTTPForm, t.lab.File.Syntax, t.lab.serverAddr, record)
	if step.HTTPForm == formPipelined {
		mark := []byte(t.marks[number])
		second, _ := buildRequest(
			"close",
			t.lab.File.Syntax,
			t.lab.serverAddr,
			bytes.ReplaceAll(record, mark, alternateMark(mark)),
		)
		raw = append(raw, second...)
	}
	return raw, keep
}

// alternateMark returns a mark of the same length that no other step uses: the reversed digits.
func alternateMark(mark []byte) []byte {
	other := bytes.Clone(mark)
	slices.Reverse(other)
	if bytes.Equal(other, mark) {
		other[0] = 'x'
	}
	return other
}

// describeSecondAnswer says what followed the first of two answers in a response. The marks show
// which answer belongs to which request.
func describeSecondAnswer(mark, response []byte) string {
	in := bufio.NewReader(bytes.NewReader(response))
	a, err := parseResponse(in, "POST")
	if err != nil {
		return "no answer"
	}
	b, err := parseResponse(in, "POST")
	switch other := alternateMark(mark); {
	case err != nil:
		return "no second answer"
	case bytes.Contains(a.Body, other) || bytes.Contains(b.Body, mark):
		return "the answers come in another order"
	}
	return "a second answer"
}

// extractRecord returns the record in a request that [buildRequest] made.
func extractRecord(way string, raw []byte) []byte {
	lineEnd := "\r\n\r\n"
	if way == "lf" {
		lineEnd = "\n\n"
	}
	_, body, _ := bytes.Cut(raw, []byte(lineEnd))
	if way == formPipelined {
		if req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw))); err == nil {
			body, _ = io.ReadAll(req.Body)
		}
	}
	if way == "chunked" {
		_, body, _ = bytes.Cut(body, []byte("\r\n"))
		body = bytes.TrimSuffix(body, []byte("\r\n0\r\n\r\n"))
	}
	return body
}
