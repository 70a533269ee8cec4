package probetest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// fuzzRequest is a request that is independent of the dialect. Its values are sent unescaped.
type fuzzRequest struct {
	version   int // index into Dialect.Versions
	command   commandID
	seq       string
	uin       string
	arguments []fuzzArgument
}

type fuzzArgument struct {
	key   keyID
	value string
}

// formatPairs returns the pairs of a request in the dialect.
func (d *Dialect) formatPairs(request fuzzRequest) []string {
	assign := string(d.Assign)
	values := []string{
		d.Keys[keyVersion] + assign + d.Versions[request.version].Name,
		d.Keys[keyCommand] + assign + d.Commands[request.command],
		d.Keys[keySeq] + assign + request.seq,
		d.Keys[keyAccount] + assign + request.uin,
	}
	for _, argument := range request.arguments {
		values = append(values, d.Keys[argument.key]+assign+argument.value)
	}
	return values
}

func (d *Dialect) joinPairs(pairs []string) []byte {
	return []byte(strings.Join(pairs, string(d.Pair)))
}

// fuzzClient sends requests from two loopback addresses.
type fuzzClient struct{ clients [2]*http.Client }

func newFuzzClient() *fuzzClient {
	var client fuzzClient
	for i := range client.clients {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i))}}
		client.clients[i] = &http.Client{
			Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 2},
			Timeout:   5 * time.Second,
		}
	}
	return &client
}

func (p *fuzzClient) close() {
	for _, client := range p.clients {
		client.CloseIdleConnections()
	}
}

// post sends a body. from is an index into clients and selects the client address.
func (p *fuzzClient) post(
	ctx context.Context, from int, url, contentType string, body []byte,
) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := p.clients[from].Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// reset restores the initial state of the server at url, which ends with a slash.
func (p *fuzzClient) reset(ctx context.Context, url string) error {
	_, _, err := p.post(ctx, 0, url+"control/reset", "text/plain", nil)
	return err
}

// moveClock moves the clock of the server at url forward.
func (p *fuzzClient) moveClock(ctx context.Context, url string, seconds int) error {
	_, _, err := p.post(ctx, 0, url+"control/clock", "text/plain", []byte(strconv.Itoa(seconds)))
	return err
}
