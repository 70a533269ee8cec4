package httppost_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
	"github.com/rookery-im/rookery/wire"
)

func TestAnswerBytes(t *testing.T) {
	c := dial(t, startOnLoopback(t, httppost.Config{}))
	c.send("POST HTTP/1.1\r\nHost: tqq.tencent.com:8000\r\nContent-Type: text/plain; " +
		"charset=UTF-8\r\nContent-length: 3\r\nConnection: close\r\n\r\nabc")
	got, err := io.ReadAll(c)
	want := "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nConnection: close\r\nContent-Length: " +
		"5\r\n\r\n<abc>"
	if err != nil || string(got) != want {
		t.Fatalf("got %q and %v\nwant %q", got, err, want)
	}
}

func TestRequestsForRecords(t *testing.T) {
	address := startOnLoopback(t, httppost.Config{})
	for _, c := range []struct{ name, request, want string }{
		{"a request line without target", "POST HTTP/1.1\r\nContent-Length: 1\r\n\r\na", "<a>"},
		{"a slash", "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\na", "<a>"},
		{"two spaces", "POST  HTTP/1.1\r\nContent-Length: 1\r\n\r\na", "<a>"},
		{"HTTP/1.0", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", "<a>"},
		{"HTTP/1.0 without target", "POST HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", "<a>"},
		{"an absolute URL without a path", "POST http://tqq.tencent.com:8000 HTTP/1.1\r\nContent-Length: 1\r\n\r\na",
			"<a>"},
		{"an absolute URL with a slash", "POST HTTP://tqq.tencent.com:8000/ HTTP/1.1\r\nContent-Length: 1\r\n\r\na",
			"<a>"},
		{"an absolute URL with a query and no path", "POST http://x?y/z HTTP/1.1\r\nContent-Length: 1\r\n\r\na", "<a>"},
		{"a query", "POST /?a=b/c HTTP/1.1\r\nContent-Length: 1\r\n\r\na", "<a>"},
		{"header names in any case", "POST / HTTP/1.1\r\nHOST: x\r\ncOnTeNt-LENGTH:1\r\n\r\na", "<a>"},
		{"spaces and tabs around a value", "POST / HTTP/1.1\r\nContent-Length: \t1 \t\r\n\r\na", "<a>"},
		{"lines ended by LF", "POST / HTTP/1.1\nHost: x\nContent-Length: 1\n\na", "<a>"},
		{"lines ended by either", "POST / HTTP/1.1\nHost: x\r\nContent-Length: 1\n\r\na", "<a>"},
		{"blank lines before", "\r\n\n\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\n\r\na", "<a>"},
		{"as many blank lines before as a header may be long",
			strings.Repeat("\r\n", 4096) + "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\na", "<a>"},
		{"as many and a long header", strings.Repeat("\n", 8192) + buildPost("a", "X: "+strings.Repeat("x", 8100)),
			"<a>"},
		{"the same length twice", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "<a>"},
		{"no length", "POST / HTTP/1.1\r\nHost: x\r\n\r\n", "<>"},
		{"no header at all", "POST / HTTP/1.1\r\n\r\n", "<>"},
		{"bytes that are no text in a header", "POST / HTTP/1.1\r\nX: \xc4\xe3\x01\r\nContent-Length: 1\r\n\r\na",
			"<a>"},
		{"an upgrade that Java clients offer", "POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: " +
			"h2c\r\nContent-Length: 1\r\n\r\na", "<a>"},
		{"chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n", "<abc>"},
		{"chunks with a trailer", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nDigest: " +
			"x\r\nY: z\r\n\r\n", "<a>"},
		{"64 KiB", buildPost(strings.Repeat("a", 64<<10)), "<" + strings.Repeat("a", 64<<10) + ">"},
		{"64 KiB in one chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" +
			strings.Repeat("a", 64<<10) + "\r\n0\r\n\r\n", "<" + strings.Repeat("a", 64<<10) + ">"},
		{"a header of nearly 8 KiB", buildPost("a", "X: "+strings.Repeat("x", 8100)), "<a>"},
	} {
		t.Run(c.name+", first on its connection and not", func(t *testing.T) {
			conn := dial(t, address)
			conn.send(c.request)
			conn.expectBody(c.want)
			conn.send(c.request)
			conn.expectBody(c.want)
		})
		t.Run(c.name+", pipelined", func(t *testing.T) {
			conn := dial(t, address)
			go func() { _, _ = io.WriteString(conn, c.request+c.request+buildPost("last")) }()
			conn.expectBody(c.want)
			conn.expectBody(c.want)
			conn.expectBody("<last>")
		})
	}
}

func TestKeepAliveFollowsClient(t *testing.T) {
	address := startOnLoopback(t, httppost.Config{})
	for _, c := range []struct {
		name, version, connection string
		keep                      bool
	}{
		{"HTTP/1.1 by default", "HTTP/1.1", "", true},
		{"HTTP/1.1 with other options", "HTTP/1.1", "Connection: TE, Upgrade\r\n", true},
		{"HTTP/1.1 with close", "HTTP/1.1", "Connection: close\r\n", false},
		{"HTTP/1.1 with close among others, in capitals", "HTTP/1.1", "Connection: TE, CLOSE\r\n", false},
		{"HTTP/1.1 with close and keep-alive", "HTTP/1.1", "Connection: close\r\nConnection: keep-alive\r\n", false},
		{"HTTP/1.0 by default", "HTTP/1.0", "", false},
		{"HTTP/1.0 with keep-alive", "HTTP/1.0", "Connection: Keep-Alive\r\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, address)
			conn.send("POST / " + c.version + "\r\n" + c.connection + "Content-Length: 1\r\n\r\na")
			// Input after a closing request is ignored, whether it is surplus body or another
			// request.
			conn.send("POST / HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nb")
			resp, body := conn.readResponse()
			if resp.Close == c.keep || body != "<a>" || resp.Header.Get("Connection") == "keep-alive" != c.keep {
				t.Fatalf("got %q with header %v", body, resp.Header)
			}
			if c.keep {
				conn.expectBody("<b>")
			}
			conn.expectEnd()
		})
	}
}

