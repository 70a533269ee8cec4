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
	// errCloseConn: the connection is to be closed, all is said.
	errCloseConn = errors.New("connection done")
	// errMemoryRevoked: others need the memory that the request holds.
	errMemoryRevoked = errors.New("memory needed by others")
	// errPageRequest: the request that begins the unread bytes is for the pages.
	errPageRequest = errors.New("request for a page")
)

// maxPendingOutput is how much of answers is collected, at most, while further
// requests have arrived already.
const maxPendingOutput = 32 << 10

// httpConn reads one client's requests, answers records, and stops at what is none.
type httpConn struct {
	protocol      *Protocol
	transportConn *transport.Conn
	peer          transport.Peer
	header        requestHeader

	// in[r:w] has arrived and is not consumed. in is idle, or a larger buffer
	// that is lent while a request needs it.
	idleBuffer        [idleBufferBytes]byte
	input             []byte
	borrowed          *pooledBuffer
	readPos, writePos int
	// chunkedBody is what has come of a chunked body.
	chunkedBody []byte
	// blankBytes counts the bytes of blank lines since the latest request.
	blankBytes int

	// output are answers that are not written yet; nil while the connection idles.
	output *pooledBuffer

	// When the deadlines of the connection are; the zero Time if they must be
	// set anew in any case.
	readDeadline, writeDeadline time.Time
}

func newHTTPConn(protocol *Protocol, nc *transport.Conn) *httpConn {
	c := &httpConn{protocol: protocol, transportConn: nc, blankBytes: nc.BlankBytes}
	c.input = c.idleBuffer[:]
	c.peer.Form = wire.FormHTTP
	return c
}

// serve answers requests until the connection is done, or until a request is
// for the pages: errPage.
func (c *httpConn) serve(ctx context.Context) error {
	patience := c.protocol.limits.HeaderTime
	for {
		err := c.serveRequest(ctx, patience)
		patience = c.protocol.limits.IdleTime
		if err == nil {
			continue
		}
		var f *httpError
		if errors.As(err, &f) {
			if f.status != http.StatusForbidden { // which is logged already
				c.protocol.warnings.Info(transport.WarningContext{Cause: f.text, Address: c.transportConn.Addr}, "an HTTP request was refused",
					"status", f.status, "reason", f.text)
			}
			out := c.outputBuffer()
			out.bytes = f.appendResponse(out.bytes, c.header.isHEAD)
		}
		if err != errPageRequest {
			c.discardInput() // whoever takes the answer slowly holds nothing else
		}
		if c.flush() != nil {
			return errCloseConn
		}
		return err
	}
}

// serveRequest waits for a request and answers it. It returns nil if another may
// follow.
func (c *httpConn) serveRequest(ctx context.Context, patience time.Duration) error {
	if err := c.awaitRequest(patience); err != nil {
		return err
	}
	n, err := c.readHeader()
	if err != nil {
		return err
	}
	request := &c.header
	if f := request.parse(c.input[c.readPos : c.readPos+n]); f != nil {
		return f
	}
	if !request.isRecordPost() {
		return errPageRequest
	}
	c.protocol.proxies.IdentifyPeer(&c.peer, c.transportConn.Addr, request.forwarded)
	origin, f := c.checkPage(request)
	switch {
	case f != nil:
		return f
	case request.contentLength > int64(c.protocol.limits.BodyBytes):
		return errBodyTooLong
	}
	c.peer.Charset = request.charset

	// Reading on may move the header, and what r holds of it, away.
	c.readPos += n
	record, err := c.readBody(request)
	if err != nil {
		return err
	}
	c.transportConn.ReserveMemory(0)
	keep := c.answerRecord(ctx, record, origin)
	c.chunkedBody = nil
	if !keep {
		return errCloseConn
	}
	return nil
}

// checkPage decides whether the page that posts a record, if one does, may. Of
// an origin that is configured the browser wants to read in the answer that it
// may; origin is "" for all others.
func (c *httpConn) checkPage(r *requestHeader) (origin string, f *httpError) {
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

// outputBuffer is where answers are collected until they are written.
func (c *httpConn) outputBuffer() *pooledBuffer {
	if c.output == nil {
		c.output = c.protocol.buffers.borrowOutput()
	}
	return c.output
}

// answerRecord has the record answered and appends the whole response to the
// pending ones. It reports whether the connection is kept open.
func (c *httpConn) answerRecord(ctx context.Context, record []byte, origin string) (keep bool) {
	// What goes before the answer is known only after it. So the answer is
	// written behind a gap that is wide enough, and moved up to its header.
	pending := c.outputBuffer()
	start := len(pending.bytes)
	out := append(pending.bytes, make([]byte, maxResponseHeader+len(origin))...)
	body := len(out)
	out = c.protocol.handler.AppendAnswer(ctx, &c.peer, record, out)

	keep = c.header.keepsConnOpen() && !c.transportConn.ShuttingDown()
	head := appendResponseHeader(out[:start], origin, keep, len(out)-body)
	pending.bytes = append(head, out[body:]...)
	return keep
}

// maxResponseHeader is the length of the longest header of an answer, without an origin.
const maxResponseHeader = len("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n" +
	"Access-Control-Allow-Origin: \r\nVary: Origin\r\n" +
	"Connection: keep-alive\r\nContent-Length: 9223372036854775807\r\n\r\n")

// appendResponseHeader writes the header of an answer of length bytes. It has no Date:
// no client of the protocol reads one.
func appendResponseHeader(out []byte, origin string, keep bool, length int) []byte {
	out = append(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n"...)
	if origin != "" {
		out = append(out, "Access-Control-Allow-Origin: "...)
		out = append(out, origin...)
		out = append(out, "\r\nVary: Origin\r\n"...)
	}
	if keep {
		out = append(out, "Connection: keep-alive\r\nContent-Length: "...)
	} else {
		out = append(out, "Connection: close\r\nContent-Length: "...)
	}
	out = strconv.AppendInt(out, int64(length), 10)
	return append(out, "\r\n\r\n"...)
}

// flush writes the pending answers, errDone if the client does not take them.
func (c *httpConn) flush() error {
	if c.output == nil || len(c.output.bytes) == 0 {
		return nil
	}
	now, d := time.Now(), c.protocol.limits.WriteTime
	if c.writeDeadline.Sub(now) < d {
		c.writeDeadline = now.Add(d + d/4)
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

// releaseBuffers gives back what the connection has borrowed.
func (c *httpConn) releaseBuffers() {
	rest := copy(c.idleBuffer[:], c.input[c.readPos:c.writePos])
	c.discardInput()
	c.writePos = rest
	c.protocol.buffers.returnOutput(c.output)
	c.output = nil
}

// discardInput forgets what has arrived, and gives back what it was read into.
func (c *httpConn) discardInput() {
	c.readPos, c.writePos, c.input, c.chunkedBody = 0, 0, c.idleBuffer[:], nil
	c.transportConn.ReserveMemory(0)
	c.protocol.buffers.returnInput(c.borrowed)
	c.borrowed = nil
}
