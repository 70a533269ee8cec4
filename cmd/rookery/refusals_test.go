package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
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

func TestARefusalLeavesOneLineThatSaysWhatToDo(t *testing.T) {
	record := "VER=1.1&CMD=List&SEQ=1&UIN=10001"
	post := func(record string, header ...string) func(*testServer) {
		return func(ts *testServer) { ts.ask(record, header...) }
	}
	socket := func(origin, host, record string) func(*testServer) {
		return func(ts *testServer) {
			if origin == "own" {
				origin = "http://" + ts.addr()
			}
			if conn, _ := ts.openSocket(origin, host); conn != nil {
				conn.want(record, ".*")
			}
		}
	}
	for _, c := range []struct {
		name    string
		trusted string
		do      func(*testServer)
		want    string
	}{
		{"a proxy that is not trusted", "", post(record, "X-Forwarded-For: 192.0.2.7"), `level=WARN .*start the server with --trusted-proxy.* client=127\.0\.0\.1 .*`},
		{"a trusted proxy that contradicts itself", "127.0.0.1/32", post(record, "X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.8"), `level=WARN .*X-Real-IP.* client=127\.0\.0\.1 .*`},
		{"an unknown version", "", post("VER=9.9&CMD=List&SEQ=1&UIN=10001"), `level=WARN .*VER=1\.0 to VER=1\.4.* version=9\.9 client=127\.0\.0\.1 .*`},
		{"no version", "", post("CMD=List"), `level=WARN .*VER=1\.0 to VER=1\.4.* version="" client=127\.0\.0\.1 .*`},
		{"an unknown version on a WebSocket", "", socket("own", "", "VER=2.0&CMD=List"), `level=WARN .* version=2\.0 client=127\.0\.0\.1 .*`},
		{"an unknown command", "", post("VER=1.1&CMD=GetBox&SEQ=1&UIN=10001"), `level=WARN .*docs/protocol\.md.* command=GetBox client=127\.0\.0\.1 .*`},
		{"a foreign origin", "", post(record, "Host: 127.0.0.1:8000", "Origin: https://evil.example"), `level=WARN .*--allow-origin.* origin=https://evil\.example host=127\.0\.0\.1:8000 client=127\.0\.0\.1 .*`},
		{"a browser that names none", "", post(record, "Sec-Fetch-Site: none"), `level=WARN .*--allow-origin.* origin="" host="" client=127\.0\.0\.1 .*`},
		{"a foreign origin of a WebSocket", "", socket("https://evil.example", "localhost:8000", ""), `level=WARN .*--allow-origin.* origin=https://evil\.example host=localhost:8000 client=127\.0\.0\.1 .*`},
		{"a page of an unknown name", "", post(record, "Host: chat.example", "Origin: https://chat.example"), `level=WARN .*--public-url.* origin=https://chat\.example host=chat\.example client=127\.0\.0\.1 .*`},
		{"a page of an unknown name on a WebSocket", "", socket("https://chat.example", "chat.example", ""), `level=WARN .*--public-url.* host=chat\.example client=127\.0\.0\.1 .*`},
		{"a GET under an unknown name", "", func(ts *testServer) { ts.exchange("GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n") }, `level=WARN .*--public-url.* host=chat\.example client=127\.0\.0\.1 .*`},
		{"a record without a session", "", post(record), `level=INFO .*has to log in.* command=List .* client=127\.0\.0\.1 account=10001 .*`},
		{"a page's record without a session", "", socket("own", "", record), `level=INFO .*has to log in.* command=List reason=".*SID.*" client=127\.0\.0\.1 account=10001 .*`},
		{"a request that is no HTTP", "", func(ts *testServer) { ts.exchange("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n") }, `level=INFO .*status=400 reason="Content-Length .*" client=127\.0\.0\.1 .*`},
		{"TLS where there is none", "", func(ts *testServer) { ts.exchange("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00") }, `level=INFO .*reason=".*use http://, not https://" client=127\.0\.0\.1 .*`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log logBuffer
			config := serverConfig{log: slog.New(slog.NewTextHandler(&log, nil))}
			if c.trusted != "" {
				config.trustedProxies = append(config.trustedProxies, netip.MustParsePrefix(c.trusted))
			}
			ts := newTestServer(t, config)
			log.take() // that it listens
			for range 3 {
				c.do(ts)
			}
			got := log.take()
			if len(got) != 1 || !regexp.MustCompile(`^time=\S+ `+c.want+`more_since=0$`).MatchString(got[0]) {
				t.Fatalf("logged\n\t%s\nwant one line that fits\n\t%s", strings.Join(got, "\n\t"), c.want)
			}
			ts.clock.add(2 * time.Hour)
			c.do(ts)
			if got := log.take(); len(got) != 1 || !strings.HasSuffix(got[0], " more_since=2") {
				t.Errorf("after two hours there is logged\n\t%s", strings.Join(got, "\n\t"))
			}
		})
	}
}

// What is logged of a record's own words cannot begin a line, move a cursor or
// hold a secret, however wrong the record is.
func TestALineOfTheLogHoldsNothingThatAClientWantsInIt(t *testing.T) {
	var log logBuffer
	ts := newTestServer(t, serverConfig{log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	ts.addTestAccounts(10001)
	log.take()
	const evil = "\x1b[2Jx\ntime=now level=ERROR msg=fake\u202e"
	secret := fmt.Sprintf("PS=%s&SID=rk_%s", "hunter2", strings.Repeat("s", 43))
	swapped := strings.ReplaceAll(secret, "&", ";")
	for _, record := range []string{
		"VER=" + evil + "&CMD=List", "VER=1.1;" + swapped, "VER=1.1%26" + swapped, "VER=1.1 " + swapped, "VER=1.1\n" + swapped, "VER=" + strings.Repeat("9", 1000),
		"VER=1.1&UIN=10001&CMD=" + evil, "VER=1.1&UIN=10001&CMD=Login;" + swapped, "VER=1.1&UIN=10001&CMD=Login%26" + swapped, "VER=1.1&UIN=10001&CMD=" + strings.Repeat("L", 1000),
		"VER=1.1&CMD=List&UIN=10001&" + secret, "VER=1.4&CMD=List&SEQ=" + evil + "&UIN=10001&" + secret,
		"VER=1.1&CMD=" + evil + "&UIN=" + evil,
	} {
		ts.clock.add(2 * time.Hour)
		ts.ask(record)
	}
	for _, header := range []string{"Origin: https://evil.example/?PS=hunter2", "Origin: \x1b[2J\u202e", "Origin: " + strings.Repeat("o", 1000), "Sec-Fetch-Site: \x1b[2J"} {
		ts.clock.add(2 * time.Hour)
		ts.ask("VER=1.1", header)
	}
	lines := log.take()
	if len(lines) < 15 {
		t.Errorf("only %d lines were logged", len(lines))
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "time=2008-") && !regexp.MustCompile(`^time=\d{4}-`).MatchString(line) {
			t.Errorf("a client has begun the line %q", line)
		}
		if regexp.MustCompile(`[^\x20-\x7e]|\\x1b|\\u202e|hunter2|rk_s|msg=fake`).MatchString(line) || len(line) > 600 {
			t.Errorf("logged %q", line)
		}
	}
}
