package websocket_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
	ours "github.com/rookery-im/rookery/internal/transport/websocket"
	"github.com/rookery-im/rookery/wire"
)

// echoHandler answers each record with the record in angle brackets. A record that ends in "wait"
// is answered when release is closed.
type echoHandler struct {
	started       chan struct{} // one value for each record
	release       chan struct{}
	conns         chan transport.PushConn
	peers         chan transport.Peer
	closedStreams chan struct{}
}

func newEchoHandler() *echoHandler {
	return &echoHandler{make(chan struct{}, 100), make(chan struct{}), make(chan transport.PushConn, 100),
		make(chan transport.Peer, 100), make(chan struct{}, 100)}
}

func (e *echoHandler) NewStream(conn transport.PushConn) transport.RecordStream {
	e.conns <- conn
	return echoStream{e}
}

type echoStream struct{ *echoHandler }

func (d echoStream) AnswerRecords(_ context.Context, peer *transport.Peer, records [][]byte, reply func([]byte) error) {
	d.peers <- *peer
	d.started <- struct{}{}
	for _, r := range records {
		switch {
		case bytes.HasSuffix(r, []byte("wait")):
			<-d.release
		case bytes.HasSuffix(r, []byte("panic")):
			panic("as asked")
		}
		_ = reply(append(append([]byte("<"), r...), '>'))
	}
}

func (d echoStream) Close() { d.closedStreams <- struct{}{} }

// webSocketServer is a server with WebSockets at /ws.
type webSocketServer struct {
	*transport.Server
	*echoHandler
	t    *testing.T
	addr string
	log  logBuffer
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

func startServer(t *testing.T, cfg ours.Config) *webSocketServer {
	t.Helper()
	s := &webSocketServer{echoHandler: newEchoHandler(), t: t}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	cfg.Handler, cfg.Log = s, log
	pages := http.NewServeMux()
	pages.Handle("/ws", ours.New(cfg))
	s.Server = transport.NewServer(transport.Config{Protocol: httppost.New(httppost.Config{Pages: pages, Log: log}),
		Log: log})
	l, err := transport.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error("shutdown:", err)
		}
	})
	return s
}

// testClient is a client's WebSocket.
type testClient struct {
	t *testing.T
	*websocket.Conn
}

// tryDial connects with the given header and subprotocols. On refusal it returns the response only.
func (s *webSocketServer) tryDial(header http.Header, offers ...string) (*testClient, *http.Response) {
	s.t.Helper()
	conn, resp, err := websocket.Dial(s.t.Context(), "ws://"+s.addr+"/ws",
		&websocket.DialOptions{HTTPHeader: header, Host: header.Get("Host"), Subprotocols: offers,
			CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		if resp == nil {
			s.t.Fatal("dial:", err)
		}
		return nil, resp
	}
	conn.SetReadLimit(1 << 20)
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	return &testClient{s.t, conn}, resp
}

func (s *webSocketServer) dial() *testClient {
	s.t.Helper()
	c, resp := s.tryDial(nil, "httpqq")
	if c == nil {
		s.t.Fatal("refused:", resp.Status)
	}
	return c
}

func (c *testClient) send(record string) {
	c.t.Helper()
	if err := c.Write(c.t.Context(), websocket.MessageText, []byte(record)); err != nil {
		c.t.Fatal("send:", err)
	}
}

// expect reads and checks one message.
func (c *testClient) expect(record string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	messageType, got, err := c.Read(ctx)
	if err != nil || messageType != websocket.MessageText || string(got) != record {
		c.t.Fatalf("got %.100q and %v, want %.100q", got, err, record)
	}
}

// expectClosed checks that the connection is closed with a code; -1 means without one.
func (c *testClient) expectClosed(code websocket.StatusCode) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	if _, got, err := c.Read(ctx); err == nil || websocket.CloseStatus(err) != code || ctx.Err() != nil {
		c.t.Fatalf("got %.100q and %v, want the end with %d", got, err, code)
	}
}

func TestTextMessageIsARecord(t *testing.T) {
	c := startServer(t, ours.Config{}).dial()
	for _, record := range []string{"VER=1.4&CMD=List", "x", "VER=1.4&MG=a\r\nb\x00", "VER=1.4&MG=你好",
		"VER=" + strings.Repeat("a", wire.MaxRecord-4)} {
		c.send(record)
		c.expect("<" + record + ">")
	}
}