func TestContinueIsAnsweredAtOnce(t *testing.T) {
	address := startOnLoopback(t, httppost.Config{})
	for name, body := range map[string][2]string{
		"with a length": {"Content-Length: 1\r\n", "a"},
		"with chunks":   {"Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, address)
			c.send(buildPost("before") + "POST / HTTP/1.1\r\nExpect: 100-Continue\r\n" + body[0] + "\r\n")
			c.expectBody("<before>")
			if resp, _ := c.readResponse(); resp.StatusCode != http.StatusContinue {
				t.Fatalf("got %s, want 100", resp.Status)
			}
			c.send(body[1])
			c.expectBody("<a>")
		})
	}
	t.Run("not if the body is too long anyway", func(t *testing.T) {
		c := dial(t, address)
		c.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n")
		if resp, _ := c.readResponse(); resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("got %s, want 413", resp.Status)
		}
	})
	t.Run("not to HTTP/1.0, which does not know it", func(t *testing.T) {
		c := dial(t, address)
		c.send("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\na")
		c.send("b")
		c.expectBody("<ab>")
	})
}

// chunked is the header of a request with a chunked body.
const chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"

// brokenRequests are requests that get an HTTP error, and a word of its text.
var brokenRequests = []struct {
	name, request string
	status        int
	text          string
}{
	{"a word", "hello\r\n\r\n", 400, "request line"},
	{"TLS", "\x16\x03\x01\x02\x00", 400, "https://"},
	{"a method that is no token", "PO(ST / HTTP/1.1\r\n\r\n", 400, "request line"},
	{"a lone CR before the request line", "\rPOST / HTTP/1.1\r\n\r\n", 400, "HTTP"},
	{"spaces in the target", "POST /a b HTTP/1.1\r\n\r\n", 400, "request line"},
	{"a GET of nothing", "GET HTTP/1.1\r\n\r\n", 400, "request line"},
	{"a version in lower case", "POST / http/1.1\r\n\r\n", 400, "request line"},
	{"HTTP/2", "POST / HTTP/2.0\r\n\r\n", 400, "version"},
	{"no version", "POST /\r\n\r\n", 400, "request line"},
	{"a header line without colon", buildPost("", "Host"), 400, "header line"},
	{"a header line without name", buildPost("", ": x"), 400, "header line"},
	{"a space before the colon", buildPost("", "Host : x"), 400, "header line"},
	{"a space within a name", buildPost("", "My Host: x"), 400, "header line"},
	{"a header line that continues the one before", buildPost("", "X: y\r\n z"), 400, "header line"},
	{"a first header line that continues", buildPost("", " X: y"), 400, "header line"},
	{"a tab before a header line", buildPost("", "X: y\r\n\tz"), 400, "header line"},
	{"a letter in a header's name that is another's other case", buildPost("", "Tran\u017Ffer-Encoding: chunked"), 400,
		"header line"},
	{"one in its value", "POST / HTTP/1.1\r\nTransfer-Encoding: chun\u212Aed\r\n\r\n0\r\n\r\n", 400,
		"Transfer-Encoding"},
	{"a NUL in a header", buildPost("", "X: a\x00b"), 400, "NUL"},
	{"a CR in a header", buildPost("", "X: a\rContent-Length: 9"), 400, "CR"},
	{"a CR too many at a line's end", buildPost("", "X: a\r"), 400, "CR"},
	{"two lengths that differ", buildPost("a", "Content-Length: 2"), 400, "two Content-Lengths"},
	{"an empty length", "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", 400, "decimal digits"},
	{"a negative length", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "decimal digits"},
	{"a length with a sign", "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na", 400, "decimal digits"},
	{"a hexadecimal length", "POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\na", 400, "decimal digits"},
	{"a list of lengths", "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na", 400, "decimal digits"},
	{"a length and chunks", "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
		"beside"},
	{"chunks and a length", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400,
		"beside"},
	{"chunked twice", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		400, "Transfer-Encoding"},
	{"gzip and chunked", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400,
		"Transfer-Encoding"},
	{"identity", "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", 400, "Transfer-Encoding"},
	{"chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "Transfer-Encoding"},
	{"a GET with a length and chunks", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: " +
		"chunked\r\n\r\n0\r\n\r\n", 400, "beside"},
	{"a POST elsewhere with two lengths", "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: " +
		"2\r\n\r\nab", 400, "two Content-Lengths"},
	{"a chunk length that is none", chunked + "x\r\na\r\n0\r\n\r\n", 400, "chunked"},
	{"a chunk that is longer than it says", chunked + "1\r\nab\r\n0\r\n\r\n", 400, "chunked"},
	{"a trailer line ended by LF", chunked + "0\r\nX: y\n\r\n", 400, "chunked"},
	{"a trailer without end", chunked + "0\r\n" + strings.Repeat("X: y\r\n", 2000), 400, "header"},
	{"chunks over 64 KiB", chunked + "10001\r\n" + strings.Repeat("a", 64<<10+1) + "\r\n0\r\n\r\n", 413, "64 KiB"},
	{"a body over 64 KiB that never comes", "POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", 413, "64 KiB"},
	{"a length beyond all numbers", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413, "64 KiB"},
	{"a header over 8 KiB", buildPost("", "X: "+strings.Repeat("x", 8<<10)), 400, "header"},
	{"a header over 8 KiB that never ends", "POST / HTTP/1.1\r\nX: " + strings.Repeat("x", 8<<10), 400, "header"},
	{"a header of 1 MB", buildPost("", "X: "+strings.Repeat("x", 1<<20)), 400, "header"},
	{"blank lines over 8 KiB", strings.Repeat("\r\n", 4096) + "\n" + buildPost("a"), 400, "blank lines"},
	{"blank lines without end", strings.Repeat("\n", 1<<20), 400, "blank lines"},
	{"PUT", "PUT / HTTP/1.1\r\n\r\n", 405, "POST"},
	{"OPTIONS", "OPTIONS / HTTP/1.1\r\n\r\n", 405, "POST"},
	{"a method that nobody knows", "BREW /pot HTTP/1.1\r\n\r\n", 405, "POST"},
	{"post in lower case", "post / HTTP/1.1\r\n\r\n", 405, "POST"},
	{"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "version"},
}

func TestMalformedRequests(t *testing.T) {
	address := startOnLoopback(t, httppost.Config{Handler: unexpectedRecord(t), Pages: unexpectedPage(t)})
	for _, c := range brokenRequests {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, address)
			go func() { _, _ = io.WriteString(conn, c.request) }()
			resp, body := conn.readResponse()
			if resp.StatusCode != c.status || !strings.Contains(body, c.text) || !resp.Close {
				t.Fatalf("got %s %q, close %v", resp.Status, body, resp.Close)
			}
			if allow := resp.Header.Get("Allow"); (allow == "GET, POST") != (c.status == 405) {
				t.Errorf("Allow is %q", allow)
			}
		})
	}
}

