package httppost

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/wire"
)

var (
	// errCloseConn: the connection is to be closed without another answer.
	errCloseConn = errors.New("connection done")
	// errMemoryRevoked: the memory reservation of the request was revoked.
	errMemoryRevoked = errors.New("memory needed by others")
	// errPageRequest: the unread input begins with a page request.
	errPageRequest = errors.New("request for a page")
)

// maxPendingOutput is how many bytes of answers are collected before they are written, while more
// requests have arrived already.
const maxPendingOutput = 32 << 10

// httpConn serves one client's requests up to the first one for a page. Only one goroutine uses it.
type httpConn struct {
	protocol      *Protocol
	transportConn *transport.Conn
	peer          transport.Peer
	header        requestHeader

	// input[readPos:writePos] has arrived and is not consumed. input is idleBuffer, or the larger
	// buffer in borrowed while a request needs one.
	idleBuffer        [idleBufferBytes]byte
	input             []byte
	borrowed          *pooledBuffer
	readPos, writePos int
	// chunkedBody is the decoded part of a chunked body.
	chunkedBody []byte
	// blankBytes counts the bytes of blank lines since the last request.
	blankBytes int

	// output collects answers until they are written; nil while the connection is idle.
	output *pooledBuffer

	// Deadlines currently set on the connection. The zero Time means that the next one must be set.
	readDeadline, writeDeadline time.Time
}

func newHTTPConn(protocol *Protocol, transportConn *transport.Conn) *httpConn {
	c := &httpConn{protocol: protocol, transportConn: transportConn, blankBytes: transportConn.BlankBytes}
	c.input = c.idleBuffer[:]
	c.peer.Form = wire.FormHTTP
	return c
}

// serve answers requests until the connection ends. It returns errPageRequest if a request is for a
// page.
func (c *httpConn) serve(ctx context.Context) error {
	timeout := c.protocol.limits.HeaderTime
	for {
		err := c.serveRequest(ctx, timeout)
		timeout = c.protocol.limits.IdleTime
		if err == nil {
			continue
		}
		var httpErr *httpError
		if errors.As(err, &httpErr) {
			if httpErr.status != http.StatusForbidden { // checkPage has logged it
				c.protocol.warnings.Info(transport.WarningContext{Cause: httpErr.text, Address: c.transportConn.Addr},
					"an HTTP request was refused", "status", httpErr.status, "reason", httpErr.text)
			}
			out := c.outputBuffer()
			out.bytes = httpErr.appendResponse(out.bytes, c.header.isHEAD)
		}
		if err != errPageRequest {
			c.discardInput() // a client that reads slowly must not hold input memory as well
		}
		if c.flush() != nil {
			return errCloseConn
		}
		return err
	}
}

// serveRequest waits for a request and answers it. It returns nil if another may follow.
func (c *httpConn) serveRequest(ctx context.Context, timeout time.Duration) error {
	if err := c.awaitRequest(timeout); err != nil {
		return err
	}
	n, err := c.readHeader()
	if err != nil {
		return err
	}
	request := &c.header
	if httpErr := request.parse(c.input[c.readPos : c.readPos+n]); httpErr != nil {
		return httpErr
	}
	if !request.isRecordPost() {
		return errPageRequest
	}
	c.protocol.proxies.IdentifyPeer(&c.peer, c.transportConn.Addr, request.forwarded)
	origin, httpErr := c.checkPage(request)
	switch {
	case httpErr != nil:
		return httpErr
	case request.contentLength > int64(c.protocol.limits.BodyBytes):
		return errBodyTooLong
	}
	c.peer.Charset = request.charset

	// readBody may move or overwrite the header and the slices that point into it.
	c.readPos += n
	record, err := c.readBody(request)
	if err != nil {
		return err
	}
	c.transportConn.ReserveMemory(0)
	keepOpen := c.answerRecord(ctx, record, origin)
	c.chunkedBody = nil
	if !keepOpen {
		return errCloseConn
	}
	return nil
}

