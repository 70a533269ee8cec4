package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/transcript"
)

// logBuffer is where a server logs to.
type logBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// take returns the lines since the last call.
func (b *logBuffer) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := strings.FieldsFunc(b.text.String(), func(r rune) bool { return r == '\n' })
	b.text.Reset()
	return lines
}

// postOf is a client that posts a record with header lines.
func postOf(record string, header ...string) func(*testServer) {
	return func(ts *testServer) { ts.ask(record, header...) }
}

// bytesOf is a client that sends bytes on a connection of its own, and reads until
// the server closes it.
func bytesOf(text string) func(*testServer) {
	return func(ts *testServer) { ts.converse(text) }
}

// socketOf is a page that opens a WebSocket, and sends records on it if it may. Its
// origin is "own" for the server's own.
func socketOf(origin, host string, records ...string) func(*testServer) {
	return func(ts *testServer) {
		conn, _ := ts.openSocket(strings.Replace(origin, "own", "http://"+ts.addr(), 1), host)
		for _, record := range records {
			conn.want(record, ".*")
		}
	}
}

func TestRefusalsLogOneLineWithTheRemedy(t *testing.T) {
	const record = "VER=1.1&CMD=List&SEQ=1&UIN=10001"
	const tls = "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
	for _, c := range []struct {
		name  string
		flags string
		do    func(*testServer)
		want  string // of the line, before its client
		about string // behind it
	}{
		{"a proxy that is not trusted", "", postOf(record, "X-Forwarded-For: 192.0.2.7"),
			`WARN .*start the server with --trusted-proxy.*`, ""},
		{"a trusted proxy that contradicts itself", "--trusted-proxy 127.0.0.1",
			postOf(record, "X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.8"), `WARN .*X-Real-IP.*`, ""},

		{"an unknown version", "", postOf("VER=9.9&CMD=List&SEQ=1&UIN=10001"),
			`WARN .*VER=1\.0 to VER=1\.4.* version=9\.9`, ""},
		{"no version", "", postOf("CMD=List"), `WARN .*VER=1\.0 to VER=1\.4.* version=""`, ""},
		{"an unknown version on a line", "", bytesOf("VER=2.0&CMD=List\n"), `WARN .* version=2\.0`, ""},
		{"an unknown version on a WebSocket", "", socketOf("own", "", "VER=2.0&CMD=List"), `WARN .* version=2\.0`, ""},
		{"an unknown command", "", postOf("VER=1.1&CMD=GetBox&SEQ=1&UIN=10001"),
			`WARN .*docs/protocol\.md.* command=GetBox`, ""},
		{"an unknown command on a WebSocket", "", socketOf("own", "", "VER=1.1&CMD=GetBox&SEQ=1&UIN=10001"),
			`WARN .* command=GetBox`, ""},

		{"a foreign origin", "", postOf(record, "Host: 127.0.0.1:8000", "Origin: https://evil.example"),
			`WARN .*--allow-origin.* origin=https://evil\.example host=127\.0\.0\.1:8000`, ""},
		{"a browser that names none", "", postOf(record, "Sec-Fetch-Site: none"),
			`WARN .*--allow-origin.* origin="" host=""`, ""},
		{"a foreign origin of a WebSocket", "", socketOf("https://evil.example", "localhost:8000"),
			`WARN .*--allow-origin.* origin=https://evil\.example host=localhost:8000`, ""},
		{"a page of an unknown name", "", postOf(record, "Host: chat.example", "Origin: https://chat.example"),
			`WARN .*--public-url.* origin=https://chat\.example host=chat\.example`, ""},
		{"a page of an unknown name on a WebSocket", "", socketOf("https://chat.example", "chat.example"),
			`WARN .*--public-url.* host=chat\.example`, ""},
		{"a GET under an unknown name", "", bytesOf("GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n"),
			`WARN .*--public-url.* host=chat\.example`, ""},

		{"a record without a session", "", postOf(record), `INFO .*has to log in.* command=List .*`, " account=10001"},
		{"a page's record without a session", "", socketOf("own", "", record),
			`INFO .*has to log in.* command=List reason=".*SID.*"`, " account=10001"},

		{"a request that is no HTTP", "", bytesOf("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
			`INFO .*status=400 reason="Content-Length .*"`, ""},
		{"TLS where there is none", "", bytesOf(tls), `INFO .*reason=".*use http://, not https://"`, ""},

		{"too many records on a line", "--max-records-per-second 1",
			bytesOf(strings.Repeat("VER=1.4&CMD=Logout&UIN=10001\n", 9)),
			`WARN .*--max-records-per-second.* limit=1`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, err := configOf(t, c.flags)
			if err != nil {
				t.Fatal(err)
			}
			config.dataDir = ""
			var log logBuffer
			config.log = slog.New(slog.NewTextHandler(&log, nil))
			ts := newTestServer(t, config)
			log.take() // that it listens
			for range 3 {
				c.do(ts)
			}
			line := regexp.MustCompile(`^time=\S+ level=` + c.want + ` client=127\.0\.0\.1` + c.about +
				` more_since=0$`)
			if got := log.take(); len(got) != 1 || !line.MatchString(got[0]) {
				t.Fatalf("logged\n\t%s\nwant one line that fits\n\t%s", strings.Join(got, "\n\t"), line)
			}
			ts.clock.add(2 * time.Hour)
			c.do(ts)
			if got := log.take(); len(got) != 1 || !strings.HasSuffix(got[0], " more_since=2") {
				t.Errorf("after two hours there is logged\n\t%s", strings.Join(got, "\n\t"))
			}
		})
	}
}