// unexpectedRecord returns a handler that fails the test.
func unexpectedRecord(t *testing.T) transport.RecordHandler {
	return handlerFunc(func(_ context.Context, _ *transport.Peer, record, dst []byte) []byte {
		t.Errorf("the record %q was handed on", record)
		return dst
	})
}

func unexpectedPage(t *testing.T) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was handed on", r.Method, r.URL)
	})
}

func TestErrorFollowsEarlierAnswers(t *testing.T) {
	c := dial(t, startOnLoopback(t, httppost.Config{}))
	c.send(buildPost("a") + buildPost("b") + "nonsense\r\n\r\n" + buildPost("c"))
	c.expectBody("<a>")
	c.expectBody("<b>")
	if resp, _ := c.readResponse(); resp.StatusCode != 400 {
		t.Fatalf("got %s, want 400", resp.Status)
	}
	c.expectEnd()
}

func TestHeadIsRefusedWithoutBody(t *testing.T) {
	c := dial(t, startOnLoopback(t, httppost.Config{}))
	c.send("HEAD / HTTP/1.1\r\n\r\n")
	got, _ := io.ReadAll(c)
	if s := string(got); !strings.HasPrefix(s, "HTTP/1.1 405 ") || !strings.HasSuffix(s, "\r\n\r\n") {
		t.Fatalf("got %q", got)
	}
}

