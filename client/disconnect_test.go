package client_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rookery-im/rookery/client"
)

// cuttingProxy is a proxy before a server. It lets so many bytes of its nth
// connection, counted from 0, through to the server and back, and then cuts it;
// less than 0 is no bound.
type cuttingProxy struct {
	listener   net.Listener
	byteLimits func(n int) (up, down int)
	accepted   atomic.Int64
	goroutines sync.WaitGroup
	mu         sync.Mutex // guards conns
	conns      map[net.Conn]struct{}
}

func newCuttingProxy(t testing.TB, to string, bounds func(n int) (up, down int)) *cuttingProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &cuttingProxy{listener: l, byteLimits: bounds, conns: make(map[net.Conn]struct{})}
	p.goroutines.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			up, down := bounds(int(p.accepted.Add(1) - 1))
			p.goroutines.Go(func() { p.forward(c, to, up, down) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.closeAll()
		p.goroutines.Wait()
	})
	return p
}

func (p *cuttingProxy) addr() string { return p.listener.Addr().String() }

// closeAll cuts all connections that there are.
func (p *cuttingProxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *cuttingProxy) forward(client net.Conn, to string, up, down int) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	p.mu.Unlock()
	ends := make(chan struct{}, 2)
	copyUpTo := func(dst, src net.Conn, bound int) {
		defer func() { ends <- struct{}{} }()
		if bound < 0 {
			_, _ = io.Copy(dst, src)
		} else if bound > 0 {
			_, _ = io.CopyN(dst, src, int64(bound))
		}
	}
	p.goroutines.Go(func() { copyUpTo(server, client, up) })
	p.goroutines.Go(func() { copyUpTo(client, server, down) })
	<-ends
	p.mu.Lock()
	delete(p.conns, client)
	delete(p.conns, server)
	p.mu.Unlock()
}

// The connection is cut after each byte of the exchange, in each direction,
// while messages go both ways: each arrives once, and in order.
func TestNothingIsLostOrDoubledWhereverTheConnectionIsCut(t *testing.T) {
	// So many bytes are a sign-in, messages both ways, and confirmations.
	const bytes = 700
	step := 1
	if testing.Short() {
		step = 23
	}
	forEachScheme(t, func(t *testing.T, way string) {
		for direction, bounds := range map[string]func(n int) (up, down int){
			"to the server":   func(n int) (up, down int) { return n, -1 },
			"from the server": func(n int) (up, down int) { return -1, n },
		} {
			for session, opts := range map[string][]client.Option{"address": nil, "device": {client.Device("d")}} {
				t.Run(session+", "+direction, func(t *testing.T) {
					t.Parallel()
					h := newTestServer(t, 10001, 10002)
					proxy := newCuttingProxy(t, h.address, func(n int) (up, down int) {
						if n == 0 || n*step > bytes { // Dial does not repeat
							return -1, -1
						}
						return bounds(n * step)
					})
					messenger := h.dialAt(way, proxy.addr(), 10001, opts...)
					proxy.closeAll()
					exchangeMessages(t, h, messenger, func() bool { return int(proxy.accepted.Load())*step > bytes })
				})
			}
		}
	})
}

// exchangeMessages sends messages from a client and to it until enough says so, and checks that each
// arrives once.
func exchangeMessages(t *testing.T, h *testServer, messenger *client.Client, enough func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var sent []string
	written := make(chan []string, 1)
	waiting := make(chan struct{}, 3) // so many are on their way
	go func() {
		var texts []string
		for !enough() {
			select {
			case waiting <- struct{}{}:
			case <-ctx.Done():
			}
			text := fmt.Sprintf("in %d", len(texts))
			h.sendDirectly(10002, 10001, text)
			texts = append(texts, text)
		}
		written <- texts
	}()
	arrived := make(chan []string, 1)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		var texts []string
		for message := range messenger.Messages(reading) {
			texts = append(texts, message.Text)
			if message.Text == "the last" {
				stop()
			}
			select {
			case <-waiting:
			default: // it was seen before
			}
		}
		arrived <- texts
	}()
	for !enough() {
		text := fmt.Sprintf("out %d", len(sent))
		if err := messenger.Send(ctx, 10002, text); err != nil {
			t.Fatal(err)
		}
		sent = append(sent, text)
	}
	expected := append(<-written, "the last")
	h.sendDirectly(10002, 10001, "the last")
	expectEqual(t, "what arrived", <-arrived, expected)
	expectEqual(t, "what was sent", h.storedTexts(10002), sent)
	if len(sent) == 0 || len(expected) == 1 {
		t.Errorf("%d were sent and %d written, which tells nothing", len(sent), len(expected))
	}
}
