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

// A question is a request that has no dialect yet. Values are sent as they are.
type fuzzRequest struct {
	version int // a place in Dialect.Versions
	cmd     Command
	seq     string
	uin     string
	args    []arg
}

type arg struct {
	key   Key
	value string
}

// pairs writes out a question, one string for each pair.
func (d *Dialect) pairs(q fuzzRequest) []string {
	assign := string(d.Assign)
	out := []string{
		d.Keys[KeyVersion] + assign + d.Versions[q.version].Name,
		d.Keys[KeyCommand] + assign + d.Commands[q.cmd],
		d.Keys[KeySeq] + assign + q.seq,
		d.Keys[KeyAccount] + assign + q.uin,
	}
	for _, arg := range q.args {
		out = append(out, d.Keys[arg.key]+assign+arg.value)
	}
	return out
}

func (d *Dialect) join(pairs []string) []byte {
	return []byte(strings.Join(pairs, string(d.Pair)))
}

// A peer asks servers from several addresses of this machine.
type fuzzPeer struct{ clients [2]*http.Client }

func newPeer() *fuzzPeer {
	var p fuzzPeer
	for i := range p.clients {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i))}}
		p.clients[i] = &http.Client{
			Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 2},
			Timeout:   5 * time.Second,
		}
	}
	return &p
}

func (p *fuzzPeer) close() {
	for _, c := range p.clients {
		c.CloseIdleConnections()
	}
}

// post sends a body from one of the addresses.
func (p *fuzzPeer) post(ctx context.Context, from int, url, contentType string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := p.clients[from].Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// reset and wait use the control addresses of a server.
func (p *fuzzPeer) reset(ctx context.Context, url string) error {
	_, _, err := p.post(ctx, 0, url+"control/reset", "text/plain", nil)
	return err
}

func (p *fuzzPeer) wait(ctx context.Context, url string, seconds int) error {
	_, _, err := p.post(ctx, 0, url+"control/clock", "text/plain", []byte(strconv.Itoa(seconds)))
	return err
}
