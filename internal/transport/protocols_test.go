package transport_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/httppost"
	"github.com/rookery-im/rookery/internal/transport/line"
)

// bracketHandler answers each record with the record in brackets: round ones for HTTP, angle ones
// on streams.
type bracketHandler struct{}

func (bracketHandler) AppendAnswer(_ context.Context, _ *transport.Peer, record, dst []byte) []byte {
	return append(append(append(dst, '('), record...), ')')
}

func (bracketHandler) NewStream(transport.PushConn) transport.RecordStream { return bracketHandler{} }
func (bracketHandler) Close()                                              {}
func (bracketHandler) AnswerRecords(_ context.Context, _ *transport.Peer, records [][]byte, reply func([]byte) error) {
	for _, r := range records {
		_ = reply(append(append([]byte{'<'}, r...), '>'))
	}
}

var discardLog = slog.New(slog.DiscardHandler)

func newHTTPProtocol() *httppost.Protocol {
	return httppost.New(httppost.Config{Handler: bracketHandler{}, Pages: http.NotFoundHandler(), Log: discardLog})
}

// exchange sends text to a server of the protocol, closes the sending side, and returns everything
// that the server sends.
func exchange(t *testing.T, protocol transport.Protocol, text string) string {
	t.Helper()
	server := transport.NewServer(transport.Config{Protocol: protocol, Log: discardLog})
	listener, err := transport.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	defer server.Shutdown(context.Background())
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestOneListenerServesHTTPAndLines(t *testing.T) {
	both := &transport.ProtocolDetector{HTTP: newHTTPProtocol(),
		Line: line.New(line.Config{Handler: bracketHandler{}, Log: discardLog})}
	for _, c := range []struct{ name, text, want string }{
		{"lines", "VER=1\r\nVER=2\n", "<VER=1>\r\n<VER=2>\r\n"},
		{"lines with an LF and a P before", "\nPVER=1\r\n\nPVER=2\r\n", "<VER=1>\r\n<VER=2>\r\n"},
		{"a POST", "POST HTTP/1.1\r\nContent-length: 5\r\nConnection: close\r\n\r\nVER=1", "\r\n\r\n(VER=1)"},
		{"a POST after blank lines", "\r\n\nPOST / HTTP/1.1\nContent-length: 5\nConnection: close\n\nVER=1",
			"\r\n\r\n(VER=1)"},
		{"a POST after many blank lines", strings.Repeat("\r\n", 4096) +
			"POST / HTTP/1.1\nContent-length: 5\nConnection: close\n\nVER=1", "\r\n\r\n(VER=1)"},
		{"a line after many blank lines", strings.Repeat("\n", 4096) + "VER=1\r\n", "<VER=1>\r\n"},
		{"blank lines without end", strings.Repeat("\r\n", 5000),
			"There are too many blank lines before the request. Send none\n"},
		{"a record of 60,000 bytes by POST", "POST / HTTP/1.1\r\nContent-Length: 60000\r\nConnection: close\r\n\r\n" +
			string(bytes.Repeat([]byte("a"), 60_000)), string(bytes.Repeat([]byte("a"), 60_000)) + ")"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := exchange(t, both, c.text)
			if c.want[0] == '<' && got != c.want || !bytes.HasSuffix([]byte(got), []byte(c.want)) {
				t.Errorf("got %.300q", got)
			}
		})
	}
}

func TestDetectionLeavesHTTPAnswersUnchanged(t *testing.T) {
	protocol := newHTTPProtocol()
	for i, text := range []string{
		"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\naPOST HTTP/1.0\r\nContent-Length: 1\r\n\r\nb",
		"\r\n\nPOST / HTTP/1.1\nContent-Length: 1\n\na",
		strings.Repeat("\n", 8192) + "POST / HTTP/1.1\nContent-Length: 1\n\na",
		strings.Repeat("\n", 8193) + "POST / HTTP/1.1\nContent-Length: 1\n\na",
		strings.Repeat("\n", 1100) + "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"PUT / HTTP/1.1\r\nHost: x\r\n\r\n", "P / HTTP/1.1\r\n\r\n", "PO / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n",
		"POST / HTTP/2.0\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "POST nonsense\r\n\r\n", "POST ",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			alone, both := exchange(t, protocol, text), exchange(t, &transport.ProtocolDetector{HTTP: protocol}, text)
			withoutDate := func(text string) string {
				if i := bytes.Index([]byte(text), []byte("Date: ")); i >= 0 {
					return text[:i]
				}
				return text
			}
			if withoutDate(alone) != withoutDate(both) {
				t.Errorf("%q is answered\n%q, alone\n%q", text, both, alone)
			}
		})
	}
}
