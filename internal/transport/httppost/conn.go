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
	// errDone: the connection is to be closed, all is said.
	errDone = errors.New("connection done")
	// errGaveWay: others need the memory that the request holds.
	errGaveWay = errors.New("memory needed by others")
	// errPage: the request that begins the unread bytes is for the pages.
	errPage = errors.New("request for a page")
)

// pendingBytes is how much of answers is collected, at most, while further
// requests have arrived already.
const pendingBytes = 32 << 10

// conn reads one client's requests, answers records, and stops at what is none.
type conn struct {
	way  *Protocol
	net  *transport.Conn
	peer transport.Peer
	req  request

	// in[r:w] has arrived and is not consumed. in is idle, or a larger buffer
	// that is lent while a request needs it.
	idle [idleBytes]byte
	in   []byte
	lent *buffer
	r, w int
	// chunks is what has come of a chunked body.
	chunks []byte
	// blank counts the bytes of blank lines since the latest request.
	blank int

	// out are answers that are not written yet; nil while the connection idles.
	out *buffer

	// When the deadlines of the connection are; the zero Time if they must be
	// set anew in any case.
	readBy, writeBy time.Time
}

func newConn(protocol *Protocol, nc *transport.Conn) *conn {
	c := &conn{way: protocol, net: nc, blank: nc.BlankBytes}
	c.in = c.idle[:]
	c.peer.Form = wire.FormHTTP
	return c
}

// serve answers requests until the connection is done, or until a request is
// for the pages: errPage.
func (c *conn) serve(ctx context.Context) error {
	patience := c.way.limits.HeaderTime
	for {
		err := c.serveOne(ctx, patience)
		patience = c.way.limits.IdleTime
		if err == nil {
			continue
		}
		var f *requestError
		if errors.As(err, &f) {
			if f.status != http.StatusForbidden { // which is logged already
				c.way.warnings.Info(transport.WarningContext{Cause: f.text, Address: c.net.Addr}, "an HTTP request was refused",
					"status", f.status, "reason", f.text)
			}
			out := c.answers()
			out.b = f.append(out.b, c.req.head)
		}
		if err != errPage {
			c.dropInput() // whoever takes the answer slowly holds nothing else
		}
		if c.flush() != nil {
			return errDone
		}
		return err
	}
}

// serveOne waits for a request and answers it. It returns nil if another may
// follow.
func (c *conn) serveOne(ctx context.Context, patience time.Duration) error {
	if err := c.await(patience); err != nil {
		return err
	}
	n, err := c.readHeader()
	if err != nil {
		return err
	}
	request := &c.req
	if f := request.parse(c.in[c.r : c.r+n]); f != nil {
		return f
	}
	if !request.isRecord() {
		return errPage
	}
	c.way.proxies.Identify(&c.peer, c.net.Addr, request.forwarded)
	origin, f := c.admitPage(request)
	switch {
	case f != nil:
		return f
	case request.length > int64(c.way.limits.BodyBytes):
		return faultTooBig
	}
	c.peer.Charset = request.charset

	// Reading on may move the header, and what r holds of it, away.
	c.r += n
	record, err := c.readBody(request)
	if err != nil {
		return err
	}
	c.net.Hold(0)
	keep := c.answer(ctx, record, origin)
	c.chunks = nil
	if !keep {
		return errDone
	}
	return nil
}

// admitPage decides whether the page that posts a record, if one does, may. Of
// an origin that is configured the browser wants to read in the answer that it
// may; origin is "" for all others.
func (c *conn) admitPage(r *request) (origin string, f *requestError) {
	if len(r.origins) == 0 && !r.fetchSite {
		c.peer.Page = false
		return "", nil
	}
	host := r.asked()
	page := c.way.origins.Judge(host, r.origins, r.fetchSite)
	c.peer.Page = true
	switch page {
	case transport.AllowedPage:
		return r.origins[0], nil
	case transport.OwnPage:
		return "", nil
	}
	c.way.warnings.RefusedPage(page, c.peer.Addr, host, r.origins)
	return "", &requestError{http.StatusForbidden, page.Refusal()}
}

// answers is where answers are collected until they are written.
func (c *conn) answers() *buffer {
	if c.out == nil {
		c.out = c.way.buffers.getOut()
	}
	return c.out
}

// answer has the record answered and appends the whole response to the
// pending ones. It reports whether the connection is kept open.
func (c *conn) answer(ctx context.Context, record []byte, origin string) (keep bool) {
	// What goes before the answer is known only after it. So the answer is
	// written behind a gap that is wide enough, and moved up to its header.
	pending := c.answers()
	start := len(pending.b)
	out := append(pending.b, make([]byte, maxHead+len(origin))...)
	body := len(out)
	out = c.way.handler.Handle(ctx, &c.peer, record, out)

	keep = c.req.keepsOpen() && !c.net.Draining()
	head := appendHead(out[:start], origin, keep, len(out)-body)
	pending.b = append(head, out[body:]...)
	return keep
}

// maxHead is the length of the longest header of an answer, without an origin.
const maxHead = len("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n" +
	"Access-Control-Allow-Origin: \r\nVary: Origin\r\n" +
	"Connection: keep-alive\r\nContent-Length: 9223372036854775807\r\n\r\n")

// appendHead writes the header of an answer of length bytes. It has no Date:
// no client of the protocol reads one.
func appendHead(out []byte, origin string, keep bool, length int) []byte {
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
func (c *conn) flush() error {
	if c.out == nil || len(c.out.b) == 0 {
		return nil
	}
	now, d := time.Now(), c.way.limits.WriteTime
	if c.writeBy.Sub(now) < d {
		c.writeBy = now.Add(d + d/4)
		_ = c.net.SetWriteDeadline(c.writeBy)
	}
	_, err := c.net.Write(c.out.b)
	c.out.b = c.out.b[:0]
	if err != nil {
		c.net.Abandon()
		return errDone
	}
	return nil
}

// release gives back what the connection has borrowed.
func (c *conn) release() {
	rest := copy(c.idle[:], c.in[c.r:c.w])
	c.dropInput()
	c.w = rest
	c.way.buffers.putOut(c.out)
	c.out = nil
}

// dropInput forgets what has arrived, and gives back what it was read into.
func (c *conn) dropInput() {
	c.r, c.w, c.in, c.chunks = 0, 0, c.idle[:], nil
	c.net.Hold(0)
	c.way.buffers.putIn(c.lent)
	c.lent = nil
}