// checkPage refuses records posted by web pages that may not. origin is "" unless --allow-origin
// names the page's origin. The answer must then repeat the origin, so that the browser lets the
// page read it.
func (c *httpConn) checkPage(r *requestHeader) (origin string, httpErr *httpError) {
	if len(r.origins) == 0 && !r.hasFetchSite {
		c.peer.FromWebPage = false
		return "", nil
	}
	host := r.requestedHost()
	page := c.protocol.originPolicy.ClassifyPage(host, r.origins, r.hasFetchSite)
	c.peer.FromWebPage = true
	switch page {
	case transport.AllowedPage:
		return r.origins[0], nil
	case transport.OwnPage:
		return "", nil
	}
	c.protocol.warnings.WarnRefusedPage(page, c.peer.Addr, host, r.origins)
	return "", &httpError{http.StatusForbidden, page.RefusalText()}
}

// outputBuffer returns the buffer for answers and borrows it if necessary.
func (c *httpConn) outputBuffer() *pooledBuffer {
	if c.output == nil {
		c.output = c.protocol.buffers.borrowOutput()
	}
	return c.output
}

// answerRecord appends the response for a record to the output buffer. It reports whether the
// connection stays open.
func (c *httpConn) answerRecord(ctx context.Context, record []byte, origin string) (keepOpen bool) {
	// The header contains the length of the answer and so is known last. The answer is appended
	// behind a gap of the header's maximum size, then moved up.
	pending := c.outputBuffer()
	start := len(pending.bytes)
	out := append(pending.bytes, make([]byte, maxResponseHeader+len(origin))...)
	body := len(out)
	out = c.protocol.handler.AppendAnswer(ctx, &c.peer, record, out)

	keepOpen = c.header.keepsConnOpen() && !c.transportConn.ShuttingDown()
	header := appendResponseHeader(out[:start], origin, keepOpen, len(out)-body)
	pending.bytes = append(header, out[body:]...)
	return keepOpen
}

// maxResponseHeader is the length of the longest response header, without an origin.
const maxResponseHeader = len("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n" +
	"Access-Control-Allow-Origin: \r\nVary: Origin\r\n" +
	"Connection: keep-alive\r\nContent-Length: 9223372036854775807\r\n\r\n")

// appendResponseHeader appends the header of an answer of length bytes. It omits Date, which no
// client of the protocol reads.
func appendResponseHeader(out []byte, origin string, keepOpen bool, length int) []byte {
	out = append(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n"...)
	if origin != "" {
		out = append(out, "Access-Control-Allow-Origin: "...)
		out = append(out, origin...)
		out = append(out, "\r\nVary: Origin\r\n"...)
	}
	if keepOpen {
		out = append(out, "Connection: keep-alive\r\nContent-Length: "...)
	} else {
		out = append(out, "Connection: close\r\nContent-Length: "...)
	}
	out = strconv.AppendInt(out, int64(length), 10)
	return append(out, "\r\n\r\n"...)
}

// flush writes the collected answers. It returns errCloseConn if the client does not accept them.
func (c *httpConn) flush() error {
	if c.output == nil || len(c.output.bytes) == 0 {
		return nil
	}
	now, timeout := time.Now(), c.protocol.limits.WriteTime
	if c.writeDeadline.Sub(now) < timeout {
		c.writeDeadline = now.Add(timeout + timeout/4)
		_ = c.transportConn.SetWriteDeadline(c.writeDeadline)
	}
	_, err := c.transportConn.Write(c.output.bytes)
	c.output.bytes = c.output.bytes[:0]
	if err != nil {
		c.transportConn.DiscardUnsent()
		return errCloseConn
	}
	return nil
}

// releaseBuffers returns all borrowed buffers and keeps the unread input in idleBuffer.
func (c *httpConn) releaseBuffers() {
	unread := copy(c.idleBuffer[:], c.input[c.readPos:c.writePos])
	c.discardInput()
	c.writePos = unread
	c.protocol.buffers.returnOutput(c.output)
	c.output = nil
}

// discardInput drops the unread input and returns its buffer.
func (c *httpConn) discardInput() {
	c.readPos, c.writePos, c.input, c.chunkedBody = 0, 0, c.idleBuffer[:], nil
	c.transportConn.ReserveMemory(0)
	c.protocol.buffers.returnInput(c.borrowed)
	c.borrowed = nil
}
