package client_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/client"
)

// fakeNetwork maps host:port to servers. Other addresses refuse connections.
type fakeNetwork struct {
	servers    map[string]func(net.Conn) // nil drops all packets, as a firewall does
	goroutines sync.WaitGroup
	dialed     []string
}

func (n *fakeNetwork) dial(ctx context.Context, _, host string) (net.Conn, error) {
	n.dialed = append(n.dialed, host)
	serve, there := n.servers[host]
	switch {
	case !there:
		return nil, errors.New("connection refused")
	case serve == nil:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	near, far := net.Pipe()
	n.goroutines.Go(func() {
		defer far.Close()
		serve(far)
	})
	return near, nil
}

// Servers that a client may find at a port.
func rookeryServer(conn net.Conn) {
	(&scriptedConn{conn, bufio.NewReader(conn)}).answerUntilClosed(func(*receivedRecord) {})
}

func webServer(conn net.Conn) {
	_, _ = bufio.NewReader(conn).ReadString('\n')
	io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
	_, _ = io.Copy(io.Discard, conn) // keeps the connection open
}

func silentServer(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

func strictServer(conn net.Conn) {
	c := &scriptedConn{conn, bufio.NewReader(conn)}
	for record := c.readRecord(); record != nil; record = c.readRecord() {
		c.answer(record, "0&RS=1&RA=wrong")
	}
}

// busyServer refuses every request for lack of resources.
func busyServer(conn net.Conn) {
	c := &scriptedConn{conn, bufio.NewReader(conn)}
	for record := c.readRecord(); record != nil; record = c.readRecord() {
		c.answer(record, "4&RA=too busy")
	}
}

func TestAnAddressWithoutAPortTriesBothDefaultPorts(t *testing.T) {
	for _, test := range []struct {
		name, address string
		fallback      []string
		at            map[string]func(net.Conn)
		dialed        string
		err           string // "" for success
	}{
		{"its own port", "qq://10001@server", nil,
			map[string]func(net.Conn){"server:14000": rookeryServer, "server:8000": rookeryServer}, "server:14000", ""},
		{"the other port", "qq://10001@server", nil,
			map[string]func(net.Conn){"server:8000": rookeryServer}, "server:14000 server:8000", ""},
		{"IPv6", "tcp://10001@[2001:db8::8000]", nil,
			map[string]func(net.Conn){"[2001:db8::8000]:8000": rookeryServer},
			"[2001:db8::8000]:14000 [2001:db8::8000]:8000", ""},
		{"a web server is at the first", "qq://10001@server", nil,
			map[string]func(net.Conn){"server:14000": webServer, "server:8000": rookeryServer},
			"server:14000 server:8000", ""},
		{"something silent is at the first", "qq://10001@server", nil,
			map[string]func(net.Conn){"server:14000": silentServer, "server:8000": rookeryServer},
			"server:14000 server:8000", ""},
		{"a firewall is before the first", "qq://10001@server", nil,
			map[string]func(net.Conn){"server:14000": nil, "server:8000": rookeryServer}, "server:14000 server:8000",
			""},
		{"a named port is the only one", "qq://10001@server:14000", nil,
			map[string]func(net.Conn){"server:8000": rookeryServer}, "server:14000",
			"qq://10001@server:14000: not done now: connection refused"},
		{"TLS stays TLS", "wss://10001@server", nil,
			map[string]func(net.Conn){"server:8000": rookeryServer}, "server:443",
			`wss://10001@server:443: not done now: failed to WebSocket dial: failed to send handshake request: Get "https://server:443/ws": connection refused`},
		{"nothing is there", "qq://10001@server", nil, nil, "server:14000 server:8000",
			"qq://10001@server:14000: not done now: connection refused; qq://10001@server:8000: not done now: " +
				"connection refused"},
		{"a wrong password is wrong everywhere", "qq://10001@server", nil,
			map[string]func(net.Conn){"server:14000": strictServer, "server:8000": rookeryServer}, "server:14000",
			"qq://10001@server:14000: Login: wrong password: wrong"},
		{"so is a server without room", "qq://10001@server", nil,
			map[string]func(net.Conn){"server:14000": busyServer, "server:8000": rookeryServer}, "server:14000",
			"qq://10001@server:14000: Login: not done now: too busy"},
		{"others are tried when asked for", "qq://10001@server:9",
			[]string{"qq://10001@server", "qq://10001@server:14000", "tcp://10001@elsewhere:10"},
			map[string]func(net.Conn){"elsewhere:10": rookeryServer}, "server:9 server:14000 server:8000 elsewhere:10",
			""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := &fakeNetwork{servers: test.at}
				messenger, err := client.Dial(t.Context(), test.address,
					client.Password(password), client.Dialer(network.dial), client.Fallback(test.fallback...))
				if err == nil {
					messenger.Close()
				}
				network.goroutines.Wait()
				if got := strings.Join(network.dialed, " "); got != test.dialed {
					t.Errorf("tried were %s, expected %s", got, test.dialed)
				}
				if got := fmt.Sprint(err); got != test.err && !(err == nil && test.err == "") {
					t.Errorf("the error is %s, expected %s", got, test.err)
				}
				if test.err != "" && strings.Contains(test.err, "refused") && !errors.Is(err, client.ErrTemporary) {
					t.Errorf("%v is not ErrTemporary", err)
				}
			})
		})
	}
}