func TestRefusedConnectionsAreLoggedPerAddress(t *testing.T) {
	config, err := configOf(t, "--max-connections-per-address 1 --limit-loopback")
	if err != nil {
		t.Fatal(err)
	}
	config.dataDir = ""
	var log logBuffer
	config.log = slog.New(slog.NewTextHandler(&log, nil))
	ts := newTestServer(t, config)
	log.take()
	for _, from := range []string{"127.0.0.5", "127.0.0.6"} {
		for range 3 { // the first is held, the others are refused
			conn, err := transcript.DialFrom(t.Context(), netip.MustParseAddr(from), ts.addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		// A refused connection is closed by the server.
		conn, err := transcript.DialFrom(t.Context(), netip.MustParseAddr(from), ts.addr())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn)
		line := regexp.MustCompile(`--max-connections-per-address .* client=` + regexp.QuoteMeta(from) + ` `)
		if got := log.take(); len(got) != 1 || !line.MatchString(got[0]) {
			t.Errorf("logged\n\t%s", strings.Join(got, "\n\t"))
		}
	}
}

// What is logged of a record's own words cannot begin a line, move a cursor or
// hold a secret, however wrong the record is.
func TestClientsCannotForgeLogLinesOrLogSecrets(t *testing.T) {
	var log logBuffer
	// This form leaves characters that are not ASCII as they are.
	handler := slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
	ts := newTestServer(t, serverConfig{log: slog.New(handler)})
	ts.addTestAccounts(10001)
	log.take()
	const evil = "\x1b[2Jx\ntime=now level=ERROR msg=fake\u202e"
	long := strings.Repeat("9", 1000)
	secret := "PS=hunter2&SID=rk_" + strings.Repeat("s", 43)
	swapped := strings.ReplaceAll(secret, "&", ";")
	for _, record := range []string{
		"VER=" + evil + "&CMD=List", "VER=1.1;" + swapped, "VER=1.1%26" + swapped, "VER=1.1 " + swapped, "VER=1.1\n" +
			swapped,
		"VER=" + long,
		"VER=1.1&UIN=10001&CMD=" + evil, "VER=1.1&UIN=10001&CMD=Login;" + swapped, "VER=1.1&UIN=10001&CMD=Login%26" +
			swapped,
		"VER=1.1&UIN=10001&CMD=" + long, "VER=1.1&CMD=" + evil + "&UIN=" + evil,
		"VER=1.1&CMD=List&UIN=10001&" + secret, "VER=1.4&CMD=List&SEQ=" + evil + "&UIN=10001&" + secret,
		"VER=1.1&CMD=Login&UIN=10001&M5=0&PS=hunter2&LC=a\u202e\x1bb\xff" + long,
	} {
		ts.clock.add(2 * time.Hour)
		ts.ask(record)
	}
	for _, header := range []string{
		"Origin: https://evil.example/?PS=hunter2", "Origin: \x1b[2J\u202e", "Origin: " + long,
		"Sec-Fetch-Site: \x1b[2J",
		"X-Forwarded-For: " + evil[:5],
	} {
		ts.clock.add(2 * time.Hour)
		ts.ask("VER=1.1", header)
	}
	lines := log.take()
	if len(lines) < 17 {
		t.Errorf("only %d lines were logged", len(lines))
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, `{"time":"`) {
			t.Errorf("a client has begun the line %q", line)
		}
		if regexp.MustCompile(`[^\x20-\x7e]|\\u00|\\n|hunter2|rk_s|msg=fake`).MatchString(line) || len(line) > 600 {
			t.Errorf("logged %q", line)
		}
	}
}
