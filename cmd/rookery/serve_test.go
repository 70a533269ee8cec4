package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
	"github.com/rookery-im/rookery/internal/transport"
)

func TestServeFlagsSetTheConfig(t *testing.T) {
	var flags serveFlags
	var cmd cobra.Command
	flags.addTo(&cmd)
	err := cmd.ParseFlags(
		strings.Fields("--listen :1 --listen :2 --trusted-proxy 10.1.2.3/8 --trusted-proxy ::ffff:127.0.0.1 " +
			"--public-url https://chat.example --public-url http://chat.example:8000 --allow-origin " +
			"https://app.example --max-connections 7 " +
			"--max-connections-per-address 5 --max-request-memory 9 --limit-loopback " +
			"--max-mailbox-messages 9 --max-mailbox-size 2 --max-messages-per-minute 4 " +
			"--disk-reserve 5 --retention 2 " +
			"--password-memory 64 --password-passes 3 --shutdown-timeout 3s"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := flags.newConfig(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(got.listenAddresses, " ") != ":1 :2" {
		t.Errorf("listens on %q", got.listenAddresses)
	}
	if p := got.trustedProxies; len(p) != 2 || p[0] != netip.MustParsePrefix("10.0.0.0/8") ||
		p[1] != netip.MustParsePrefix("127.0.0.1/32") {
		t.Errorf("trusts %v", p)
	}
	if fmt.Sprint(got.publicURLs) != "[https://chat.example http://chat.example:8000]" ||
		fmt.Sprint(got.allowedOrigins) != "[https://app.example]" {
		t.Errorf("public URLs are %v, origins %v", got.publicURLs, got.allowedOrigins)
	}
	if want := (transport.Limits{Connections: 7, ConnectionsPerAddress: 5, CountLoopback: true,
		RequestMemory: 9 << 20}); got.limits != want {
		t.Errorf("limits are %+v, want %+v", got.limits, want)
	}
	if got.retention != 48*time.Hour || got.shutdownTimeout != 3*time.Second {
		t.Errorf("keeps for %v, waits for %v", got.retention, got.shutdownTimeout)
	}
	if want := (rookery.BacklogLimit{Messages: 9, Bytes: 2 << 20}); got.backlogLimit != want ||
		got.messagesPerMinute != 4 || got.reserveBytes != 5<<20 {
		t.Errorf("mailboxes hold %+v, accounts send %d a minute, the reserve is %d", got.backlogLimit,
			got.messagesPerMinute, got.reserveBytes)
	}
	if p := got.passwordCost; p.MemoryKiB != 64*1024 || p.Passes != 3 || p.Threads == 0 {
		t.Errorf("a password costs %+v", p)
	}
}

func TestInvalidAddressFlagsNameTheRightForm(t *testing.T) {
	for flags, says := range map[string]string{
		"--allow-origin https://app.example/": `--allow-origin: "https://app.example/" ` +
			"is not what browsers send: write https://app.example",
		"--allow-origin https://app.example:443": "write https://app.example",
		"--allow-origin null":                    "--allow-origin",
		"--public-url https://Chat.example/rookery": `--public-url: "https://Chat.example/rookery" ` +
			"is not what browsers send: write https://chat.example",
		"--public-url chat.example": "write https://chat.example",
		"--listen 8000": `--listen "8000" is not host:port, ` +
			"such as 127.0.0.1:8000, or :8000 for all networks",
		"--listen :80000":                       `--listen ":80000" is not host:port`,
		"--listen ::1:8000":                     `--listen "::1:8000" is not host:port`,
		"--public-url capacitor://chat.example": "neither http:// nor https://",
	} {
		if _, err := configOf(t, flags); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got the error %v, want one that says %q", flags, err, says)
		}
	}
}

// openTestServer opens a server without running it.
func openTestServer(t *testing.T, shutdown time.Duration) *server {
	t.Helper()
	s, err := openServer(t.Context(), serverConfig{
		dataDir: t.TempDir(), listenAddresses: []string{"127.0.0.1:0"}, shutdownTimeout: shutdown, now: time.Now,
		log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// begin connects and sends a part of a request, and returns once the server
// has begun to read it.
func begin(t *testing.T, s *server) net.Conn {
	t.Helper()
	return beginWith(t, s, "", 25)
}

// beginWith does so with more lines in the header, and for a body of a length.
func beginWith(t *testing.T, s *server, fields string, length int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	// The server says so to a client that waits for it before it sends its body.
	header := fmt.Sprintf("POST HTTP/1.1\r\n%sContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", fields, length)
	if _, err := io.WriteString(conn, header); err != nil {
		t.Fatal(err)
	}
	goOn := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(conn, goOn); err != nil || !strings.HasPrefix(string(goOn), "HTTP/1.1 100") {
		t.Fatalf("the server says %q, error %v", goOn, err)
	}
	return conn
}

// Passwords that wait to be checked would take longer than the server may to end.
func TestShutdownDoesNotWaitForPasswordChecks(t *testing.T) {
	cost := auth.DefaultCost
	cost.Passes = 20
	server, err := openServer(t.Context(), serverConfig{
		dataDir: t.TempDir(), listenAddresses: []string{"127.0.0.1:0"}, shutdownTimeout: 5 * time.Second, now: time.Now,
		log:          slog.New(slog.DiscardHandler),
		passwordCost: cost, trustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.run(ctx) }()
	const login = "VER=1.1&CMD=Login&UIN=10001&M5=0&PS=wrong"
	var conns []net.Conn
	for i := range 250 {
		conns = append(conns, beginWith(t, server, fmt.Sprintf("X-Forwarded-For: 192.0.2.%d\r\n", i), len(login)))
	}
	end()
	for _, conn := range conns {
		_, _ = io.WriteString(conn, login)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestShutdownAnswersAcceptedRequests(t *testing.T) {
	server := openTestServer(t, time.Minute)
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.run(ctx) }()
	conn := begin(t, server)
	end()
	if _, err := io.WriteString(conn, "VER=1.1&CMD=Logout&UIN=10"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if want := "VER=1.1&CMD=Logout&SEQ=&UIN=10&RES=5"; err != nil || !strings.Contains(string(answer), want) {
		t.Errorf("answered %q, error %v, want %q", answer, err, want)
	}
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// unreadConn sends requests and reads no answer, until the server can write no more.
func unreadConn(t *testing.T, conn net.Conn) {
	t.Helper()
	record := "VER=1.1&CMD=" + strings.Repeat("x", 60_000)
	request := fmt.Sprintf("POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", len(record), record)
	for {
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := io.WriteString(conn, request); err != nil {
			return
		}
	}
}

func TestShutdownSucceedsDespiteSlowClients(t *testing.T) {
	server := openTestServer(t, 6*time.Second)
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.run(ctx) }()
	begin(t, server)
	tcp, err := net.Dial("tcp", server.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	unreadConn(t, tcp)
	operator, err := net.Dial("unix", server.controlListener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	if _, err := io.WriteString(operator, "POST /add HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	end()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// blockingProtocol is a way in that never gets done with a request.
type blockingProtocol struct{ begun, release chan struct{} }

func (w blockingProtocol) ServeConn(_ context.Context, c *transport.Conn) {
	c.BecomeActive()
	close(w.begun)
	<-w.release
}

func TestShutdownFailsAfterItsTimeout(t *testing.T) {
	server := openTestServer(t, 50*time.Millisecond)
	way := blockingProtocol{make(chan struct{}), make(chan struct{})}
	defer close(way.release)
	server.transport = transport.NewServer(transport.Config{Protocol: way, Log: server.log})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.run(ctx) }()
	conn, err := net.Dial("tcp", server.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	<-way.begun
	end()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "--shutdown-timeout") {
		t.Errorf("ended with %v, want an error that names the setting", err)
	}
}

func TestFailedListenerEndsTheServer(t *testing.T) {
	server := openTestServer(t, time.Minute)
	ended := make(chan error, 1)
	go func() { ended <- server.run(t.Context()) }()
	_ = server.listeners[0].Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
}

func TestSecondSignalEndsTheProgramAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal)
		var happened []string
		happens := func(what string) func() { return func() { happened = append(happened, what) } }
		go handleSignals(t.Context(), signals, happens("end"), happens("end at once"))
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(happened, want) {
				t.Fatalf("after %d signals: %q, want %q", len(want), happened, want)
			}
		}
		expect()
		signals <- os.Interrupt
		expect("end")
		<-time.After(repeatedSignalPeriod / 2)
		signals <- os.Interrupt // the same once more, from who signals a group
		expect("end")
		<-time.After(repeatedSignalPeriod / 2)
		signals <- os.Interrupt
		expect("end", "end at once")
	})
}
