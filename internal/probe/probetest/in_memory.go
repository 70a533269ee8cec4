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

// ServeInMemory serves connections in memory until close is called. dial connects to the server from
// the address in place, or from 127.0.0.1 if place is not an address; it ignores the address of the
// server. Nothing waits for a network, so a test can use a fake clock.
func (s *Server) ServeInMemory() (
	dial func(ctx context.Context, place, server string) (net.Conn, error), close func(),
) {
	listener := &pipeListener{connections: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(pipelineListener{listener, s.rules.http.pipelining})
	return listener.dial, func() { server.Close() }
}

// pipeListener is a listener for connections in memory.
type pipeListener struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

// dial creates a connection whose server end reports place as the client's address.
func (l *pipeListener) dial(ctx context.Context, place, _ string) (net.Conn, error) {
	address, err := netip.ParseAddr(place)
	if err != nil {
		address = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	clientEnd, serverEnd := net.Pipe()
	select {
	case l.connections <- pipeConn{serverEnd, net.TCPAddrFromAddrPort(netip.AddrPortFrom(address, 40000))}:
		return clientEnd, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.connections:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// pipeConn is a server's end of a connection, with a remote address.
type pipeConn struct {
	net.Conn
	address net.Addr
}

func (c pipeConn) RemoteAddr() net.Addr { return c.address }
