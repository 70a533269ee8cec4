package lab

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// answerLimit bounds an answer, in bytes: it is from a server that nobody knows.
const answerLimit = 1 << 20

// A conn is a connection to the server from one place. It keeps what came in
// since the last request as it was.
type conn struct {
	net.Conn
	in  *bufio.Reader
	raw bytes.Buffer
}

func dial(ctx context.Context, place, server string) (*conn, error) {
	var d net.Dialer
	if place != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(place)}
	}
	c, err := d.DialContext(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	out := &conn{Conn: c}
	out.in = bufio.NewReader(io.TeeReader(c, &out.raw))
	return out, nil
}

// exchange sends a request and reads the response.
func (c *conn) exchange(ctx context.Context, method string, request []byte, patience time.Duration) (raw []byte, a Answer, err error) {
	defer context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, a, err
	}
	c.raw.Reset()
	if _, err := c.Write(request); err != nil {
		return nil, a, err
	}
	a, err = parse(c.in, method)
	return bytes.Clone(c.raw.Bytes()), a, err
}

// parse reads one response.
func parse(in *bufio.Reader, method string) (a Answer, err error) {
	resp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit+1))
	if err != nil {
		return a, err
	}
	if len(body) > answerLimit {
		return a, fmt.Errorf("the answer is longer than %d bytes", answerLimit)
	}
	return Answer{
		Status: resp.StatusCode, Proto: resp.Proto, Type: resp.Header.Get("Content-Type"),
		Closed: resp.Close, Body: body, Framing: framing(resp),
	}, nil
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
