package transport

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// testWarnings is a WarningLog with a clock that the test sets, and its output.
type testWarnings struct {
	*WarningLog
	now time.Time
	log bytes.Buffer
}

func newTestWarnings() *testWarnings {
	w := &testWarnings{now: time.Unix(1218196800, 0)}
	w.WarningLog = NewWarningLog(slog.New(slog.NewTextHandler(&w.log, nil)), func() time.Time { return w.now })
	return w
}

// drainLines returns what was logged since the last call.
func (w *testWarnings) drainLines() []string {
	text := strings.TrimSuffix(w.log.String(), "\n")
	w.log.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func (w *testWarnings) warn(cause, address, account string) {
	w.Warn(WarningContext{Cause: cause, Address: netip.MustParseAddr(address), Account: account}, "do this")
}

func TestOneWarningPerCauseAndAddress(t *testing.T) {
	w := newTestWarnings()
	for _, o := range []struct {
		cause, address, account string
		logged                  int
	}{
		{"proxy", "192.0.2.1", "", 1},
		{"proxy", "192.0.2.1", "", 0},
		{"proxy", "192.0.2.2", "", 1},
		{"version", "192.0.2.1", "", 1},
		{"session", "192.0.2.1", "10001", 1},
		{"session", "192.0.2.1", "10002", 1},
		{"session", "192.0.2.1", "10001", 0},
		{"proxy", "2001:db8::1", "", 1},
		{"proxy", "2001:db8::ffff:2", "", 0}, // same /64 network
		{"proxy", "2001:db8:0:1::1", "", 1},
	} {
		w.warn(o.cause, o.address, o.account)
		if got := w.drainLines(); len(got) != o.logged {
			t.Errorf("%+v: logged %q", o, got)
		}
	}
}

func TestWarningRepeatsAfterAnHourWithCount(t *testing.T) {
	w := newTestWarnings()
	w.warn("proxy", "192.0.2.1", "")
	for range 3 {
		w.warn("proxy", "192.0.2.1", "")
	}
	w.now = w.now.Add(time.Hour - 1)
	w.warn("proxy", "192.0.2.1", "")
	if got := w.drainLines(); len(got) != 1 || !strings.Contains(got[0], "more_since=0") {
		t.Fatalf("logged %q", got)
	}
	w.now = w.now.Add(1)
	w.warn("proxy", "192.0.2.1", "")
	if got := w.drainLines(); len(got) != 1 || !strings.HasSuffix(got[0], "client=192.0.2.1 more_since=4") {
		t.Errorf("logged %q", got)
	}
}

func TestManyAddressesFillNeitherLogNorMemory(t *testing.T) {
	w := newTestWarnings()
	const minutes, each = 3, 10_000
	for m := range minutes {
		for i := range each {
			w.warn("proxy", netip.AddrFrom4([4]byte{10, byte(m), byte(i >> 8), byte(i)}).String(), "")
		}
		if got := w.drainLines(); len(got) != 10 {
			t.Errorf("in minute %d there were %d lines", m, len(got))
		}
		w.warn("version", fmt.Sprintf("192.0.2.%d", m), "")
		if got := w.drainLines(); len(got) != 1 {
			t.Errorf("another cause had no line: %q", got)
		}
		w.now = w.now.Add(time.Minute)
	}
	if n := w.lastLogged.Len(); n != minutes*(10+1) {
		t.Errorf("%d occasions are remembered, want those that were logged", n)
	}
	for i := range 100_000 {
		w.now = w.now.Add(time.Minute)
		w.warn("proxy", netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}).String(), "")
	}
	if n := w.lastLogged.Len(); n != 4096 {
		t.Errorf("%d occasions are remembered, want 4096", n)
	}
}

func TestLoggedClientTextIsEscaped(t *testing.T) {
	for value, want := range map[string]string{
		"":                              "",
		"9.9":                           "9.9",
		"GetBox":                        "GetBox",
		"https://evil.example:8443":     "https://evil.example:8443",
		"http://[::1]:8000":             "http://[::1]:8000",
		"1.1;UIN=10001;PS=secret":       "1.1...",
		"Login&PS=secret":               "Login...",
		"Login PS=secret":               "Login...",
		"1.1\nlevel=ERROR msg=\"fake\"": "1.1...",
		"\x1b[2J":                       "...",
		"中文":                            "...",
		"a\u202eb":                      "a...",
		strings.Repeat("a", 64):         strings.Repeat("a", 64),
		strings.Repeat("a", 65):         strings.Repeat("a", 64) + "...",
	} {
		if got := Excerpt(value); got != want {
			t.Errorf("of %q: %q, want %q", value, got, want)
		}
	}
}
