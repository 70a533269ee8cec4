package main

import (
	"bufio"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/transport"
)

// addTestAccounts adds accounts whose password is 123456, all friends of the first.
func (ts *testServer) addTestAccounts(uins ...rookery.UIN) {
	ts.t.Helper()
	for _, uin := range uins {
		account := rookery.NewAccount(uin, "", ts.clock.now())
		if _, err := ts.store.CreateAccount(ts.t.Context(), account, credential("123456")); err != nil {
			ts.t.Fatal(err)
		}
		if uin != uins[0] {
			if err := ts.service.Befriend(ts.t.Context(), uins[0], uin); err != nil {
				ts.t.Fatal(err)
			}
		}
	}
}

// testLogin returns a Login record of a test account. Callers may append keys.
func testLogin(version string, uin rookery.UIN) string {
	return fmt.Sprintf("VER=%s&CMD=Login&SEQ=&UIN=%d&M5=1&PS=%x", version, uin, md5.Sum([]byte("123456")))
}

// ask posts a record with header lines and returns the status and the answer.
func (ts *testServer) ask(record string, header ...string) (status int, answer string) {
	ts.t.Helper()
	return ts.exchange(fmt.Sprintf("POST / HTTP/1.1\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s",
		strings.Join(append(header, ""), "\r\n"), len(record), record))
}

// exchange sends a raw HTTP request and returns the status and the body of the answer.
func (ts *testServer) exchange(request string) (status int, body string) {
	ts.t.Helper()
	conn, err := net.Dial("tcp", ts.addr())
	if err != nil {
		ts.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		ts.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		ts.t.Fatal(err)
	}
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		ts.t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSuffix(string(content), "\r\n")
}

// sendAndClose sends a text on a new connection and closes it for writing. It returns
// when the server has closed the connection.
func (ts *testServer) sendAndClose(text string) {
	ts.t.Helper()
	conn, err := net.Dial("tcp", ts.addr())
	if err != nil {
		ts.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		ts.t.Fatal(err)
	}
	_ = conn.(*net.TCPConn).CloseWrite() // fails if the server has closed it
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		ts.t.Fatal(err)
	}
}

// pageSocket is a WebSocket that a page opens.
type pageSocket struct {
	t *testing.T
	*websocket.Conn
}

// openSocket opens a WebSocket as a page with this origin does. host is the requested
// host, "" for the server's address. conn is nil if the server refuses.
func (ts *testServer) openSocket(origin, host string) (conn *pageSocket, resp *http.Response) {
	ts.t.Helper()
	ws, resp, err := websocket.Dial(ts.t.Context(), "ws://"+ts.addr()+"/ws",
		&websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}, Host: host,
			Subprotocols: []string{"httpqq"}})
	if resp == nil {
		ts.t.Fatal(err)
	}
	if err != nil {
		return nil, resp
	}
	ts.t.Cleanup(func() { _ = ws.CloseNow() })
	return &pageSocket{ts.t, ws}, resp
}

// expect sends a record, if it is not "", and fails unless the next record from the server
// matches the pattern. It returns the match of the last group.
func (s *pageSocket) expect(record, pattern string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	if record != "" {
		if err := s.Write(ctx, websocket.MessageText, []byte(record)); err != nil {
			s.t.Fatal(err)
		}
	}
	_, got, err := s.Read(ctx)
	if err != nil {
		s.t.Fatalf("to %s: %v", record, err)
	}
	found := regexp.MustCompile("^" + pattern + "$").FindStringSubmatch(string(got))
	if found == nil {
		s.t.Fatalf("to %s\ngot  %s\nwant %s", record, got, pattern)
	}
	return found[len(found)-1]
}

// After DNS rebinding, a page on another domain shares the address of its reader. The
// server must refuse its requests, or they would use the reader's address session.
func TestDNSRebindingGivesAPageNoSession(t *testing.T) {
	ts := newTestServer(t, serverConfig{})
	ts.addTestAccounts(10001)
	if status, answer := ts.ask(testLogin("1.1", 10001)); status != 200 || !strings.Contains(answer, "RS=0") {
		t.Fatalf("login: %d %s", status, answer)
	}
	_, port, _ := net.SplitHostPort(ts.addr())
	const record = "VER=1.1&CMD=List&SEQ=1&UIN=10001"
	for _, name := range []string{
		"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "xn--lcalhost-9dg", "rebound.local", "nas",
	} {
		host := name + ":" + port
		if status, answer := ts.ask(record, "Host: "+host, "Origin: http://"+host); status != 403 {
			t.Errorf("POST of a page of %s: got %d %s, want 403", name, status, answer)
		}
		if conn, resp := ts.openSocket("http://"+host, host); conn != nil {
			t.Errorf("WebSocket of a page of %s: got %s, want a refusal", name, resp.Status)
		}
		status, page := ts.exchange("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		if status != http.StatusMisdirectedRequest || !strings.Contains(page, "--public-url") {
			t.Errorf("GET under %s: got %d %s, want 421 and --public-url", name, status, page)
		}
	}
}

