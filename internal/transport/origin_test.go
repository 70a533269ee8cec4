package transport_test

import (
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/transport"
)

func TestParseOrigin(t *testing.T) {
	for _, text := range []string{
		"https://chat.example", "http://chat.example", "https://chat.example:8443", "http://127.0.0.1:8080",
		"http://chat.example:443",
		"http://[2001:db8::1]", "http://[::1]:8000", "http://[::ffff:7f00:1]", "http://localhost",
		"http://nas", "https://my_box.lan",
		"https://xn--fsqu00a.example", "chrome-extension://abcdefghijklmnop", "capacitor://localhost",
	} {
		if origin, err := transport.ParseOrigin(text); err != nil || origin.String() != text {
			t.Errorf("%q is read as %q: %v", text, origin, err)
		}
	}
	for _, c := range []struct{ name, text, says string }{
		{"a trailing slash", "https://chat.example/", "write https://chat.example"},
		{"a path", "https://chat.example/app?x#y", "write https://chat.example"},
		{"upper case", "HTTPS://Chat.Example", "write https://chat.example"},
		{"the default port", "https://chat.example:443", "write https://chat.example"},
		{"the default port of HTTP", "http://chat.example:80", "write http://chat.example"},
		{"a zero before the port", "https://chat.example:08443", "write https://chat.example:8443"},
		{"no scheme", "chat.example", "write https://chat.example"},
		{"no scheme, with a port", "chat.example:8000", "write https://chat.example:8000"},
		{"a WebSocket", "wss://chat.example/ws", "write https://chat.example"},
		{"a WebSocket without TLS", "ws://chat.example:8000", "write http://chat.example:8000"},
		{"a user", "https://me@chat.example", "write https://chat.example"},
		{"a dot behind the name", "https://chat.example.", "write https://chat.example"},
		{"IPv6 spelt at length", "http://[2001:DB8:0:0::1]:80", "write http://[2001:db8::1]"},
		{"IPv6 with an IPv4 tail", "http://[::ffff:127.0.0.1]", "write http://[::ffff:7f00:1]"},
		{"a page without origin", "null", "stands for none"},
		{"every origin", "*", "name each"},
		{"every subdomain", "https://*.example", "name each"},
		{"a file", "file:///home/me/page.html", "no web origin"},
		{"a short IPv4 address", "http://127.1", "no web origin"},
		{"IPv4 in hex", "http://0x7f000001", "no web origin"},
		{"IPv6 without brackets", "http://::1:8000", "no web origin"},
		{"IPv6 of one link", "http://[fe80::1%25eth0]", "no web origin"},
		{"letters that are not ASCII", "https://例.example", "no web origin"},
		{"two", "https://a.example https://b.example", "no web origin"},
		{"a port that is none", "https://chat.example:70000", "no web origin"},
		{"nothing", "", "no web origin"},
	} {
		if _, err := transport.ParseOrigin(c.text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %q: got the error %v, want one that says %q", c.name, c.text, err, c.says)
		}
	}
}

// newTestPolicy returns the policy of a server on the machine "Box.Corp.example".
func newTestPolicy(t *testing.T) transport.OriginPolicy {
	t.Helper()
	var parsed []transport.Origin
	for _, text := range []string{"https://chat.example", "http://other.example:8080", "https://app.example"} {
		origin, err := transport.ParseOrigin(text)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, origin)
	}
	return transport.NewOriginPolicy("Box.Corp.example", parsed[:2], parsed[2:])
}

