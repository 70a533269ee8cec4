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

// logBuffer collects the log of a server.
type logBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// takeLines returns the lines since the last call.
func (b *logBuffer) takeLines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := strings.FieldsFunc(b.text.String(), func(r rune) bool { return r == '\n' })
	b.text.Reset()
	return lines
}

// postRecord returns a client that posts a record with header lines.
func postRecord(record string, header ...string) func(*testServer) {
	return func(ts *testServer) { ts.ask(record, header...) }
}

// sendBytes returns a client that sends bytes on a new connection and reads until the
// server closes it.
func sendBytes(text string) func(*testServer) {
	return func(ts *testServer) { ts.sendAndClose(text) }
}

// openPageSocket returns a page that opens a WebSocket and sends records on it unless the
// server refuses. The origin "own" stands for the server's address.
func openPageSocket(origin, host string, records ...string) func(*testServer) {
	return func(ts *testServer) {
		conn, _ := ts.openSocket(strings.Replace(origin, "own", "http://"+ts.addr(), 1), host)
		for _, record := range records {
			conn.expect(record, ".*")
		}
	}
}

func TestRefusalsLogOneLineWithTheRemedy(t *testing.T) {
	const record = "VER=1.1&CMD=List&SEQ=1&UIN=10001"
	const tls = "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"
	for _, c := range []struct {
		name        string
		flags       string
		sendRefused func(*testServer)
		want        string // the pattern of the line up to client=
		suffix      string // of the line, behind client=
	}{
		{"a proxy that is not trusted", "", postRecord(record, "X-Forwarded-For: 192.0.2.7"),
			`WARN .*start the server with --trusted-proxy.*`, ""},
		{"a trusted proxy that contradicts itself", "--trusted-proxy 127.0.0.1",
			postRecord(record, "X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.8"), `WARN .*X-Real-IP.*`, ""},

		{"an unknown version", "", postRecord("VER=9.9&CMD=List&SEQ=1&UIN=10001"),
			`WARN .*VER=1\.0 to VER=1\.4.* version=9\.9`, ""},
		{"no version", "", postRecord("CMD=List"), `WARN .*VER=1\.0 to VER=1\.4.* version=""`, ""},
		{"an unknown version on a line", "", sendBytes("VER=2.0&CMD=List\n"), `WARN .* version=2\.0`, ""},
		{"an unknown version on a WebSocket", "", openPageSocket("own", "", "VER=2.0&CMD=List"),
			`WARN .* version=2\.0`, ""},
		{"an unknown command", "", postRecord("VER=1.1&CMD=GetBox&SEQ=1&UIN=10001"),
			`WARN .*docs/protocol\.md.* command=GetBox`, ""},
		{"an unknown command on a WebSocket", "", openPageSocket("own", "", "VER=1.1&CMD=GetBox&SEQ=1&UIN=10001"),
			`WARN .* command=GetBox`, ""},

		{"a foreign origin", "", postRecord(record, "Host: 127.0.0.1:8000", "Origin: https://evil.example"),
			`WARN .*--allow-origin.* origin=https://evil\.example host=127\.0\.0\.1:8000`, ""},
		{"a browser that names none", "", postRecord(record, "Sec-Fetch-Site: none"),
			`WARN .*--allow-origin.* origin="" host=""`, ""},
		{"a foreign origin of a WebSocket", "", openPageSocket("https://evil.example", "localhost:8000"),
			`WARN .*--allow-origin.* origin=https://evil\.example host=localhost:8000`, ""},
		{"a page of an unknown name", "", postRecord(record, "Host: chat.example", "Origin: https://chat.example"),
			`WARN .*--public-url.* origin=https://chat\.example host=chat\.example`, ""},
		{"a page of an unknown name on a WebSocket", "", openPageSocket("https://chat.example", "chat.example"),
			`WARN .*--public-url.* host=chat\.example`, ""},
		{"a GET under an unknown name", "", sendBytes("GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n"),
			`WARN .*--public-url.* host=chat\.example`, ""},

		{"a record without a session", "", postRecord(record),
			`INFO .*has to log in.* command=List .*`, " account=10001"},
		{"a page's record without a session", "", openPageSocket("own", "", record),
			`INFO .*has to log in.* command=List reason=".*SID.*"`, " account=10001"},

		{"a request that is no HTTP", "", sendBytes("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
			`INFO .*status=400 reason="Content-Length .*"`, ""},
		{"TLS where there is none", "", sendBytes(tls), `INFO .*reason=".*use http://, not https://"`, ""},

		{"too many records on a line", "--max-records-per-second 1",
			sendBytes(strings.Repeat("VER=1.4&CMD=Logout&UIN=10001\n", 9)),
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
			log.takeLines() // drops "listening"
			for range 3 {
				c.sendRefused(ts)
			}
			line := regexp.MustCompile(`^time=\S+ level=` + c.want + ` client=127\.0\.0\.1` + c.suffix +
				` more_since=0$`)
			if got := log.takeLines(); len(got) != 1 || !line.MatchString(got[0]) {
				t.Fatalf("logged\n\t%s\nwant one line that fits\n\t%s", strings.Join(got, "\n\t"), line)
			}
			ts.clock.add(2 * time.Hour)
			c.sendRefused(ts)
			if got := log.takeLines(); len(got) != 1 || !strings.HasSuffix(got[0], " more_since=2") {
				t.Errorf("after two hours, logged\n\t%s\nwant one line with more_since=2", strings.Join(got, "\n\t"))
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
	log.takeLines()
	for _, from := range []string{"127.0.0.5", "127.0.0.6"} {
		for range 3 { // the server accepts the first and refuses the others
			conn, err := transcript.DialFrom(t.Context(), netip.MustParseAddr(from), ts.addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		// The copy ends when the server has refused the fourth, hence also the others.
		conn, err := transcript.DialFrom(t.Context(), netip.MustParseAddr(from), ts.addr())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, conn)
		line := regexp.MustCompile(`--max-connections-per-address .* client=` + regexp.QuoteMeta(from) + ` `)
		if got := log.takeLines(); len(got) != 1 || !line.MatchString(got[0]) {
			t.Errorf("logged\n\t%s\nwant one line that fits\n\t%s", strings.Join(got, "\n\t"), line)
		}
	}
}

// Values of records and headers in the log must not begin a line, control the terminal or
// contain a secret, however malformed the record is.
func TestClientsCannotForgeLogLinesOrLogSecrets(t *testing.T) {
	var log logBuffer
	// The JSON handler does not escape characters outside of ASCII itself.
	handler := slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
	ts := newTestServer(t, serverConfig{log: slog.New(handler)})
	ts.addTestAccounts(10001)
	log.takeLines()
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
	lines := log.takeLines()
	if len(lines) < 17 {
		t.Errorf("logged %d lines, want at least 17", len(lines))
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, `{"time":"`) {
			t.Errorf("a value begins the line %q", line)
		}
		if regexp.MustCompile(`[^\x20-\x7e]|\\u00|\\n|hunter2|rk_s|msg=fake`).MatchString(line) || len(line) > 600 {
			t.Errorf("logged %q, want no secrets, no control characters, at most 600 bytes", line)
		}
	}
}
