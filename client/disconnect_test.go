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

// cuttingProxy forwards connections to a server. byteLimits returns for its nth
// connection, counted from 0, how many bytes pass to the server and back before the
// proxy cuts the connection. A negative number means no limit.
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
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := &cuttingProxy{listener: listener, byteLimits: bounds, conns: make(map[net.Conn]struct{})}
	proxy.goroutines.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			up, down := bounds(int(proxy.accepted.Add(1) - 1))
			proxy.goroutines.Go(func() { proxy.forward(c, to, up, down) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		proxy.closeAll()
		proxy.goroutines.Wait()
	})
	return proxy
}

func (p *cuttingProxy) addr() string { return p.listener.Addr().String() }

// closeAll cuts all connections.
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

// The test cuts the connection after each byte of the exchange, in each direction, while
// messages pass both ways.
func TestNoMessageIsLostOrDuplicatedWhereverTheConnectionIsCut(t *testing.T) {
	// Enough bytes for a sign-in, messages both ways, and confirmations.
	const bytes = 700
	step := 1
	if testing.Short() {
		step = 23
	}
	forEachScheme(t, func(t *testing.T, scheme string) {
		for direction, bounds := range map[string]func(n int) (up, down int){
			"to the server":   func(n int) (up, down int) { return n, -1 },
			"from the server": func(n int) (up, down int) { return -1, n },
		} {
			for session, opts := range map[string][]client.Option{"address": nil, "device": {client.Device("d")}} {
				t.Run(session+", "+direction, func(t *testing.T) {
					t.Parallel()
					server := newTestServer(t, 10001, 10002)
					proxy := newCuttingProxy(t, server.address, func(n int) (up, down int) {
						if n == 0 || n*step > bytes { // Dial does not repeat
							return -1, -1
						}
						return bounds(n * step)
					})
					messenger := server.dialAt(scheme, proxy.addr(), 10001, opts...)
					proxy.closeAll()
					exchangeMessages(t, server, messenger,
						func() bool { return int(proxy.accepted.Load())*step > bytes })
				})
			}
		}
	})
}

// exchangeMessages sends messages from a client and to it until enough returns true, and
// checks that each arrives once.
func exchangeMessages(t *testing.T, server *testServer, messenger *client.Client, enough func() bool) {
	t.Helper()
	var writing sync.WaitGroup
	defer writing.Wait() // the server ends with the test
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var sent []string
	written := make(chan []string, 1)
	waiting := make(chan struct{}, 3) // bounds the undelivered messages
	writing.Go(func() {
		var texts []string
		for !enough() && ctx.Err() == nil {
			select {
			case waiting <- struct{}{}:
			case <-ctx.Done():
			}
			text := fmt.Sprintf("in %d", len(texts))
			server.sendDirectly(10002, 10001, text)
			texts = append(texts, text)
		}
		written <- texts
	})
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
			default:
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
	server.sendDirectly(10002, 10001, "the last")
	expectEqual(t, "what arrived", <-arrived, expected)
	expectEqual(t, "what was sent", server.storedTexts(10002), sent)
	if len(sent) == 0 || len(expected) == 1 {
		t.Errorf("%d were sent and %d written, which tells nothing", len(sent), len(expected))
	}
}