func TestHTTPTriesBothDefaultPorts(t *testing.T) {
	server := newTestServer(t, 10001)
	var dialed []string
	messenger, err := client.Dial(t.Context(), "http://10001@server", client.Password(password),
		client.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
			dialed = append(dialed, host)
			if host != "server:14000" {
				return nil, errors.New("connection refused")
			}
			return new(net.Dialer).DialContext(ctx, network, server.address)
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer messenger.Close()
	expectEqual(t, "tried", dialed, []string{"server:8000", "server:14000"})
	if got := messenger.String(); got != "http://10001@server:14000" {
		t.Errorf("it is signed in at %s", got)
	}
}

// A reconnection begins with the address of the lost connection.
func TestReconnectingStartsWithTheLastAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		served := 0
		network := &fakeNetwork{servers: map[string]func(net.Conn){"server:8000": func(conn net.Conn) {
			if served++; served == 1 {
				c := &scriptedConn{conn, bufio.NewReader(conn)}
				c.answerCommon(c.readRecord())
				return
			}
			rookeryServer(conn)
		}}}
		messenger, err := client.Dial(t.Context(), "qq://10001@server", client.Password(password),
			client.Dialer(network.dial))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // of virtual time
		synctest.Wait()
		if !messenger.State().Connected {
			t.Errorf("the state is %+v", messenger.State())
		}
		expectEqual(t, "tried", network.dialed, []string{"server:14000", "server:8000", "server:8000"})
		messenger.Close()
		network.goroutines.Wait()
	})
}

// A server does not push what it has handed out to a poll, so a client must not change
// between polling and pushes.
func TestAFallbackMustMatchAccountAndTransport(t *testing.T) {
	for address, fallback := range map[string]string{
		"qq://10001@server":    "qq://10002@server",
		"ws://10001@server":    "http://10001@server",
		"https://10001@server": "wss://10001@server",
		"http://10001@server":  "nobody",
	} {
		_, err := client.Dial(t.Context(), address, client.Password(password), client.Fallback(fallback))
		if !errors.Is(err, client.ErrParameter) {
			t.Errorf("%s and %s: %v", address, fallback, err)
		}
	}
}

func TestAWebSocketCanBeAFallback(t *testing.T) {
	server := newTestServer(t, 10001)
	messenger, err := client.Dial(t.Context(), "qq://10001@server:1",
		client.Password(password), client.Fallback("ws://10001@server"),
		client.Dialer(func(ctx context.Context, network, host string) (net.Conn, error) {
			if host != "server:8000" {
				return nil, errors.New("connection refused")
			}
			return new(net.Dialer).DialContext(ctx, network, server.address)
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer messenger.Close()
	if got := messenger.String(); got != "ws://10001@server:8000" {
		t.Errorf("it is signed in at %s", got)
	}
}
