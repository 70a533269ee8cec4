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

// openHTTP returns a connection that sends each record as a POST. It does no I/O.
func (c *Client) openHTTP(_ context.Context, address serverAddress) (serverConn, error) {
	return &httpConn{closeState: newCloseState(), httpClient: c.newHTTPClient(), endpointURL: address.endpointURL,
		answerTimeout: c.options.timeouts.answerTimeout}, nil
}

// newHTTPClient returns a client that follows no redirects, because they could send
// records to another server.
func (c *Client) newHTTPClient() *http.Client {
	return &http.Client{
		Transport:     c.httpTransport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// newHTTPTransport returns a transport that is independent of http.DefaultTransport,
// which the program may have changed.
func (c *Client) newHTTPTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           c.dialServer,
		TLSClientConfig:       c.options.tlsConfig,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   c.options.timeouts.answerTimeout,
		ExpectContinueTimeout: time.Second,
	}
}

// httpConn sends records over HTTP. It closes when a POST fails.
type httpConn struct {
	closeState
	httpClient    *http.Client
	endpointURL   string
	answerTimeout time.Duration
}

func (h *httpConn) pushSequence() *messageSequence { return nil }

func (h *httpConn) closeWith(reason error) { h.closeOnce(reason, func() {}) }

func (h *httpConn) confirm([]byte) error { return nil } // the next GetMsgEx confirms

func (h *httpConn) roundTrip(ctx context.Context, _ string, record []byte) (answer Answer, mayHaveArrived bool,
	err error) {
	if isClosed(h) {
		return Answer{}, false, h.closeErr()
	}
	postCtx, cancel := context.WithTimeoutCause(ctx, h.answerTimeout, errNoAnswer)
	defer cancel()
	body, err := h.post(postCtx, record)
	switch {
	case err == nil && isNullAnswer(body):
		err = errUnsupportedVersion
	case err == nil:
		return parseAnswer(body), true, nil
	case ctx.Err() != nil:
		return Answer{}, true, ctx.Err()
	case context.Cause(postCtx) == errNoAnswer:
		err = errNoAnswer
	}
	h.closeWith(err)
	var netErr *net.OpError
	return Answer{}, !(errors.As(err, &netErr) && netErr.Op == "dial"), err
}

func (h *httpConn) post(ctx context.Context, record []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.endpointURL, bytes.NewReader(record))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	response, err := h.httpClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, statusError(response)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	if len(body) > maxAnswerBytes {
		return nil, fmt.Errorf("the server's answer has more than %d bytes", maxAnswerBytes)
	}
	return body, err
}

// statusError is the error for an HTTP status other than 200: the address is wrong, or
// a proxy cannot reach the server.
func statusError(response *http.Response) error {
	return newTemporaryError(fmt.Errorf("HTTP status %s; is this the address of a Rookery server?", response.Status))
}
