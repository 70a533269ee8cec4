package httppost_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
)

func TestOtherRequestsGoToPages(t *testing.T) {
	address := startOnLoopback(t, httppost.Config{Handler: unexpectedRecord(t)})
	for _, c := range []struct{ name, request, want string }{
		{"a GET", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET / <>"},
		{"a GET after blank lines", "\r\n\nGET /a?b HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /a <>"},
		{"a GET by HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET / <>"},
		{"a GET with lines ended by LF", "GET / HTTP/1.1\nHost: localhost\n\n", "GET / <>"},
		{"a GET from a page of another origin", "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: " +
			"https://evil.example\r\n\r\n", "GET / <>"},
		{"a POST to another path", "POST /other HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc",
			"POST /other <abc>"},
		{"a POST to another path of a URL", "POST http://localhost/other HTTP/1.1\r\nHost: " +
			"localhost\r\nContent-Length: 3\r\n\r\nabc", "POST /other <abc>"},
		{"a POST with a body over 64 KiB", "POST /other HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000\r\n\r\n" +
			strings.Repeat("a", 70_000), "POST /other <" + strings.Repeat("a", 70_000) + ">"},
		{"a POST in chunks", "POST /other HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: " +
			"chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "POST /other <abc>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, address)
			conn.send(c.request)
			conn.expectBody(c.want)
			conn.expectEnd()
		})
	}
}

func TestPageFollowsEarlierRecords(t *testing.T) {
	c := dial(t, startOnLoopback(t, httppost.Config{}))
	c.send(buildPost("a") + "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	c.expectBody("<a>")
	c.expectBody("GET / <>")
}

func TestPageIsLastOnItsConnection(t *testing.T) {
	var served atomic.Int32
	c := dial(t, startOnLoopback(t, httppost.Config{Handler: unexpectedRecord(t),
		Pages: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) })}))
	// The end of the second request is ambiguous. net/http would accept it; this server must not
	// let it.
	c.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n" +
		"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
		buildPost("a"))
	if resp, _ := c.readResponse(); resp.StatusCode != 200 || !resp.Close {
		t.Fatalf("got %s, close %v", resp.Status, resp.Close)
	}
	c.expectEnd()
	if n := served.Load(); n != 1 {
		t.Errorf("%d pages were served", n)
	}
}

func TestUpgradeReachesPageHandler(t *testing.T) {
	upgrade := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		lines := bufio.NewScanner(rw)
		for lines.Scan() && lines.Text() != "bye" {
			_, _ = io.WriteString(conn, "<"+lines.Text()+">\n")
		}
	})
	c := dial(t, startOnLoopback(t, httppost.Config{Pages: upgrade}))
	// The first line arrives together with the request.
	c.send("GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly\n")
	if resp, err := http.ReadResponse(c.reader, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v and %v, want 101", resp, err)
	}
	for _, line := range []string{"early", "late", "later"} {
		if line != "early" {
			c.send(line + "\n")
		}
		if got, err := c.reader.ReadString('\n'); got != "<"+line+">\n" {
			t.Fatalf("got %q and %v", got, err)
		}
	}
	c.send("bye\n")
	c.expectEnd()
}

func TestPagesGetClientAddress(t *testing.T) {
	c := dial(t, startOnLoopback(t, httppost.Config{Pages: http.HandlerFunc(func(w http.ResponseWriter,
		r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		_, _ = io.WriteString(w, host)
	})}))
	c.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	c.expectBody("127.0.0.1")
}

func TestPagesMayBeDisabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		s := transport.NewServer(transport.Config{Protocol: httppost.New(httppost.Config{Handler: echoHandler,
			Log: log}), Log: log})
		p := newPipeListener()
		go func() { _ = s.Serve(p) }()
		c := p.dial(t)
		c.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if resp, _ := c.readResponse(); resp.StatusCode != http.StatusNotFound {
			t.Errorf("got %s", resp.Status)
		}
		_ = c.Close()
		_ = s.Shutdown(t.Context())
	})
}

func TestPagesRequireOwnHostName(t *testing.T) {
	wrong := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusMisdirectedRequest)
		_, _ = io.WriteString(w, "not here")
	})
	origins := transport.NewOriginPolicy("box", parseOrigins(t, "https://chat.example"),
		parseOrigins(t, "https://app.example"))
	address := startOnLoopback(t, httppost.Config{Handler: unexpectedRecord(t), WrongHost: wrong, Origins: origins})
	bare := startOnLoopback(t, httppost.Config{Handler: unexpectedRecord(t)})
	for _, c := range []struct {
		name, address, request string
		status                 int
	}{
		{"the address", address, "GET / HTTP/1.1\r\nHost: " + address + "\r\n\r\n", 200},
		{"the machine's name", address, "GET / HTTP/1.1\r\nHost: box.local:8000\r\n\r\n", 200},
		{"the public name", address, "GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n", 200},
		{"no name, as a health check", address, "GET / HTTP/1.0\r\n\r\n", 200},
		{"another name", address, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
		{"another name and path", address, "GET /ws HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
		{"another name by an absolute URL", address, "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
			421},
		{"a POST to another name and path", address,
			"POST /other HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n", 421},
		{"another server's name, whose pages may post", address, "GET / HTTP/1.1\r\nHost: app.example\r\n\r\n", 421},
		{"a WebSocket, which is judged by its Origin", address,
			"GET /ws HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n", 200},
		{"another name, where nothing is set", bare, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, c.address)
			conn.send(c.request)
			resp, body := conn.readResponse()
			if resp.StatusCode != c.status || c.status == 421 && c.address == address && body != "not here" {
				t.Errorf("got %s %q", resp.Status, body)
			}
		})
	}
}
