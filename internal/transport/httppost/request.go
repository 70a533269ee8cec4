package httppost

import (
	"bytes"
	"math"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

// requestHeader is the parsed header of a request. Its slices point into the input buffer and are
// valid until the next read.
type requestHeader struct {
	method, target []byte
	minorVersion   byte // '0' for HTTP/1.0, '1' for 1.1 and later
	isHEAD         bool

	contentLength     int64 // Content-Length, -1 if absent
	transferEncodings int   // number of Transfer-Encoding headers; the only supported coding is chunked
	wantsClose        bool
	wantsKeepAlive    bool
	expectsContinue   bool // Expect: 100-continue
	charset           wire.Charset
	contentTypeCount  int

	host         []byte
	hostCount    int      // number of Host headers
	origins      []string // all Origin headers
	hasFetchSite bool     // a Sec-Fetch-Site header is present
	forwarded    []transport.ForwardedField
}

// headerLength returns the length of the header at the start of buf, including its empty line, or 0
// if it is incomplete. Lines end in LF or CR LF. The search starts at offset from.
func headerLength(buf []byte, from int) int {
	for i := from; ; {
		lineEnd := bytes.IndexByte(buf[i:], '\n')
		if lineEnd < 0 {
			return 0
		}
		i += lineEnd + 1
		if i < len(buf) && buf[i] == '\n' {
			return i + 1
		}
		if i+1 < len(buf) && buf[i] == '\r' && buf[i+1] == '\n' {
			return i + 2
		}
	}
}

// cutLine returns the first line, without its line end, and the rest.
func cutLine(header []byte) (line, remaining []byte) {
	line, remaining, _ = bytes.Cut(header, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), remaining
}

// parse parses a complete header. It rejects every framing error, also in requests that are passed
// on to net/http.
func (r *requestHeader) parse(header []byte) *httpError {
	*r = requestHeader{contentLength: -1, forwarded: r.forwarded[:0]}
	if bytes.IndexByte(header, 0) >= 0 {
		return errHeaderByte
	}
	line, remaining := cutLine(header)
	if httpErr := r.parseRequestLine(line); httpErr != nil {
		return httpErr
	}
	for {
		line, remaining = cutLine(remaining)
		if len(line) == 0 {
			break
		}
		if httpErr := r.parseField(line); httpErr != nil {
			return httpErr
		}
	}
	switch {
	case r.transferEncodings > 1, r.transferEncodings == 1 && r.minorVersion == '0':
		return errTransferEncoding
	case r.transferEncodings == 1 && r.contentLength >= 0:
		return errLengthAndEncoding
	}
	return r.checkMethod()
}

// parseRequestLine parses the method, the optional target and the version.
func (r *requestHeader) parseRequestLine(line []byte) *httpError {
	first, last := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ' ')
	if first <= 0 {
		return errRequestLine
	}
	method, version := line[:first], line[last+1:]
	target := line[first:last]
	if len(target) > 0 {
		target = target[1:]
	}
	var lower [1]byte
	if _, ok := lowerToken(lower[:], method); !ok {
		return errRequestLine
	}
	for _, b := range target {
		if b <= ' ' || b == 0x7f {
			return errRequestLine
		}
	}
	name, number, ok := bytes.Cut(version, []byte("/"))
	if !ok || string(name) != "HTTP" {
		return errRequestLine
	}
	if len(number) != 3 || number[0] != '1' || number[1] != '.' || number[2] < '0' || number[2] > '9' {
		return errHTTPVersion
	}
	r.method, r.target, r.minorVersion = method, target, min(number[2], '1')
	r.isHEAD = string(method) == "HEAD"
	return nil
}

