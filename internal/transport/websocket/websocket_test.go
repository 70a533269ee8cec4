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

// echo is a host that answers each record with itself in angle brackets, one
// that ends in "wait" when release is closed.
type echo struct {
	begun   chan struct{} // a value for each record that has begun
	release chan struct{}
	links   chan transport.PushConn
	peers   chan transport.Peer
	ended   chan struct{}
}

func newEcho() *echo {
	return &echo{make(chan struct{}, 100), make(chan struct{}), make(chan transport.PushConn, 100), make(chan transport.Peer, 100), make(chan struct{}, 100)}
}

func (e *echo) Converse(link transport.PushConn) transport.RecordStream {
	e.links <- link
	return dialogue{e}
}

type dialogue struct{ *echo }

func (d dialogue) Answer(_ context.Context, peer *transport.Peer, records [][]byte, reply func([]byte) error) {
	d.peers <- *peer
	d.begun <- struct{}{}
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

func (d dialogue) End() { d.ended <- struct{}{} }

// server is a server with WebSockets at /ws.
type server struct {
	*transport.Server
	*echo
	t    *testing.T
	addr string
	log  logged
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

func start(t *testing.T, cfg ours.Config) *server {
	t.Helper()
	s := &server{echo: newEcho(), t: t}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	cfg.Host, cfg.Log = s, log
	pages := http.NewServeMux()
	pages.Handle("/ws", ours.New(cfg))
	s.Server = transport.NewServer(transport.Config{Protocol: httppost.New(httppost.Config{Pages: pages, Log: log}), Log: log})
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

// client is a client's end of a WebSocket.
type client struct {
	t *testing.T
	*websocket.Conn
}

// tryDial connects with header lines and the subprotocols that are offered.
func (s *server) tryDial(header http.Header, offers ...string) (*client, *http.Response) {
	s.t.Helper()
	conn, resp, err := websocket.Dial(s.t.Context(), "ws://"+s.addr+"/ws", &websocket.DialOptions{HTTPHeader: header, Host: header.Get("Host"), Subprotocols: offers, CompressionMode: websocket.CompressionContextTakeover})
	if err != nil {
		if resp == nil {
			s.t.Fatal("dial:", err)
		}
		return nil, resp
	}
	conn.SetReadLimit(1 << 20)
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	return &client{s.t, conn}, resp
}

func (s *server) dial() *client {
	s.t.Helper()
	c, resp := s.tryDial(nil, "httpqq")
	if c == nil {
		s.t.Fatal("refused:", resp.Status)
	}
	return c
}

func (c *client) send(record string) {
	c.t.Helper()
	if err := c.Write(c.t.Context(), websocket.MessageText, []byte(record)); err != nil {
		c.t.Fatal("send:", err)
	}
}

// want reads one message.
func (c *client) want(record string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	kind, got, err := c.Read(ctx)
	if err != nil || kind != websocket.MessageText || string(got) != record {
		c.t.Fatalf("got %.100q and %v, want %.100q", got, err, record)
	}
}

// wantClosed reads the end of the connection, with a code; -1 is none.
func (c *client) wantClosed(code websocket.StatusCode) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	if _, got, err := c.Read(ctx); err == nil || websocket.CloseStatus(err) != code || ctx.Err() != nil {
		c.t.Fatalf("got %.100q and %v, want the end with %d", got, err, code)
	}
}

func TestEachTextMessageIsARecord(t *testing.T) {
	c := start(t, ours.Config{}).dial()
	for _, record := range []string{"VER=1.4&CMD=List", "x", "VER=1.4&MG=a\r\nb\x00", "VER=1.4&MG=你好", "VER=" + strings.Repeat("a", wire.MaxRecord-4)} {
		c.send(record)
		c.want("<" + record + ">")
	}
}

func TestThereIsNoCompression(t *testing.T) {
	_, resp := start(t, ours.Config{}).tryDial(nil, "httpqq")
	if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestAPushIsAMessage(t *testing.T) {
	s := start(t, ours.Config{})
	c := s.dial()
	if err := (<-s.links).Push([]byte("pushed")); err != nil {
		t.Error(err)
	}
	c.want("pushed")
}

func TestWhichSubprotocolIsSpoken(t *testing.T) {
	s := start(t, ours.Config{})
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

func TestWhichPagesMayConnect(t *testing.T) {
	var parsed []transport.Origin
	for _, text := range []string{"https://chat.example", "https://app.example"} {
		o, err := transport.ParseOrigin(text)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, o)
	}
	s := start(t, ours.Config{Origins: transport.NewOrigins("box", parsed[:1], parsed[1:])})
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
			if peer := <-s.peers; peer.Page != c.page {
				t.Errorf("the records are a page's: %v", peer.Page)
			}
		})
	}
}