func TestCompressionIsDisabled(t *testing.T) {
	_, resp := startServer(t, ours.Config{}).tryDial(nil, "httpqq")
	if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestPushIsAMessage(t *testing.T) {
	s := startServer(t, ours.Config{})
	c := s.dial()
	if err := (<-s.conns).Push([]byte("pushed")); err != nil {
		t.Error(err)
	}
	c.expect("pushed")
}

func TestSubprotocolNegotiation(t *testing.T) {
	s := startServer(t, ours.Config{})
	for _, c := range []struct {
		name   string
		offers []string
		status int
		speaks string
	}{
		{"ours", []string{"httpqq"}, 101, "httpqq"},
		{"ours among others", []string{"chat", "httpqq"}, 101, "httpqq"},
		{"none", nil, 101, ""},
		{"only others", []string{"chat", "mqtt"}, 400, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, resp := s.tryDial(nil, c.offers...)
			if resp.StatusCode != c.status || conn != nil && conn.Subprotocol() != c.speaks {
				t.Errorf("got %s", resp.Status)
			}
		})
	}
}

func TestOriginsThatMayConnect(t *testing.T) {
	var parsed []transport.Origin
	for _, text := range []string{"https://chat.example", "https://app.example"} {
		o, err := transport.ParseOrigin(text)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, o)
	}
	s := startServer(t, ours.Config{Origins: transport.NewOriginPolicy("box", parsed[:1], parsed[1:])})
	for _, c := range []struct {
		name, host string
		origins    []string
		fetchSite  bool
		status     int
		page       bool
	}{
		{"none: no page", "", nil, false, 101, false},
		{"none, under another name", "evil.example", nil, false, 101, false},
		{"the server's own", "", []string{"http://" + s.addr}, true, 101, true},
		{"the server's own behind TLS", "", []string{"https://" + s.addr}, false, 101, true},
		{"the server's own by the machine's name", "box:8000", []string{"http://box:8000"}, false, 101, true},
		{"the server's own by its public name, with the port spelt out",
			"chat.example:443", []string{"https://chat.example"}, false, 101, true},
		{"the server's own by a proxy that rewrites Host", "", []string{"https://chat.example"}, false, 101, true},
		{"an allowed one", "", []string{"https://app.example"}, false, 101, true},
		{"an allowed one without TLS", "", []string{"http://app.example"}, false, 403, false},
		{"a rebound name", "evil.example:8000", []string{"http://evil.example:8000"}, false, 403, false},
		{"another", "", []string{"https://evil.example"}, false, 403, false},
		{"one that begins alike", "", []string{"https://chat.example.evil.example"}, false, 403, false},
		{"the host on another port", "", []string{"http://127.0.0.1:1"}, false, 403, false},
		{"a page without origin", "", []string{"null"}, false, 403, false},
		{"an empty one", "", []string{""}, false, 403, false},
		{"a browser that names none", "", nil, true, 403, false},
		{"two", "", []string{"https://app.example", "https://app.example"}, false, 403, false},
		{"another scheme", "", []string{"file://" + s.addr}, false, 403, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := http.Header{"Origin": c.origins}
			if c.fetchSite {
				header.Set("Sec-Fetch-Site", "same-origin")
			}
			if c.host != "" {
				header.Set("Host", c.host)
			}
			conn, resp := s.tryDial(header, "httpqq")
			if resp.StatusCode != c.status {
				body, _ := io.ReadAll(resp.Body)
				t.Fatalf("got %s %s", resp.Status, body)
			}
			if conn == nil {
				return
			}
			conn.send("VER=1")
			if peer := <-s.peers; peer.FromWebPage != c.page {
				t.Errorf("the records are a page's: %v", peer.FromWebPage)
			}
		})
	}
}

