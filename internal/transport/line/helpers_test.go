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

// echoHandler answers each record with the record in angle brackets. A record that ends in "wait"
// is answered when release is closed. conn is the connection of the latest stream.
type echoHandler struct {
	release       chan struct{}
	conn          transport.PushConn
	peer          transport.Peer
	batchSizes    []int // number of records in each call
	closedStreams atomic.Int32
}

func (e *echoHandler) NewStream(conn transport.PushConn) transport.RecordStream {
	e.conn = conn
	return echoStream{e}
}

type echoStream struct{ *echoHandler }

func (d echoStream) AnswerRecords(_ context.Context, peer *transport.Peer, records [][]byte, reply func([]byte) error) {
	d.peer = *peer
	d.batchSizes = append(d.batchSizes, len(records))
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

func (d echoStream) Close() { d.closedStreams.Add(1) }

// lineServer is a server for lines in virtual time.
type lineServer struct {
	*transport.Server
	*echoHandler
	t     *testing.T
	conns chan net.Conn
	log   logBuffer
}

// startServer runs a server for lines in a synctest bubble until the test ends.
func startServer(t *testing.T, limits line.Limits, more ...func(*transport.Config)) *lineServer {
	server := &lineServer{t: t, conns: make(chan net.Conn), echoHandler: &echoHandler{release: make(chan struct{})}}
	log := slog.New(slog.NewTextHandler(&server.log, nil))
	cfg := transport.Config{Protocol: line.New(line.Config{Handler: server, Limits: limits, Log: log}), Log: log}
	for _, change := range more {
		change(&cfg)
	}
	server.Server = transport.NewServer(cfg)
	go func() { _ = server.Serve(chanListener{server.conns, make(chan struct{})}) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error("shutdown:", err)
		}
	})
	return server
}

// logBuffer collects log output. mu guards written.
type logBuffer struct {
	mu      sync.Mutex
	written bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.String()
}

// chanListener accepts connections from a channel.
type chanListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l chanListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l chanListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l chanListener) Addr() net.Addr { return &net.TCPAddr{} }

// testClient is a client's connection. Each read returns what one write has sent.
type testClient struct {
	t *testing.T
	net.Conn
}

func (s *lineServer) dial() *testClient { return s.dialFrom("192.0.2.1") }

func (s *lineServer) dialFrom(address string) *testClient {
	ours, theirs := net.Pipe()
	s.conns <- connFrom{theirs, &net.TCPAddr{IP: net.ParseIP(address), Port: 40000}}
	s.t.Cleanup(func() { _ = ours.Close() })
	synctest.Wait()
	return &testClient{s.t, ours}
}

// connFrom is a connection with a chosen remote address.
type connFrom struct {
	net.Conn
	addr net.Addr
}

func (f connFrom) RemoteAddr() net.Addr { return f.addr }

func (c *testClient) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("send %.20q: %v", text, err)
	}
}

// sendInBackground sends text while the test reads.
func (c *testClient) sendInBackground(text string) {
	go func() {
		if _, err := io.WriteString(c, text); err != nil {
			c.t.Errorf("send %.20q: %v", text, err)
		}
	}()
}

// expect checks what the server sends, one write per text.
func (c *testClient) expect(texts ...string) {
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

// expectSilence checks that the connection is open and nothing arrives.
func (c *testClient) expectSilence() {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	var timeout net.Error
	if n, err := c.Read(make([]byte, 100)); n > 0 || !errors.As(err, &timeout) || !timeout.Timeout() {
		c.t.Fatalf("got %d bytes and %v, want an open connection and nothing on it", n, err)
	}
}

// expectEnd waits for the end of the connection and returns how long that took.
func (c *testClient) expectEnd() time.Duration {
	c.t.Helper()
	begin := time.Now()
	_ = c.SetReadDeadline(begin.Add(time.Hour))
	if unconsumed, err := io.ReadAll(bufio.NewReader(c)); err != nil || len(unconsumed) > 0 {
		c.t.Fatalf("got %.200q and %v, want the end of the connection", unconsumed, err)
	}
	return time.Since(begin)
}
