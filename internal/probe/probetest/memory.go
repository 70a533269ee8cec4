package probetest

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// Memory serves over connections in memory, until close is called. Nothing waits for the
// network then, so a test can run on a clock of its own.
func (s *Server) Memory() (dial func(ctx context.Context, place, server string) (net.Conn, error), close func()) {
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	srv := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	go srv.Serve(togetherListener{l, s.rules.http.together})
	return l.dial, func() { srv.Close() }
}

// pipes is a listener for connections in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// dial connects from an address of this machine.
func (l *pipes) dial(ctx context.Context, place, _ string) (net.Conn, error) {
	from, err := netip.ParseAddr(place)
	if err != nil {
		from = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	near, far := net.Pipe()
	select {
	case l.conns <- pipeEnd{far, net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 40000))}:
		return near, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// A pipeEnd says where the other end is.
type pipeEnd struct {
	net.Conn
	from net.Addr
}

func (c pipeEnd) RemoteAddr() net.Addr { return c.from }