func TestTruncatedRequestIsAnswered(t *testing.T) {
	address := startOnLoopback(t, httppost.Config{Handler: unexpectedRecord(t)})
	for name, request := range map[string]string{
		"in its header": "POST / HTTP/1.1\r\nContent-Len",
		"in its body":   "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc",
		"in a chunk":    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, address)
			c.send(request)
			_ = c.Conn.(*net.TCPConn).CloseWrite()
			if resp, body := c.readResponse(); resp.StatusCode != 400 || !strings.Contains(body, "ended before") {
				t.Fatalf("got %s %q", resp.Status, body)
			}
		})
	}
}

func TestAnswerSurvivesUnreadInput(t *testing.T) {
	c := dial(t, startOnLoopback(t, httppost.Config{}))
	// The body exceeds the limit but is drained. Without the half-close and the draining, the
	// client would see a reset.
	c.send("POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + strings.Repeat("a", 200_000))
	if resp, _ := c.readResponse(); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("got %s, want 413", resp.Status)
	}
	c.expectEnd()
}

// parseOrigins calls transport.ParseOrigin for each text.
func parseOrigins(t *testing.T, texts ...string) (origins []transport.Origin) {
	t.Helper()
	for _, text := range texts {
		o, err := transport.ParseOrigin(text)
		if err != nil {
			t.Fatal(err)
		}
		origins = append(origins, o)
	}
	return origins
}

func TestOriginsThatMayPost(t *testing.T) {
	page := handlerFunc(func(_ context.Context, p *transport.Peer, _, dst []byte) []byte {
		return strconv.AppendBool(dst, p.FromWebPage)
	})
	address := startOnLoopback(t, httppost.Config{
		Handler: page,
		Origins: transport.NewOriginPolicy("box", parseOrigins(t, "https://chat.example"),
			parseOrigins(t, "https://app.example")),
	})
	here := "Host: " + address
	for _, c := range []struct {
		name   string
		fields []string
		status int
		holds  string // part of the answer
		allow  string // Access-Control-Allow-Origin of the answer
	}{
		{"no page, as old clients", nil, 200, "false", ""},
		{"no page, under whatever name", []string{"Host: tqq.tencent.com:8000"}, 200, "false", ""},
		{"the server's own by its address", []string{here, "Origin: http://" + address}, 200, "true", ""},
		{"the server's own by its public name",
			[]string{"Host: chat.example:443", "Origin: https://chat.example",
				"Sec-Fetch-Site: same-origin"}, 200, "true", ""},
		{"the server's own by a proxy that rewrites Host", []string{here, "Origin: https://chat.example"}, 200, "true",
			""},
		{"a configured origin",
			[]string{here, "Origin: https://app.example",
				"Sec-Fetch-Site: cross-site"}, 200, "true", "https://app.example"},
		{"a configured origin, without a Host", []string{"Origin: https://app.example"}, 200, "true",
			"https://app.example"},
		{"another origin", []string{here, "Origin: https://evil.example"}, 403, "--allow-origin", ""},
		{"a rebound name", []string{"Host: evil.example:8000", "Origin: http://evil.example:8000"}, 403, "--public-url",
			""},
		{"a rebound name that names the address too",
			[]string{here, "Host: evil.example:8000", "Origin: http://evil.example:8000"}, 403, "--allow-origin", ""},
		{"the address, named twice", []string{here, here, "Origin: http://" + address}, 403, "--allow-origin", ""},
		{"no origin", []string{here, "Origin: null"}, 403, "--allow-origin", ""},
		{"an empty origin", []string{here, "Origin:"}, 403, "--allow-origin", ""},
		{"a configured origin and another",
			[]string{here, "Origin: https://evil.example", "Origin: https://app.example"}, 403, "--allow-origin", ""},
		{"another port of a configured origin", []string{here, "Origin: https://app.example:8000"}, 403,
			"--allow-origin", ""},
		{"Sec-Fetch-Site alone", []string{here, "Sec-Fetch-Site: same-origin"}, 403, "--allow-origin", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, address)
			conn.send(buildPost("a", c.fields...))
			resp, body := conn.readResponse()
			allow, varies := resp.Header.Get("Access-Control-Allow-Origin"), resp.Header.Get("Vary") == "Origin"
			if resp.StatusCode != c.status || allow != c.allow || varies != (c.allow != "") {
				t.Errorf("got %s with header %v", resp.Status, resp.Header)
			}
			if !strings.Contains(body, c.holds) {
				t.Errorf("got %q, want one that holds %q", body, c.holds)
			}
			if c.status == http.StatusOK { // the next request on the connection is from no page
				conn.send(buildPost("a"))
				conn.expectBody("false")
			}
		})
	}
}

