package oldclient

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sent is what each kind writes for its first request, Send, to the byte. Go's
// net/http writes what it writes.
var wantRequests = map[string]string{
	"PHP, fsockopen": "POST HTTP/1.1\r\nHost: tqq.tencent.com:8000\r\nContent-Type: text/plain; charset=UTF-8\r\n" +
		"Content-length: 63\r\nConnection: close\r\n\r\n" +
		"VER=1.1&CMD=CLTMSG&SEQ=1132724401&UIN=10001&UN=10002&MG=\xe4\xbd\xa0 & 1",
	"Visual Basic, Winsock": "POST  HTTP/1.1\r\nContent-Length: 53\r\nConnection: close\r\n\r\n" +
		"VER=1.0&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10002&MG=\xc4\xe3 & 1",
	"C#, HttpWebRequest": "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nHost: " +
		"tqq.tencent.com:8000\r\n" +
		"Content-Length: 56\r\nExpect: 100-continue\r\nConnection: Keep-Alive\r\n\r\n" +
		"VER=1.1&CMD=CLTMSG&SEQ=200&UIN=10001&UN=10002&MG=\xe4\xbd\xa0 & 1",
	"Delphi, Indy": "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
		"Content-Length: 65\r\nHost: tqq.tencent.com:8000\r\nAccept: text/html, */*\r\nAccept-Encoding: identity\r\n" +
		"User-Agent: Mozilla/3.0 (compatible; Indy Library)\r\n\r\n" +
		"VER=1.2&CMD=CLTMSG&SEQ=1000&UIN=10001&UN=10002&MG=%C4%E3%20&%201&",
	"Delphi, Indy, through a proxy": "POST http://tqq.tencent.com:8000 HTTP/1.1\r\nContent-Type: " +
		"application/x-www-form-urlencoded\r\n" +
		"Content-Length: 65\r\nHost: tqq.tencent.com:8000\r\nAccept: text/html, */*\r\nProxy-Connection: keep-alive\r\n" +
		"User-Agent: Mozilla/3.0 (compatible; Indy Library)\r\n\r\n" +
		"VER=1.3&CMD=CLTMSG&SEQ=1000&UIN=10001&UN=10002&MG=%C4%E3%20&%201&",
	"Java, HttpURLConnection": "POST / HTTP/1.1\r\nUser-Agent: Java/1.5.0_06\r\nHost: tqq.tencent.com:8000\r\n" +
		"Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\nConnection: keep-alive\r\n" +
		"Content-type: application/x-www-form-urlencoded\r\nContent-Length: 54\r\n\r\n" +
		"VER=1.1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10002&MG=\xe4\xbd\xa0 & 1",
	"Python, urllib2": "POST / HTTP/1.1\r\nAccept-Encoding: identity\r\nContent-Length: 75\r\nHost: " +
		"tqq.tencent.com:8000\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nUser-Agent: Python-urllib/2.4\r\n\r\n" +
		"VER=1.1&CMD=CLTMSG&SEQ=1132724401&UIN=10001&UN=10002&MG=%E4%BD%A0%20%26%201",
	"J2ME, HttpConnection": "POST / HTTP/1.1\r\nuser-agent: Profile/MIDP-2.0 " +
		"Configuration/CLDC-1.1\r\ncontent-type: text/plain\r\n" +
		"host: tqq.tencent.com:8000\r\ntransfer-encoding: chunked\r\n\r\n" +
		"20\r\nVER=1.1&CMD=CLTMSG&SEQ=1&UIN=100\r\n16\r\n01&UN=10002&MG=\xe4\xbd\xa0 & 1\r\n0\r\n\r\n",
	"C#, version 1.4": "POST / HTTP/1.1\r\nContent-Type: text/plain; charset=utf-8\r\nHost: tqq.tencent.com:8000\r\n" +
		"Content-Length: 60\r\n\r\n" +
		"VER=1.4&CON=1&CMD=CLTMSG&SEQ=1&UIN=10001&UN=10002&MG=\xe4\xbd\xa0 & 1",
	"Perl, version 1.4": "POST HTTP/1.1\nHost: tqq.tencent.com:8000\nContent-Length: 63\nConnection: close\n\n" +
		"VER=1.4&CON=1&CMD=CLTMSG&SEQ=1000&UIN=10001&UN=10002&MG=\xe4\xbd\xa0 & 1",
}

