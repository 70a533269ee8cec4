package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// openPosts makes a link over HTTP: every record is a POST.
func (c *Client) openPosts(_ context.Context, address serverAddress) (serverConn, error) {
	return &httpConn{closeState: newBreakage(), client: c.httpClient(), url: address.url, patient: c.options.times.answer}, nil
}

// httpClient follows no redirection: records could arrive at a stranger's.
func (c *Client) httpClient() *http.Client {
	return &http.Client{
		Transport:     c.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// newTransport makes a transport of the client's own, so that what others change
// about the default one does not reach it.
func (c *Client) newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           c.dial,
		TLSClientConfig:       c.options.tls,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   c.options.times.answer,
		ExpectContinueTimeout: time.Second,
	}
}

// httpConn is a link over HTTP. It breaks when a POST fails.
type httpConn struct {
	closeState
	client  *http.Client
	url     string
	patient time.Duration
}

func (p *httpConn) pushes() *messageSequence { return nil }

func (p *httpConn) breaks(cause error) { p.end(cause, func() {}) }

func (p *httpConn) confirm([]byte) error { return nil } // the next GetMsgEx does

func (p *httpConn) ask(ctx context.Context, _ string, record []byte) (answer Answer, reached bool, err error) {
	if isBroken(p) {
		return Answer{}, false, p.cause()
	}
	asking, cancel := context.WithTimeoutCause(ctx, p.patient, errSilent)
	defer cancel()
	body, err := p.post(asking, record)
	switch {
	case err == nil && isNull(body):
		err = errVersion
	case err == nil:
		return parseAnswer(body), true, nil
	case ctx.Err() != nil:
		return Answer{}, true, ctx.Err()
	case context.Cause(asking) == errSilent:
		err = errSilent
	}
	p.breaks(err)
	var dial *net.OpError
	return Answer{}, !(errors.As(err, &dial) && dial.Op == "dial"), err
}

func (p *httpConn) post(ctx context.Context, record []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(record))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	response, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, statusError(response)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the server's answer has more than %d bytes", maxAnswer)
	}
	return body, err
}

// statusError is the error for an answer that is no record: a proxy's while the
// server behind it is down, or the address is wrong.
func statusError(r *http.Response) error {
	return unreachable(fmt.Errorf("HTTP status %s; is the address that of a Rookery server?", r.Status))
}