func TestAbsoluteTargetDeterminesHost(t *testing.T) {
	address := startOnLoopback(t, httppost.Config{})
	for target, status := range map[string]int{
		"http://localhost:8000/": 200, "HTTP://localhost:8000": 200, "http://evil.example:8000/": 403,
	} {
		c := dial(t, address)
		c.send("POST " + target + " HTTP/1.1\r\nHost: localhost:8000\r\nOrigin: " +
			"http://localhost:8000\r\nContent-Length: 1\r\n\r\na")
		if resp, body := c.readResponse(); resp.StatusCode != status {
			t.Errorf("%s: got %s %s", target, resp.Status, body)
		}
	}
}

// whoami answers with the peer.
var whoami = handlerFunc(func(_ context.Context, p *transport.Peer, _, dst []byte) []byte {
	return fmt.Appendf(dst, "%v %v %v %v %v", p.Addr, p.UntrustedProxy, p.AmbiguousProxy, p.Charset == wire.GB18030,
		p.Form == wire.FormHTTP)
})

func TestPeerAddress(t *testing.T) {
	direct := startOnLoopback(t, httppost.Config{Handler: whoami})
	behind := startOnLoopback(t, httppost.Config{Handler: whoami,
		TrustedProxies: []netip.Prefix{mustPrefix("127.0.0.0/8")}})
	for _, c := range []struct {
		name, address string
		fields        []string
		want          string
	}{
		{"the connection's address", direct, nil, "127.0.0.1 false false false true"},
		{"the charset that is declared", direct, []string{"Content-Type: text/plain; charset=gbk"},
			"127.0.0.1 false false true true"},
		{"a charset that decides nothing", direct, []string{"Content-Type: text/plain; charset=UTF-8"},
			"127.0.0.1 false false false true"},
		{"the first of two charsets", direct, []string{"Content-Type: a; charset=gbk", "Content-Type: b"},
			"127.0.0.1 false false true true"},
		{"a foreign proxy", direct, []string{"X-Forwarded-For: 192.0.2.7"}, "127.0.0.1 true false false true"},
		{"a foreign proxy with another header", direct, []string{"Forwarded: for=192.0.2.7"},
			"127.0.0.1 true false false true"},
		{"a foreign proxy with the third header, empty", direct, []string{"X-Real-IP:"},
			"127.0.0.1 true false false true"},
		{"a trusted proxy", behind, []string{"X-Forwarded-For: 192.0.2.7"}, "192.0.2.7 false false false true"},
		{"a trusted proxy that says nothing", behind, nil, "127.0.0.1 false false false true"},
		{"a trusted proxy that says nonsense", behind, []string{"X-Forwarded-For: unknown"},
			"127.0.0.1 false true false true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := dial(t, c.address)
			conn.send(buildPost("", c.fields...))
			conn.expectBody(c.want)
			// The next request on the connection has no forwarding header.
			conn.send(buildPost(""))
			conn.expectBody("127.0.0.1 false false false true")
		})
	}
}

func TestSilentConnectionsDelayNoRequest(t *testing.T) {
	address := startOnLoopback(t, httppost.Config{})
	// Both ends are file descriptors of this process, which may have 20,000.
	const silent, sources = 8_000, 8
	for i := range silent {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%sources))}}
		conn, err := d.Dial("tcp", address)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer conn.Close()
	}
	c := dial(t, address)
	slowest := time.Duration(0)
	for range 200 {
		begin := time.Now()
		c.send(buildPost("still here"))
		c.expectBody("<still here>")
		slowest = max(slowest, time.Since(begin))
	}
	if slowest > 3*time.Second {
		t.Errorf("a request took %v", slowest)
	}
}