func TestPageOnAWebSocketNeedsADeviceSession(t *testing.T) {
	ts := newTestServer(t, serverConfig{})
	ts.addTestAccounts(10001, 10002)
	for _, uin := range []rookery.UIN{10001, 10002} {
		ts.ask(testLogin("1.1", uin)) // begins an address session
	}
	page, resp := ts.openSocket("http://"+ts.addr(), "")
	if page == nil {
		t.Fatal(resp.Status)
	}
	const ok = `VER=1\.4&CMD=List&SEQ=&UIN=10001&RES=0&.*`
	list := "VER=1.4&CMD=List&SEQ=&UIN=10001"

	page.expect(list, `.*&RES=20`)
	page.expect(list+"&SID=null", `.*&RES=20`)
	page.expect(testLogin("1.4", 10001), `.*&RES=3&RA=DV: .*`)
	page.expect(testLogin("1.1", 10001)+"&DV=page", `.*&RES=3&RA=DV: .*`)
	page.expect(list, `.*&RES=20`)
	page.expect("VER=1.4&CMD=Logout&SEQ=&UIN=10001", `.*&RES=0`)
	if _, answer := ts.ask(list); !strings.Contains(answer, "RES=0") {
		t.Fatalf("the Logout of the page ended the address session: %s", answer)
	}

	// A Login with DV binds the connection to a device session, which gets pushes.
	sid := page.expect(testLogin("1.4", 10001)+"&DV=page", `.*&RES=0&RS=0&.*&SID=(rk_.*)`)
	page.expect(list, ok)
	ts.ask("VER=1.1&CMD=CLTMSG&SEQ=&UIN=10002&UN=10001&MG=hello")
	page.expect("", `.*&CMD=Server_Msg&.*&MG=hello`)
	page.expect(testLogin("1.4", 10001), `.*&RES=3&RA=DV: .*`)
	page.expect(list, ok) // the binding is unchanged
	page.expect("VER=1.4&CMD=List&SEQ=&UIN=10002", `.*&RES=20`)

	// A SID binds a connection, too. The binding of one connection does not affect others.
	second, _ := ts.openSocket("http://"+ts.addr(), "")
	second.expect(list, `.*&RES=20`)
	second.expect(list+"&SID="+sid, ok)
	second.expect("", `.*&CMD=Server_Msg&.*&MG=hello`) // pushed again, because nothing has confirmed it
	second.expect(list, ok)

	// Logout ends the device session, not the address session.
	second.expect("VER=1.4&CMD=Logout&SEQ=&UIN=10001", `.*&RES=0`)
	second.expect(list, `.*&RES=20`)
	second.expect(list+"&SID="+sid, `.*&RES=20`)
	if _, answer := ts.ask(list); !strings.Contains(answer, "RES=0") {
		t.Errorf("the Logout of the device ended the address session: %s", answer)
	}
}

func TestProgramOnAWebSocketGetsAnAddressSession(t *testing.T) {
	ts := newTestServer(t, serverConfig{})
	ts.addTestAccounts(10001)
	program, resp := ts.openSocket("", "chat.example") // an empty Origin header still marks a page
	if program != nil {
		t.Fatal(resp.Status)
	}
	ws, _, err := websocket.Dial(t.Context(), "ws://"+ts.addr()+"/ws", &websocket.DialOptions{Host: "chat.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	(&pageSocket{t, ws}).expect(testLogin("1.4", 10001), `.*&RES=0&RS=0&.*`)
}

func TestPagesLinkToTheFirstPublicURL(t *testing.T) {
	config, err := configOf(t, "--public-url https://chat.example --public-url http://chat.example:8000")
	if err != nil {
		t.Fatal(err)
	}
	ts := newTestServer(t, serverConfig{publicURLs: config.publicURLs})
	for host, want := range map[string]int{"chat.example": 200, "chat.example:8000": 200, "other.example": 421} {
		status, page := ts.exchange("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
		if status != want || !strings.Contains(page, "https://chat.example/") {
			t.Errorf("GET under %s: got %d %s, want %d and a link", host, status, page, want)
		}
	}
}

func TestHostnameIsAnOwnHost(t *testing.T) {
	ts := newTestServer(t, serverConfig{})
	name := hostname(ts.config.log)
	want := http.StatusOK
	if !transport.NewOriginPolicy(name, nil, nil).IsOwnHost(name) {
		want = http.StatusMisdirectedRequest // browsers cannot request such a name
	}
	bare, _, _ := strings.Cut(name, ".")
	for _, host := range []string{name, bare, bare + ".local", strings.ToUpper(bare) + ".local.:8000"} {
		if status, _ := ts.exchange("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"); status != want {
			t.Errorf("GET under %s: got %d, want %d", host, status, want)
		}
	}
}