func TestOwnHostNames(t *testing.T) {
	rule := newTestPolicy(t)
	for host, want := range map[string]bool{
		// IP addresses with any port.
		"127.0.0.1": true, "127.0.0.1:8000": true, "192.0.2.1:9": true, "0.0.0.0:8000": true,
		"[::1]": true, "[::1]:8000": true, "[2001:DB8::1]": true, "[::ffff:127.0.0.1]": true, "127.0.0.1.": true,
		// Other spellings of IP addresses.
		"127.1": false, "2130706433": false, "0x7f000001": false, "0x7f.1": false, "0177.0.0.1": false,
		"127.0.0.1.evil.example": false,
		"::1":                    false, "[::1": false, "::1]": false, "[[::1]]": false, "[127.0.0.1]": false,
		"[::1]x": false, "[fe80::1%eth0]": false,
		// localhost and its subdomains.
		"localhost": true, "LOCALHOST:8000": true, "localhost.": true, "app.localhost": true, "a.b.localhost:1": true,
		"localhost..": false, ".localhost": false, "a..localhost": false, "notlocalhost": false,
		"localhost.evil.example":      false,
		"localhost:8000.evil.example": false, "localhost@evil.example": false, "evil.example#localhost": false,
		"localhost:x": false,
		"localhost:":  false, "localhost:0": false, "localhost:65536": false,
		"localhost:+1": false, "localho\u017ft": false,
		// The machine's name.
		"box": true, "box.local": true, "BOX.local.:8000": true, "box.corp.example": true,
		"box.evil.example": false, "corp.example": false, "x.box.local": false,
		"box.local.evil.example": false, "nas": false,
		// Hosts of --public-url with any port.
		"chat.example": true, "Chat.Example:443": true, "chat.example:8000": true, "chat.example.": true,
		"other.example": true,
		"evil.example":  false, "chat.example.evil.example": false, "x.chat.example": false, "xchat.example": false,
		// A host of --allow-origin belongs to another server.
		"app.example": false,
		"":            false, ".": false, ":8000": false, "user@127.0.0.1": false, "127.0.0.1, evil.example": false,
		"chat.example/x": false,
	} {
		if got := rule.IsOwnHost(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}

func TestUnusableHostnameIsNotOwnName(t *testing.T) {
	for _, hostname := range []string{"", "my box", "192.0.2.1", "."} {
		rule := transport.NewOriginPolicy(hostname, nil, nil)
		for _, host := range []string{"", ".local", "my", "192", "192.local", hostname + ".local"} {
			if rule.IsOwnHost(host) {
				t.Errorf("on the machine %q the name %q is the server's", hostname, host)
			}
		}
	}
}

func TestRequestOriginIsClassified(t *testing.T) {
	const (
		none, own, allowed = transport.NoPage, transport.OwnPage, transport.AllowedPage
		unnamed, foreign   = transport.UnknownHostPage, transport.ForeignPage
	)
	rule := newTestPolicy(t)
	for _, c := range []struct {
		name, host string
		origins    []string
		fetchSite  bool
		want       transport.PageKind
	}{
		{"no page", "chat.example", nil, false, none},
		{"no page, whatever host it asks", "tqq.tencent.com:8000", nil, false, none},
		{"a browser that names no origin", "127.0.0.1:8000", nil, true, foreign},

		{"an address", "127.0.0.1:8000", []string{"http://127.0.0.1:8000"}, false, own},
		{"an IPv6 address", "[::1]:8000", []string{"http://[::1]:8000"}, true, own},
		{"localhost", "localhost:8000", []string{"http://localhost:8000"}, false, own},
		{"this machine's name", "box.local:8000", []string{"http://box.local:8000"}, false, own},
		{"a public name", "chat.example", []string{"https://chat.example"}, false, own},
		{"a public name, asked directly", "chat.example:8000", []string{"http://chat.example:8000"}, false, own},
		{"a public name, whatever a proxy made of Host", "127.0.0.1:8000", []string{"https://chat.example"}, false,
			own},
		{"a public name with its port, which nginx's $host drops", "other.example",
			[]string{"http://other.example:8080"}, false, own},
		{"upper case", "LOCALHOST:8000", []string{"HTTP://LocalHost:8000"}, false, own},
		{"a dot behind the name", "localhost.:8000", []string{"http://localhost.:8000"}, false, own},

		{"the default port in Host", "192.0.2.1:443", []string{"https://192.0.2.1"}, false, own},
		{"the default port in Origin", "192.0.2.1", []string{"https://192.0.2.1:443"}, false, own},
		{"the default port in neither", "192.0.2.1", []string{"http://192.0.2.1"}, false, own},
		{"the default port of the other scheme", "192.0.2.1:443", []string{"http://192.0.2.1"}, false, foreign},
		{"another program on the same address", "127.0.0.1:8000", []string{"http://127.0.0.1:3000"}, false, foreign},
		{"another program on localhost", "127.0.0.1:8000", []string{"http://localhost:8000"}, false, foreign},

		{"an allowed one", "127.0.0.1:8000", []string{"https://app.example"}, true, allowed},
		{"an allowed one, whatever the host", "evil.example", []string{"https://app.example"}, false, allowed},
		{"an allowed one without TLS", "127.0.0.1:8000", []string{"http://app.example"}, false, foreign},

		{"a rebound name", "evil.example:8000", []string{"http://evil.example:8000"}, true, unnamed},
		{"a rebound name of a kind", "localhost.evil.example", []string{"http://localhost.evil.example"}, false,
			unnamed},
		{"a rebound name of one label", "nas", []string{"http://nas"}, false, unnamed},
		{"another site", "127.0.0.1:8000", []string{"https://evil.example"}, true, foreign},
		{"another site that begins alike", "127.0.0.1:8000", []string{"http://127.0.0.1:8000.evil.example"}, false,
			foreign},
		{"another site by a user's name", "127.0.0.1:8000", []string{"http://127.0.0.1:8000@evil.example"}, false,
			foreign},
		{"a page without origin", "127.0.0.1:8000", []string{"null"}, true, foreign},
		{"an empty one", "", []string{""}, false, foreign},
		{"two", "127.0.0.1:8000", []string{"http://127.0.0.1:8000", "http://127.0.0.1:8000"}, false, foreign},
		{"two in one field", "127.0.0.1:8000", []string{"http://127.0.0.1:8000 https://evil.example"}, false, foreign},
		{"a path", "127.0.0.1:8000", []string{"http://127.0.0.1:8000/"}, false, foreign},
		{"another scheme", "127.0.0.1:8000", []string{"file://127.0.0.1:8000"}, false, foreign},
		{"no host", "", []string{"http://127.0.0.1:8000"}, false, foreign},
	} {
		if got := rule.ClassifyPage(c.host, c.origins, c.fetchSite); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if refused := rule.ClassifyPage(c.host, c.origins,
			c.fetchSite).RefusalText() != ""; refused != (c.want >= unnamed) {
			t.Errorf("%s: refused %v", c.name, refused)
		}
	}
}
