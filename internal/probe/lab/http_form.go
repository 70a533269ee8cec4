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

// RequestForms returns the HTTP forms in which a step can send its record, named as in
// experiment.Step.HTTPForm. The first, "", is the usual one. Forms that start with "charset=" are
// possible too.
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

// formPipelined sends two requests at once on one connection. The second has the same record with
// another mark.
const formPipelined = "together"

// buildRequest returns the complete HTTP request for a record in an HTTP form, and whether the
// connection can be reused afterwards. After an unusual form it cannot: a server that sees the end
// of the request elsewhere would take the remaining bytes for another request.
func buildRequest(form string, syntax experiment.RecordSyntax, host string, record []byte) (raw []byte, keep bool) {
	method, target, proto, lineEnd := "POST", syntax.RequestPath, "HTTP/1.1", "\r\n"
	contentType, connection := syntax.ContentType, "keep-alive"
	keep = form == "" || strings.HasPrefix(form, "charset=")
	if syntax.CloseConnections {
		connection = "close"
	}
	var extraHeaders []string
	length := fmt.Sprintf("Content-Length: %d", len(record))
	body := record
	switch {
	case form == "close":
		connection = "close"
	case form == "http/1.0":
		proto, connection = "HTTP/1.0", "close"
	case form == "get":
		method, connection = "GET", "close"
	case form == "put":
		method, connection = "PUT", "close"
	case form == "no-target":
		target, connection = "", "close"
	case form == "absolute":
		target = "http://" + host + syntax.RequestPath
	case form == "chunked":
		length = "Transfer-Encoding: chunked"
		body = fmt.Appendf(nil, "%x\r\n%s\r\n0\r\n\r\n", len(record), record)
	case form == "lf":
		lineEnd, connection = "\n", "close"
	case form == "no-type":
		contentType = ""
	case form == "form":
		contentType = "application/x-www-form-urlencoded"
	case form == "two-lengths":
		extraHeaders, connection = []string{fmt.Sprintf("Content-Length: %d", len(record)+1)}, "close"
	case strings.HasPrefix(form, "charset="):
		contentType = "text/plain; " + form
	}
	lines := []string{"Host: " + host, "Content-Type: " + contentType, length, "Connection: " + connection}
	lines = append(lines, extraHeaders...)
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return form == "no-host" && strings.HasPrefix(line, "Host:") ||
			contentType == "" && strings.HasPrefix(line, "Content-Type:")
	})
	if target != "" {
		target = " " + target
	}
	raw = []byte(method + target + " " + proto + lineEnd)
	for _, line := range lines {
		if form == "lower" {
			name, value, _ := strings.Cut(line, ":")
			line = strings.ToLower(name) + ":" + value
		}
		raw = append(append(raw, line...), lineEnd...)
	}
	return append(append(raw, lineEnd...), body...), keep && connection != "close"
}

// buildRequest returns the complete HTTP request of a step, or both requests for formPipelined.
func (t *attempt) buildRequest(step experiment.Step, number int, record []byte) (raw []byte, keep bool) {
	raw, keep = buildRequest(step.HTTPForm, t.lab.File.Syntax, t.lab.serverAddr, record)
	if step.HTTPForm == formPipelined {
		mark := []byte(t.marks[number])
		second, _ := buildRequest("close", t.lab.File.Syntax, t.lab.serverAddr,
			bytes.ReplaceAll(record, mark, alternateMark(mark)))
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

// describeSecondAnswer returns Answer.SecondAnswer for the response to formPipelined. mark is that
// of the first request. The marks in the answers show which request they belong to.
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
func extractRecord(form string, raw []byte) []byte {
	lineEnd := "\r\n\r\n"
	if form == "lf" {
		lineEnd = "\n\n"
	}
	_, body, _ := bytes.Cut(raw, []byte(lineEnd))
	if form == formPipelined {
		if req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw))); err == nil {
			body, _ = io.ReadAll(req.Body)
		}
	}
	if form == "chunked" {
		_, body, _ = bytes.Cut(body, []byte("\r\n"))
		body = bytes.TrimSuffix(body, []byte("\r\n0\r\n\r\n"))
	}
	return body
}