// parseField parses one header line. It ignores unknown names but rejects malformed lines.
func (r *requestHeader) parseField(line []byte) *httpError {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return errHeaderLine
	}
	// as long as the longest name below
	var lower [len("transfer-encoding")]byte
	n, ok := lowerToken(lower[:], line[:colon])
	if !ok {
		// This includes obsolete continuation lines, which begin with a space.
		return errHeaderLine
	}
	if bytes.IndexByte(line, '\r') >= 0 {
		return errHeaderByte
	}
	value := bytes.Trim(line[colon+1:], " \t")
	switch string(lower[:n]) {
	case "content-length":
		return r.parseContentLength(value)
	case "transfer-encoding":
		if r.transferEncodings++; !wire.EqualFold(value, "chunked") {
			return errTransferEncoding
		}
	case "connection":
		r.parseConnection(value)
	case "expect":
		r.expectsContinue = wire.EqualFold(value, "100-continue")
	case "content-type":
		if r.contentTypeCount++; r.contentTypeCount == 1 {
			r.charset = wire.ParseContentType(value)
		}
	case "host":
		r.hostCount++
		r.host = value
	case "origin":
		r.origins = append(r.origins, string(value))
	case "sec-fetch-site":
		r.hasFetchSite = true
	case "x-forwarded-for":
		r.forwarded = append(r.forwarded, transport.ForwardedField{Kind: transport.XForwardedFor, Value: value})
	case "forwarded":
		r.forwarded = append(r.forwarded, transport.ForwardedField{Kind: transport.Forwarded, Value: value})
	case "x-real-ip":
		r.forwarded = append(r.forwarded, transport.ForwardedField{Kind: transport.XRealIP, Value: value})
	}
	return nil
}

// parseContentLength accepts only digits, since programs disagree about signs, spaces and lists.
func (r *requestHeader) parseContentLength(value []byte) *httpError {
	var n int64
	for _, b := range value {
		if b < '0' || b > '9' {
			return errContentLength
		}
		if n > (math.MaxInt64-9)/10 {
			return errBodyTooLong
		}
		n = 10*n + int64(b-'0')
	}
	switch {
	case len(value) == 0:
		return errContentLength
	case r.contentLength >= 0 && r.contentLength != n:
		return errContentLengthsDiffer
	}
	r.contentLength = n
	return nil
}

func (r *requestHeader) parseConnection(value []byte) {
	for option := range bytes.SplitSeq(value, []byte(",")) {
		option = bytes.Trim(option, " \t")
		r.wantsClose = r.wantsClose || wire.EqualFold(option, "close")
		r.wantsKeepAlive = r.wantsKeepAlive || wire.EqualFold(option, "keep-alive")
	}
}

// checkMethod rejects methods other than GET and POST, and GET without a target.
func (r *requestHeader) checkMethod() *httpError {
	switch {
	case string(r.method) == "POST", string(r.method) == "GET" && len(r.target) > 0:
		return nil
	case string(r.method) == "GET":
		return errRequestLine
	}
	return errMethod
}

// isRecordPost reports whether the request carries a record: a POST without a target, to "/", or to
// an absolute URL without a path. All others are for pages.
func (r *requestHeader) isRecordPost() bool {
	if string(r.method) != "POST" {
		return false
	}
	_, path := r.splitTarget()
	path, _, _ = cutBeforeAny(path, "?")
	return len(path) == 0 || string(path) == "/"
}

// splitTarget returns the host and path of an absolute URL. For other targets the host is empty.
func (r *requestHeader) splitTarget() (host, path []byte) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if n := len(scheme); len(r.target) >= n && wire.EqualFold(r.target[:n], scheme) {
			host, path, _ = cutBeforeAny(r.target[n:], "/?")
			return host, path
		}
	}
	return nil, r.target
}

// requestedHost returns the host of an absolute URL, or else the Host header (RFC 9112, 3.2.2). It
// is "" if there is no Host header or more than one.
func (r *requestHeader) requestedHost() string {
	if host, _ := r.splitTarget(); len(host) > 0 {
		return string(host)
	}
	if r.hostCount > 1 {
		return ""
	}
	return string(r.host)
}

// cutBeforeAny cuts text before the first of the characters, which after then begins with.
func cutBeforeAny(text []byte, chars string) (before, after []byte, found bool) {
	if i := bytes.IndexAny(text, chars); i >= 0 {
		return text[:i], text[i:], true
	}
	return text, nil, false
}

// keepsConnOpen reports whether the client may send more requests: by default in HTTP/1.1, on
// request in HTTP/1.0.
func (r *requestHeader) keepsConnOpen() bool {
	return !r.wantsClose && (r.minorVersion != '0' || r.wantsKeepAlive)
}

// lowerToken writes name in lower case to buf and returns its length, or 0 if it does not fit. ok
// is false if name is not a token (RFC 9110, 5.6.2).
func lowerToken(buf, name []byte) (n int, ok bool) {
	for i, b := range name {
		switch {
		case !transport.IsTokenByte(b):
			return 0, false
		case 'A' <= b && b <= 'Z':
			b += 'a' - 'A'
		}
		if i < len(buf) {
			buf[i] = b
		}
	}
	if len(name) > len(buf) {
		return 0, true
	}
	return len(name), true
}