func TestWhoSpeaksOnAWebSocket(t *testing.T) {
	for _, c := range []struct {
		name    string
		trusted []netip.Prefix
		header  http.Header
		want    transport.Peer
	}{
		{"the connection's address", nil, nil, transport.Peer{Addr: netip.MustParseAddr("127.0.0.1")}},
		{"the address that a trusted proxy says", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, http.Header{"X-Forwarded-For": {"192.0.2.7"}, "Forwarded": {"for=192.0.2.7"}, "X-Real-Ip": {"192.0.2.7"}}, transport.Peer{Addr: netip.MustParseAddr("192.0.2.7")}},
		{"nobody known, behind any other proxy", nil, http.Header{"X-Real-Ip": {"192.0.2.7"}}, transport.Peer{Addr: netip.MustParseAddr("127.0.0.1"), ForeignProxy: true}},
		{"nobody known, when headers disagree", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, http.Header{"X-Forwarded-For": {"192.0.2.7"}, "Forwarded": {"for=192.0.2.8"}}, transport.Peer{Addr: netip.MustParseAddr("127.0.0.1"), UnclearProxy: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, ours.Config{TrustedProxies: c.trusted})
			conn, _ := s.tryDial(c.header, "httpqq")
			conn.send("VER=1")
			c.want.Form = wire.FormLine
			if got := <-s.peers; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestWhatIsNoRecordEndsTheConnection(t *testing.T) {
	for _, c := range []struct {
		name string
		kind websocket.MessageType
		text string
		code websocket.StatusCode
	}{
		{"a binary message", websocket.MessageBinary, "VER=1", websocket.StatusUnsupportedData},
		{"a message over 64 KiB", websocket.MessageText, strings.Repeat("a", wire.MaxRecord+1), websocket.StatusMessageTooBig},
		{"bytes that are no UTF-8", websocket.MessageText, "VER=1\xff", websocket.StatusInvalidFramePayloadData},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, ours.Config{})
			conn, other := s.dial(), s.dial()
			if err := conn.Write(t.Context(), c.kind, []byte(c.text)); err != nil {
				t.Fatal(err)
			}
			conn.wantClosed(c.code)
			<-s.ended
			other.send("VER=1")
			other.want("<VER=1>")
		})
	}
}

func TestADialogueEndsHoweverItsWebSocketDoes(t *testing.T) {
	for name, end := range map[string]func(*server, *client){
		"the client says goodbye":    func(_ *server, c *client) { _ = c.Close(websocket.StatusNormalClosure, "") },
		"the client vanishes":        func(_ *server, c *client) { _ = c.CloseNow() },
		"the dialogue closes":        func(s *server, c *client) { (<-s.links).Close(); c.wantClosed(websocket.StatusNormalClosure) },
		"a record panics":            func(_ *server, c *client) { c.send("VER=1&panic"); c.wantClosed(-1) },
		"the client answers no ping": func(*server, *client) {},
		"the client sends no record": func(s *server, c *client) { c.wantClosed(-1) },
	} {
		t.Run(name, func(t *testing.T) {
			var limits ours.Limits
			if strings.Contains(name, "ping") {
				limits.PingTime = 50 * time.Millisecond
			}
			if strings.Contains(name, "no record") {
				limits.IdleTime = 50 * time.Millisecond
			}
			s := start(t, ours.Config{Limits: limits})
			end(s, s.dial())
			<-s.ended
			select {
			case <-s.ended:
				t.Error("it ended twice")
			default:
			}
		})
	}
}

func TestShutdownSaysGoodbyeAfterTheAnswerInFlight(t *testing.T) {
	s := start(t, ours.Config{})
	idle, busy := s.dial(), s.dial()
	busy.send("VER=1&wait")
	<-s.begun
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(context.Background()) }()
	idle.wantClosed(websocket.StatusGoingAway)
	close(s.release)
	busy.want("<VER=1&wait>")
	busy.wantClosed(websocket.StatusGoingAway)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownDoesNotWaitForAClientThatSaysNoGoodbye(t *testing.T) {
	s := start(t, ours.Config{Limits: ours.Limits{CloseTime: 50 * time.Millisecond}})
	s.dial() // it never reads
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func TestAReaderThatTakesNothingIsCut(t *testing.T) {
	s := start(t, ours.Config{Limits: ours.Limits{WriteTime: 50 * time.Millisecond}})
	s.dial() // it never reads
	link, record := <-s.links, bytes.Repeat([]byte("a"), wire.MaxRecord)
	for link.Push(record) == nil {
	}
	<-s.ended
}

func TestAFloodIsCutWithOneLineInTheLog(t *testing.T) {
	s := start(t, ours.Config{Limits: ours.Limits{RecordsPerSecond: 5}})
	for range 2 {
		c := s.dial()
		for range 6 {
			c.send("VER=1")
		}
		for range 5 {
			c.want("<VER=1>")
		}
		c.wantClosed(websocket.StatusPolicyViolation)
	}
	if got := s.log.String(); strings.Count(got, "--max-records-per-second") != 1 {
		t.Errorf("logged %q", got)
	}
}

func TestARequestThatIsNoUpgradeIsToldSo(t *testing.T) {
	s := start(t, ours.Config{})
	resp, err := http.Get("http://" + s.addr + "/ws")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("got %s", resp.Status)
	}
}