func TestWebSocketPeer(t *testing.T) {
	for _, c := range []struct {
		name    string
		trusted []netip.Prefix
		header  http.Header
		want    transport.Peer
	}{
		{"the connection's address", nil, nil, transport.Peer{Addr: netip.MustParseAddr("127.0.0.1")}},
		{"the address that a trusted proxy says", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
			http.Header{"X-Forwarded-For": {"192.0.2.7"}, "Forwarded": {"for=192.0.2.7"},
				"X-Real-Ip": {"192.0.2.7"}}, transport.Peer{Addr: netip.MustParseAddr("192.0.2.7")}},
		{"nobody known, behind any other proxy", nil, http.Header{"X-Real-Ip": {"192.0.2.7"}},
			transport.Peer{Addr: netip.MustParseAddr("127.0.0.1"), UntrustedProxy: true}},
		{"nobody known, when headers disagree", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
			http.Header{"X-Forwarded-For": {"192.0.2.7"},
				"Forwarded": {"for=192.0.2.8"}},
			transport.Peer{Addr: netip.MustParseAddr("127.0.0.1"), AmbiguousProxy: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, ours.Config{TrustedProxies: c.trusted})
			conn, _ := s.tryDial(c.header, "httpqq")
			conn.send("VER=1")
			c.want.Form = wire.FormLine
			if got := <-s.peers; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestInvalidMessageEndsConnection(t *testing.T) {
	for _, c := range []struct {
		name string
		kind websocket.MessageType
		text string
		code websocket.StatusCode
	}{
		{"a binary message", websocket.MessageBinary, "VER=1", websocket.StatusUnsupportedData},
		{"a message over 64 KiB", websocket.MessageText, strings.Repeat("a", wire.MaxRecord+1),
			websocket.StatusMessageTooBig},
		{"bytes that are no UTF-8", websocket.MessageText, "VER=1\xff", websocket.StatusInvalidFramePayloadData},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, ours.Config{})
			conn, other := s.dial(), s.dial()
			if err := conn.Write(t.Context(), c.kind, []byte(c.text)); err != nil {
				t.Fatal(err)
			}
			conn.expectClosed(c.code)
			<-s.closedStreams
			other.send("VER=1")
			other.expect("<VER=1>")
		})
	}
}

func TestStreamEndsHoweverWebSocketEnds(t *testing.T) {
	for name, end := range map[string]func(*webSocketServer, *testClient){
		"the client says goodbye": func(_ *webSocketServer, c *testClient) {
			_ = c.Close(websocket.StatusNormalClosure,
				"")
		},
		"the client vanishes": func(_ *webSocketServer, c *testClient) { _ = c.CloseNow() },
		"the stream closes": func(s *webSocketServer, c *testClient) {
			(<-s.conns).Close()
			c.expectClosed(websocket.StatusNormalClosure)
		},
		"a record panics": func(_ *webSocketServer,
			c *testClient) {
			c.send("VER=1&panic")
			c.expectClosed(-1)
		},
		"the client answers no ping": func(*webSocketServer, *testClient) {},
		"the client sends no record": func(s *webSocketServer, c *testClient) { c.expectClosed(-1) },
	} {
		t.Run(name, func(t *testing.T) {
			var limits ours.Limits
			if strings.Contains(name, "ping") {
				limits.PingTime = 50 * time.Millisecond
			}
			if strings.Contains(name, "no record") {
				limits.IdleTime = 50 * time.Millisecond
			}
			s := startServer(t, ours.Config{Limits: limits})
			end(s, s.dial())
			<-s.closedStreams
			select {
			case <-s.closedStreams:
				t.Error("it ended twice")
			default:
			}
		})
	}
}

func TestShutdownSendsCloseAfterCurrentAnswer(t *testing.T) {
	s := startServer(t, ours.Config{})
	idle, busy := s.dial(), s.dial()
	busy.send("VER=1&wait")
	<-s.started
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	idle.expectClosed(websocket.StatusGoingAway)
	close(s.release)
	busy.expect("<VER=1&wait>")
	busy.expectClosed(websocket.StatusGoingAway)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownDoesNotWaitForCloseReply(t *testing.T) {
	s := startServer(t, ours.Config{Limits: ours.Limits{CloseTime: 50 * time.Millisecond}})
	s.dial() // the client never reads
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func TestClientThatDoesNotReadIsCut(t *testing.T) {
	s := startServer(t, ours.Config{Limits: ours.Limits{WriteTime: 50 * time.Millisecond}})
	s.dial() // the client never reads
	link, record := <-s.conns, bytes.Repeat([]byte("a"), wire.MaxRecord)
	for link.Push(record) == nil {
	}
	<-s.closedStreams
}

func TestFloodIsCutAndLoggedOnce(t *testing.T) {
	s := startServer(t, ours.Config{Limits: ours.Limits{RecordsPerSecond: 5}})
	for range 2 {
		c := s.dial()
		for range 6 {
			c.send("VER=1")
		}
		for range 5 {
			c.expect("<VER=1>")
		}
		c.expectClosed(websocket.StatusPolicyViolation)
	}
	if got := s.log.String(); strings.Count(got, "--max-records-per-second") != 1 {
		t.Errorf("logged %q", got)
	}
}

func TestRequestWithoutUpgradeIsAnswered(t *testing.T) {
	s := startServer(t, ours.Config{})
	resp, err := http.Get("http://" + s.addr + "/ws")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("got %s", resp.Status)
	}
}
