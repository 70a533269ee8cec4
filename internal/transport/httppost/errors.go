package httppost

import (
	"net/http"
	"strconv"
)

// httpError is the response to a request that is not valid HTTP or exceeds a limit. Errors in a
// record are reported in the answer record, with status 200.
type httpError struct {
	status int
	text   string // the problem and its remedy, in one line
}

func (e *httpError) Error() string { return e.text }

func badRequest(text string) *httpError { return &httpError{http.StatusBadRequest, text} }

var (
	errRequestLine = badRequest("The request line is unreadable. Send: POST / HTTP/1.1")
	errNotHTTP     = badRequest("This is no HTTP. The server speaks plain HTTP here: " +
		"use http://, not https://")
	errHTTPVersion = badRequest("The HTTP version is not spoken here. Use HTTP/1.1 or HTTP/1.0")
	errHeaderLine  = badRequest("A header line is unreadable. Send each as \"Name: value\" on one line, " +
		"without a space before the colon")
	errHeaderByte = badRequest("The header holds a NUL, or a CR that ends no line. " +
		"Send text lines ended by CR LF")
	errContentLength = badRequest("Content-Length is no number. " +
		"Send the length of the body in bytes, in decimal digits")
	errContentLengthsDiffer = badRequest("There are two Content-Lengths that differ. Send one")
	errTransferEncoding     = badRequest("The Transfer-Encoding is not understood. Send Content-Length, or with " +
		"HTTP/1.1 chunked alone")
	errLengthAndEncoding = badRequest("There is a Content-Length beside a Transfer-Encoding. Send one of them")
	errChunkedBody       = badRequest("The chunked body is malformed. Send Content-Length instead if in doubt")
	errRequestTruncated  = badRequest("The connection ended before the request did. Check that Content-Length " +
		"is the length of the body in bytes")
	errMethod = &httpError{http.StatusMethodNotAllowed,
		"The method is not served here. Send records by POST, ask for pages by GET"}
	errBodyTooLong = &httpError{http.StatusRequestEntityTooLarge,
		"The record is longer than this server takes, by default 64 KiB. Send less"}
	errHeaderTooLong = &httpError{http.StatusBadRequest,
		"The header is too long. Send less: Host, Content-Type and Content-Length are plenty"}
	errTooManyBlankLines = &httpError{http.StatusBadRequest,
		"There are too many blank lines before the request. Send none"}
	errHeaderTimeout = &httpError{http.StatusRequestTimeout,
		"The header did not arrive in time. Send the request in one piece, with an empty line after its header"}
	errServerShutdown = &httpError{http.StatusServiceUnavailable,
		"The server shuts down. Send the request again in a while"}
	errTooManyPartialRequests = &httpError{http.StatusServiceUnavailable,
		"Too many requests are on their way that have not arrived whole. Send this one again, in one piece"}
	errBodyTimeout = &httpError{http.StatusRequestTimeout,
		"The body did not arrive in time. Check that Content-Length is the length of the body in bytes"}
)

// appendResponse appends the complete response. The response to HEAD must have no body, even though
// HEAD is not supported.
func (e *httpError) appendResponse(out []byte, isHEAD bool) []byte {
	text := e.text + "\n"
	if isHEAD {
		text = ""
	}
	out = append(out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(e.status), 10)
	out = append(out, ' ')
	out = append(out, http.StatusText(e.status)...)
	out = append(out, "\r\nContent-Type: text/plain; charset=UTF-8\r\nConnection: close\r\n"...)
	if e == errMethod {
		out = append(out, "Allow: GET, POST\r\n"...)
	}
	out = append(out, "Content-Length: "...)
	out = strconv.AppendInt(out, int64(len(text)), 10)
	out = append(out, "\r\n\r\n"...)
	return append(out, text...)
}
