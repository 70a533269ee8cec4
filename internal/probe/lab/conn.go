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

// maxAnswerSize is the largest accepted response body in bytes.
const maxAnswerSize = 1 << 20

// recordedConn is a connection to the server that records the bytes received since the latest
// request for the transcript.
type recordedConn struct {
	net.Conn
	reader          *bufio.Reader
	received        bytes.Buffer
	earlierRequests []requestIdentity // the latest ones, oldest first
}

// preparedRequest is an HTTP request that is ready to be sent.
type preparedRequest struct {
	method          string
	raw             []byte
	keepsConnection bool // the connection can be reused afterwards
	timeout         time.Duration
	hasTwoRequests  bool // raw holds two requests
	identity        requestIdentity
}

// isUsable reports whether the next request can be sent on the connection. If the server has
// closed it, the request would be lost. If it has unread bytes, they would be taken for the answer.
func (c *recordedConn) isUsable() bool { return c.reader.Buffered() == 0 && isIdle(c.Conn) }

// dialTCP is the default of Config.Dial.
func dialTCP(ctx context.Context, localAddr, server string) (net.Conn, error) {
	var d net.Dialer
	if localAddr != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(localAddr)}
	}
	return d.DialContext(ctx, "tcp", server)
}

func newRecordedConn(conn net.Conn) *recordedConn {
	out := &recordedConn{Conn: conn}
	out.reader = bufio.NewReader(io.TeeReader(conn, &out.received))
	return out
}

// exchange sends a request and reads the response. raw is a copy of the received bytes. If the
// response is malformed or incomplete, raw is returned along with the error.
func (c *recordedConn) exchange(ctx context.Context, request preparedRequest) (raw []byte, answer Answer, err error) {
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	if err := c.SetDeadline(time.Now().Add(request.timeout)); err != nil {
		return nil, answer, err
	}
	c.received.Reset()
	if _, err := c.Write(request.raw); err != nil {
		return nil, answer, err
	}
	answer, err = parseResponse(c.reader, request.method)
	if err == nil && request.hasTwoRequests {
		_, _ = parseResponse(c.reader, request.method) // recorded in c.received; see describeSecondAnswer
	}
	return bytes.Clone(c.received.Bytes()), answer, err
}

// parseResponse reads one HTTP response.
func parseResponse(in *bufio.Reader, method string) (answer Answer, err error) {
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerSize+1))
	if err != nil {
		return answer, err
	}
	if len(body) > maxAnswerSize {
		return answer, fmt.Errorf("the answer is longer than %d bytes", maxAnswerSize)
	}
	return Answer{
		Status: resp.StatusCode, Proto: resp.Proto, ContentType: resp.Header.Get("Content-Type"),
		Closed: resp.Close, Body: body, Framing: describeFraming(resp), RetryAfter: parseRetryAfter(resp),
	}, nil
}

// parseRetryAfter returns the delay of a Retry-After header that counts seconds, at most
// maxLimitWait. It returns 0 if there is no header or it holds a date.
func parseRetryAfter(resp *http.Response) time.Duration {
	count, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || count < 0 {
		return 0
	}
	return min(time.Duration(count)*time.Second, maxLimitWait)
}

// describeFraming returns a value of Answer.Framing.
func describeFraming(resp *http.Response) string {
	switch {
	case len(resp.TransferEncoding) > 0:
		return resp.TransferEncoding[0]
	case resp.ContentLength >= 0:
		return "length"
	}
	return "close"
}

// connect ensures an open connection from a local address. It reuses the existing one only if keep
// is set, because an unusual request needs a connection of its own. It retries for AnswerTimeout,
// since the server may be restarting, and then marks the server as broken.
func (l *Lab) connect(ctx context.Context, localAddr string, keep bool) error {
	if l.Simulator != nil {
		return nil
	}
	if conn := l.connections[localAddr]; conn != nil && (!keep || !conn.isUsable()) {
		l.closeConnection(localAddr)
	}
	began := time.Now()
	for pause := 50 * time.Millisecond; l.connections[localAddr] == nil; pause = min(2*pause, time.Second) {
		conn, err := l.Dial(ctx, localAddr, l.serverAddr)
		switch {
		case err == nil:
			l.connections[localAddr] = newRecordedConn(conn)
		case ctx.Err() != nil:
			return l.checkStopped(ctx, 0)
		case time.Since(began) > l.AnswerTimeout:
			return l.brokenf("%s does not take connections any more (%v)", l.serverAddr, networkCause(err))
		default:
			_ = sleepContext(ctx, pause) // the next Dial fails if ctx has ended
		}
	}
	return nil
}

// exchangeFrom sends a request on the connection from a local address, and closes the connection
// if it cannot be reused. It returns errOtherAnswer if the response belongs to an earlier request.
func (l *Lab) exchangeFrom(
	ctx context.Context,
	localAddr string,
	request preparedRequest,
) (response []byte, answer Answer, err error) {
	conn := l.connections[localAddr]
	response, answer, err = conn.exchange(ctx, request)
	if err == nil && !request.hasTwoRequests &&
		l.answersEarlierRequest(&answer, request.identity, conn.earlierRequests) {
		err = errOtherAnswer
	}
	conn.rememberRequest(request.identity)
	if err != nil || !request.keepsConnection || answer.Closed {
		l.closeConnection(localAddr)
	}
	return response, answer, err
}
