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
		t.Errorf("listen addresses = %q, want :1 and :2", got.listenAddresses)
	}
	if p := got.trustedProxies; len(p) != 2 || p[0] != netip.MustParsePrefix("10.0.0.0/8") ||
		p[1] != netip.MustParsePrefix("127.0.0.1/32") {
		t.Errorf("trusted proxies = %v, want 10.0.0.0/8 and 127.0.0.1/32", p)
	}
	if fmt.Sprint(got.publicURLs) != "[https://chat.example http://chat.example:8000]" ||
		fmt.Sprint(got.allowedOrigins) != "[https://app.example]" {
		t.Errorf("public URLs = %v, allowed origins = %v, want those of the flags", got.publicURLs, got.allowedOrigins)
	}
	if want := (transport.Limits{Connections: 7, ConnectionsPerAddress: 5, CountLoopback: true,
		RequestMemory: 9 << 20}); got.limits != want {
		t.Errorf("limits = %+v, want %+v", got.limits, want)
	}
	if got.retention != 48*time.Hour || got.shutdownTimeout != 3*time.Second {
		t.Errorf("retention = %v, shutdown timeout = %v, want 48h and 3s", got.retention, got.shutdownTimeout)
	}
	if want := (rookery.BacklogLimit{Messages: 9, Bytes: 2 << 20}); got.backlogLimit != want ||
		got.messagesPerMinute != 4 || got.reserveBytes != 5<<20 {
		t.Errorf("backlog limit = %+v, messages per minute = %d, reserve = %d, want %+v, 4 and %d", got.backlogLimit,
			got.messagesPerMinute, got.reserveBytes, want, 5<<20)
	}
	if p := got.passwordCost; p.MemoryKiB != 64*1024 || p.Passes != 3 || p.Threads == 0 {
		t.Errorf("password cost = %+v, want 64 MiB, 3 passes and some threads", p)
	}
}

func TestInvalidAddressFlagsNameTheRightForm(t *testing.T) {
	for flags, want := range map[string]string{
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
		if _, err := configOf(t, flags); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one with %q", flags, err, want)
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

// beginRequest connects and sends the header of a request with more header fields. It
// returns when the server waits for the body, which has a length in bytes.
func beginRequest(t *testing.T, s *server, fields string, length int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	// The answer "100 Continue" shows that the server has read the header.
	header := fmt.Sprintf("POST HTTP/1.1\r\n%sContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", fields, length)
	if _, err := io.WriteString(conn, header); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(conn, answer); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 100") {
		t.Fatalf("got the answer %q, %v, want 100 Continue", answer, err)
	}
	return conn
}

// Checking all waiting passwords would take longer than the shutdown time-out.
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
		conns = append(conns, beginRequest(t, server, fmt.Sprintf("X-Forwarded-For: 192.0.2.%d\r\n", i), len(login)))
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
	const record = "VER=1.1&CMD=Logout&UIN=10"
	conn := beginRequest(t, server, "", len(record))
	end()
	if _, err := io.WriteString(conn, record); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if want := "VER=1.1&CMD=Logout&SEQ=&UIN=10&RES=5"; err != nil || !strings.Contains(string(answer), want) {
		t.Errorf("got the answer %q, %v, want %q", answer, err, want)
	}
	if err := <-ended; err != nil {
		t.Errorf("run = %v, want no error", err)
	}
}

// fillConn sends requests and reads no answers until the buffers of the connection are full.
func fillConn(t *testing.T, conn net.Conn) {
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
	beginRequest(t, server, "", 25) // its body never comes
	tcp, err := net.Dial("tcp", server.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	fillConn(t, tcp)
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
		t.Errorf("run = %v, want no error", err)
	}
}

// blockingProtocol is a protocol whose first request does not end until release is closed.
type blockingProtocol struct{ begun, release chan struct{} }

func (p blockingProtocol) ServeConn(_ context.Context, c *transport.Conn) {
	c.BecomeActive()
	close(p.begun)
	<-p.release
}

func TestShutdownFailsAfterItsTimeout(t *testing.T) {
	server := openTestServer(t, 50*time.Millisecond)
	protocol := blockingProtocol{make(chan struct{}), make(chan struct{})}
	defer close(protocol.release)
	server.transport = transport.NewServer(transport.Config{Protocol: protocol, Log: server.log})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.run(ctx) }()
	conn, err := net.Dial("tcp", server.listeners[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	<-protocol.begun
	end()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "--shutdown-timeout") {
		t.Errorf("run = %v, want an error that names --shutdown-timeout", err)
	}
}

func TestFailedListenerEndsTheServer(t *testing.T) {
	server := openTestServer(t, time.Minute)
	ended := make(chan error, 1)
	go func() { ended <- server.run(t.Context()) }()
	_ = server.listeners[0].Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("run = %v, want net.ErrClosed", err)
	}
}

func TestSecondSignalEndsTheProgramAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal)
		var calls []string
		recordCall := func(name string) func() { return func() { calls = append(calls, name) } }
		go handleSignals(t.Context(), signals, recordCall("end"), recordCall("end at once"))
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(calls, want) {
				t.Fatalf("calls = %q, want %q", calls, want)
			}
		}
		expect()
		signals <- os.Interrupt
		expect("end")
		<-time.After(repeatedSignalPeriod / 2)
		signals <- os.Interrupt // a repetition of the first, as by a sender that signals a group
		expect("end")
		<-time.After(repeatedSignalPeriod / 2)
		signals <- os.Interrupt
		expect("end", "end at once")
	})
}
