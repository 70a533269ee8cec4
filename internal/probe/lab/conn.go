package lab

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// answerLimit bounds an answer, in bytes: it is from a server that nobody knows.
const answerLimit = 1 << 20

// A conn is a connection to the server from one place. It keeps what came in
// since the last request as it was.
type recordedConn struct {
	net.Conn
	in   *bufio.Reader
	raw  bytes.Buffer
	sent []requestIdentity // the latest requests, oldest first
}

// An httpRequest is one that is ready to be sent.
type httpRequest struct {
	method   string
	raw      []byte
	keep     bool // the connection can be used again
	patience time.Duration
	together bool // there are two
	identity requestIdentity
}

// usable reports whether the next request can be sent on the connection. It cannot
// if the server has closed it, because that request would be lost, and it cannot if
// bytes are waiting, because they would be taken for the request's answer.
func (c *recordedConn) usable() bool { return c.in.Buffered() == 0 && isIdle(c.Conn) }

// dialTCP connects from an address of this machine.
func dialTCP(ctx context.Context, place, server string) (net.Conn, error) {
	var d net.Dialer
	if place != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(place)}
	}
	return d.DialContext(ctx, "tcp", server)
}

func newConn(conn net.Conn) *recordedConn {
	out := &recordedConn{Conn: conn}
	out.in = bufio.NewReader(io.TeeReader(conn, &out.raw))
	return out
}

// exchange sends a request and reads the response.
func (c *recordedConn) exchange(ctx context.Context, r httpRequest) (raw []byte, answer Answer, err error) {
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	if err := c.SetDeadline(time.Now().Add(r.patience)); err != nil {
		return nil, answer, err
	}
	c.raw.Reset()
	if _, err := c.Write(r.raw); err != nil {
		return nil, answer, err
	}
	answer, err = parse(c.in, r.method)
	if err == nil && r.together {
		_, _ = parse(c.in, r.method) // what came is kept, whatever it is
	}
	return bytes.Clone(c.raw.Bytes()), answer, err
}

// parse reads one response.
func parse(in *bufio.Reader, method string) (answer Answer, err error) {
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit+1))
	if err != nil {
		return answer, err
	}
	if len(body) > answerLimit {
		return answer, fmt.Errorf("the answer is longer than %d bytes", answerLimit)
	}
	return Answer{
		Status: resp.StatusCode, Proto: resp.Proto, Type: resp.Header.Get("Content-Type"),
		Closed: resp.Close, Body: body, Framing: framing(resp), RetryAfter: retryAfter(resp),
	}, nil
}

// retryAfter is how long the server wants to be left alone, as far as it says so in
// seconds.
func retryAfter(resp *http.Response) time.Duration {
	n, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, longestWait)
}

func framing(resp *http.Response) string {
	switch {
	case len(resp.TransferEncoding) > 0:
		return resp.TransferEncoding[0]
	case resp.ContentLength >= 0:
		return "length"
	}
	return "close"
}

// connect sees to it that there is a connection from a place. That none can be
// made is no answer: the server may be starting anew, or be gone, and then nothing
// more can be found out.
func (l *Lab) connect(ctx context.Context, place string, keep bool) error {
	if l.Instead != nil {
		return nil
	}
	if recordedConn := l.conns[place]; recordedConn != nil && (!keep || !recordedConn.usable()) {
		l.hangUp(place)
	}
	began := time.Now()
	for pause := 50 * time.Millisecond; l.conns[place] == nil; pause = min(2*pause, time.Second) {
		conn, err := l.Dial(ctx, place, l.server)
		switch {
		case err == nil:
			l.conns[place] = newConn(conn)
		case ctx.Err() != nil:
			return l.stopped(ctx, 0)
		case time.Since(began) > l.Patience:
			return l.brokenf("%s does not take connections any more (%v)", l.server, cause(err))
		default:
			_ = sleep(ctx, pause) // that ctx has ended shows above
		}
	}
	return nil
}

// exchange sends a request on the connection from a place.
func (l *Lab) exchange(ctx context.Context, place string, r httpRequest) (response []byte, answer Answer, err error) {
	recordedConn := l.conns[place]
	response, answer, err = recordedConn.exchange(ctx, r)
	if err == nil && !r.together && l.answersAnother(&answer, r.identity, recordedConn.sent) {
		err = errOtherAnswer
	}
	recordedConn.remember(r.identity)
	if err != nil || !r.keep || answer.Closed {
		l.hangUp(place)
	}
	return response, answer, err
}
