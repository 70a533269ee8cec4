package line_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/line"
	"github.com/rookery-im/rookery/wire"
)

// echo is a host that answers each record with itself in angle brackets, one
// that ends in "wait" when release is closed. It keeps the link of the latest
// dialogue.
type echo struct {
	release chan struct{}
	link    transport.PushConn
	peer    transport.Peer
	batches []int // how many records came together
	ended   atomic.Int32
}

func (e *echo) Converse(link transport.PushConn) transport.RecordStream {
	e.link = link
	return dialogue{e}
}

type dialogue struct{ *echo }

func (d dialogue) Answer(_ context.Context, peer *transport.Peer, records [][]byte, reply func([]byte) error) {
	d.peer = *peer
	d.batches = append(d.batches, len(records))
	for _, r := range records {
		switch {
		case bytes.HasSuffix(r, []byte("wait")):
			<-d.release
		case bytes.HasSuffix(r, []byte("panic")):
			panic("as asked")
		case bytes.HasSuffix(r, []byte("silence")):
			continue
		}
		if reply(append(append([]byte("<"), r...), '>')) != nil {
			return
		}
	}
}

func (d dialogue) End() { d.ended.Add(1) }

// server is a server of lines in virtual time.
type server struct {
	*transport.Server
	*echo
	t     *testing.T
	conns chan net.Conn
	log   logged
}

// start serves lines in a bubble of virtual time, until the test ends.
func start(t *testing.T, limits line.Limits, more ...func(*transport.Config)) *server {
	s := &server{t: t, conns: make(chan net.Conn), echo: &echo{release: make(chan struct{})}}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	cfg := transport.Config{Protocol: line.New(line.Config{Host: s, Limits: limits, Log: log}), Log: log}
	for _, change := range more {
		change(&cfg)
	}
	s.Server = transport.NewServer(cfg)
	go func() { _ = s.Serve(listener{s.conns, make(chan struct{})}) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error("shutdown:", err)
		}
	})
	return s
}

// logged is what a server logs. Its lock guards the buffer.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// listener accepts what it is given.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l listener) Addr() net.Addr { return &net.TCPAddr{} }

// client is a client's end of a connection, on which each read is what was
// written at once.
type client struct {
	t *testing.T
	net.Conn
}

func (s *server) dial() *client { return s.dialFrom("192.0.2.1") }

func (s *server) dialFrom(address string) *client {
	ours, theirs := net.Pipe()
	s.conns <- from{theirs, &net.TCPAddr{IP: net.ParseIP(address), Port: 40000}}
	s.t.Cleanup(func() { _ = ours.Close() })
	synctest.Wait()
	return &client{s.t, ours}
}

// from is a connection of a remote address.
type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("send %.20q: %v", text, err)
	}
}

// sendBeside sends while the test reads.
func (c *client) sendBeside(text string) {
	go func() {
		if _, err := io.WriteString(c, text); err != nil {
			c.t.Errorf("send %.20q: %v", text, err)
		}
	}()
}

// want reads what the server writes at once.
func (c *client) want(texts ...string) {
	c.t.Helper()
	in := make([]byte, 2*wire.MaxRecord)
	for _, text := range texts {
		_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
		n, err := c.Read(in)
		if err != nil || string(in[:n]) != text {
			c.t.Fatalf("got %.200q and %v, want %.200q", in[:n], err, text)
		}
	}
}

// wantNothing checks that the connection is open, and silent for now.
func (c *client) wantNothing() {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	var timeout net.Error
	if n, err := c.Read(make([]byte, 100)); n > 0 || !errors.As(err, &timeout) || !timeout.Timeout() {
		c.t.Fatalf("got %d bytes and %v, want an open connection and nothing on it", n, err)
	}
}

// wantEnd waits for the end of the connection and returns how long that took.
func (c *client) wantEnd() time.Duration {
	c.t.Helper()
	begin := time.Now()
	_ = c.SetReadDeadline(begin.Add(time.Hour))
	if rest, err := io.ReadAll(bufio.NewReader(c)); err != nil || len(rest) > 0 {
		c.t.Fatalf("got %.200q and %v, want the end of the connection", rest, err)
	}
	return time.Since(begin)
}