func TestEachKindSendsItsLibraryBytes(t *testing.T) {
	for _, kind := range HTTPKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			want, ok := wantRequests[kind.Name]
			if !ok && kind.Name == goClient().Name {
				return
			}
			s := &pipeListener{t: t, want: len(want), heard: make(chan string, 1)}
			kind.NewClient(s.dial, "10001", "123456").Send(t.Context(), "10002", "你 & 1")
			if got := <-s.heard; got != want {
				t.Errorf("sent\n\t%q, want\n\t%q", got, want)
			}
		})
	}
}

func TestParamsEncodeLeavesASCIIUnescaped(t *testing.T) {
	// The latter two characters are 81 40 and 81 80.
	if got, want := encodeIndyParams("a+b=c&d, *#%<>[]~\t丂亐"),
		"a+b=c&d,%20%2A%23%25%3C%3E%5B%5D~%09%81@%81\x80"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestEachKindUnderstandsTheContract gives each kind the answers that the
// contract promises for its version.
func TestEachKindUnderstandsTheContract(t *testing.T) {
	for _, kind := range HTTPKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			s := &scriptedServer{t: t, answer: contractAnswer}
			client := kind.NewClient(s.dial, "10001", "123456")
			defer client.Close()
			if err := client.Login(t.Context()); err != nil {
				t.Error(err)
			}
			friends, err := client.Friends(t.Context())
			if want := []string{"10002", "10003"}; err != nil || !reflect.DeepEqual(friends, want) {
				t.Errorf("friends %q, %v; want %q", friends, err, want)
			}
			online, err := client.OnlineFriends(t.Context())
			if want := []Friend{{UIN: "10003", Status: "30", Face: "270", Nick: "Tom & Jerry"}}; err != nil ||
				!reflect.DeepEqual(online, want) {
				t.Errorf("online %q, %v; want %q", online, err, want)
			}
			messages, err := client.Receive(t.Context())
			if want := []Message{{"9", "10003", "100%, or\nless"}, {"99", "10002", "20"}}; err != nil ||
				!reflect.DeepEqual(messages, want) {
				t.Errorf("messages %q, %v; want %q", messages, err, want)
			}
			for _, err := range []error{client.SetStatus(t.Context(), "30"), client.Send(t.Context(), "10002", "hello"),
				client.Logout(t.Context())} {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// contractAnswer answers a record as the contract does.
func contractAnswer(record string) string {
	answers := map[string]string{
		"Login":       "RS=0&HI=60&LI=300",
		"List":        "FN=1&SN=2&UN=10002,10003,",
		"Query_Stat":  "FC=270,&FN=1&SN=1&ST=30,&UN=10003,&NK=Tom %26 Jerry,",
		"Query_Stat2": "FN=1&SN=2&ST=20,30,&UN=10002,10003,",
		"SimpleInfo2": "NP=65535&SN=2&UN=10002,10003,&FC=0,270,&NK=Pingu%2c Jr,Tom %26 Jerry,",
		"GetMsgEx":    "MN=2&MT=9,99,&UN=10003,10002,&MG=100%25%2c or\rless,20,",
	}
	header, command := headOf(record)
	if fields := answers[command]; fields != "" {
		header += "&" + fields
	}
	return header + lineEnd(record)
}

func lineEnd(record string) string {
	if strings.HasPrefix(record, "VER=1.4") {
		return "\r\n"
	}
	return ""
}

// headOf is how the answer to a record begins.
func headOf(record string) (header, command string) {
	command = valueOf(record, "CMD")
	spelt := command
	if lineEnd(record) != "" && (command == "Query_Stat2" || command == "SimpleInfo2") {
		spelt = strings.ToUpper(command)
	}
	return record[:len("VER=1.1")] + "&CMD=" + spelt + "&SEQ=" + valueOf(record, "SEQ") + "&UIN=10001&RES=0", command
}

func valueOf(record, key string) string {
	_, pairs, _ := strings.Cut(record, "&"+key+"=")
	value, _, _ := strings.Cut(pairs, "&")
	return value
}

func TestEachKindReportsWrongPassword(t *testing.T) {
	for _, kind := range HTTPKinds() {
		s := &scriptedServer{t: t, answer: func(record string) string {
			header, _ := headOf(record)
			return header + "&RS=1&RA=Password error" + lineEnd(record)
		}}
		if err := kind.NewClient(s.dial, "10001", "123456").Login(t.Context()); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("%s: %v", kind.Name, err)
		}
	}
}

// TestEachKindRejectsAnswersThatBreakContract shows that the kinds rely on what the contract says
// they do: an answer that breaks it a little is not understood.
func TestEachKindRejectsAnswersThatBreakContract(t *testing.T) {
	for _, c := range []struct {
		name   string
		breaks func(answer string) string
	}{
		{"by an answer for another account",
			func(a string) string { return strings.Replace(a, "UIN=10001", "UIN=10002", 1) }},
		{"by an answer to another request", func(a string) string { return strings.Replace(a, "&SEQ=", "&SEQ=9", 1) }},
		{"by a list without its last comma", func(a string) string {
			return strings.NewReplacer("10003,\r\n", "10003\r\n", "10003,", "10003").Replace(a)
		}},
		{"by the other form of line end", func(a string) string {
			if line, ok := strings.CutSuffix(a, "\r\n"); ok {
				return line
			}
			return a + "\r\n"
		}},
	} {
		for _, kind := range HTTPKinds() {
			t.Run(kind.Name+" "+c.name, func(t *testing.T) {
				s := &scriptedServer{t: t,
					answer: func(record string) string { return c.breaks(contractAnswer(record)) }}
				client := kind.NewClient(s.dial, "10001", "123456")
				defer client.Close()
				friends, err := client.Friends(t.Context())
				if err == nil && reflect.DeepEqual(friends, []string{"10002", "10003"}) && !accepts(kind, c.name) {
					t.Error("it did not notice")
				}
			})
		}
	}
}

// accepts are the kinds that drop whatever stands behind the last comma.
func accepts(kind ProgramKind, what string) bool {
	elements, err := kind.splitList("10002,\r\n")
	return what == "by the other form of line end" && kind.Version != "1.4" && err == nil && len(elements) == 1
}

func TestClientStopsWhenContextEnds(t *testing.T) {
	for _, kind := range HTTPKinds() {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		silent := func(context.Context) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go io.Copy(io.Discard, theirs)
			t.Cleanup(func() { theirs.Close() })
			return ours, nil
		}
		client := kind.NewClient(silent, "10001", "123456")
		if err := client.Login(ctx); err == nil {
			t.Errorf("%s took silence for an answer", kind.Name)
		}
		client.Close()
		cancel()
	}
}

// pipeListener hears out a request of so many bytes, and hangs up.
type pipeListener struct {
	t     *testing.T
	want  int
	heard chan string
}

func (l *pipeListener) dial(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go l.listen(theirs)
	return ours, nil
}

// listen tells who expects it to go on.
func (l *pipeListener) listen(conn net.Conn) {
	defer conn.Close()
	var got []byte
	buffer := make([]byte, 4096)
	for told := false; len(got) < l.want; {
		n, err := conn.Read(buffer)
		got = append(got, buffer[:n]...)
		if err != nil {
			break
		}
		if !told && bytes.Contains(got, []byte("Expect:")) && bytes.HasSuffix(got, []byte("\r\n\r\n")) {
			io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
			told = true
		}
	}
	l.heard <- string(got)
}

// scriptedServer answers records.
type scriptedServer struct {
	t      *testing.T
	answer func(record string) string
}

func (s *scriptedServer) dial(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	s.t.Cleanup(func() { theirs.Close() })
	go s.serve(theirs)
	return ours, nil
}

// serve reads requests of any of the kinds.
func (s *scriptedServer) serve(conn net.Conn) {
	defer conn.Close()
	br := bufio.NewReader(conn)
	for {
		header, body, err := readRequest(br, conn)
		if err != nil {
			return
		}
		answer := s.answer(body)
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s",
			len(answer), answer)
		if strings.Contains(header, "connection: close") {
			return
		}
	}
}
