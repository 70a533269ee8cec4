package transcript

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// recordingServer is a Server that records calls and returns prepared answers.
type recordingServer struct {
	calls   []string
	answers []string
}

func (r *recordingServer) recordCall(format string, args ...any) error {
	r.calls = append(r.calls, fmt.Sprintf(format, args...))
	return nil
}

func (r *recordingServer) CreateAccount(uin uint32, password string, fields []AccountField) error {
	return r.recordCall("account %d %s %v", uin, password, fields)
}
func (r *recordingServer) ChangeAccount(uin uint32, fields []AccountField) error {
	return r.recordCall("set %d %v", uin, fields)
}
func (r *recordingServer) Befriend(a, b uint32) error { return r.recordCall("befriend %d %d", a, b) }
func (r *recordingServer) SendNotice(to []uint32, text string) error {
	return r.recordCall("notice %v %s", to, text)
}
func (r *recordingServer) RemoveAccount(uin uint32) error { return r.recordCall("remove %d", uin) }
func (r *recordingServer) SetPassword(uin uint32, proof string) error {
	return r.recordCall("passwd %d %s", uin, proof)
}
func (r *recordingServer) Restart(down time.Duration) error { return r.recordCall("restart %s", down) }
func (r *recordingServer) AdvanceClock(span time.Duration) error {
	return r.recordCall("wait %s", span)
}

func (r *recordingServer) Now() time.Time { return time.Unix(1218196800, 0) }

// OpenStream gives a line on which each record gets the next answer, and the server
// hangs up when there is none.
func (r *recordingServer) OpenStream(_ context.Context, from netip.Addr) (Stream, error) {
	return &recordingStream{r}, r.recordCall("line %s", from)
}

type recordingStream struct{ server *recordingServer }

func (l *recordingStream) Send(record []byte) error { return l.server.recordCall("say %s", record) }
func (l *recordingStream) Close() error             { return l.server.recordCall("close") }

func (l *recordingStream) Receive(ctx context.Context) ([]byte, error) {
	came, err := l.ReceivePending(ctx)
	if came == nil {
		err = io.EOF
	}
	return came, err
}

func (l *recordingStream) ReceivePending(context.Context) ([]byte, error) {
	if len(l.server.answers) == 0 {
		return nil, nil
	}
	answer := l.server.answers[0]
	l.server.answers = l.server.answers[1:]
	return []byte(answer), nil
}

func (r *recordingServer) Post(_ context.Context, from netip.Addr, request Request) ([]byte, error) {
	r.recordCall("post %s %s %s", from, request.Charset, request.Record)
	if len(r.answers) == 0 {
		return nil, errors.New("the server has gone")
	}
	answer := r.answers[0]
	r.answers = r.answers[1:]
	return []byte(answer), nil
}

func TestReplayExecutesEveryStep(t *testing.T) {
	script := mustParse(t, `account 10001-10002 nick=P
friends 10001 10002-10003
set 10001 rule=open
notice 10001 "hello"
remove 10003
passwd 10002 s
restart 2s
wait 3s
> A
< B
@cafe
charset gbk
repeat 2
> C
< D
@home
login 10001
> E
< VER=1.4&RES=0
@park
> G
< H
`)
	server := &recordingServer{answers: []string{"B", "D", "D",
		"VER=1.1&CMD=Login&SEQ=&UIN=10001&RES=0&RS=0&HI=60&LI=300", "VER=1.4&RES=0\r\n", "H"}}
	if err := Replay(t.Context(), script, server); err != nil {
		t.Fatal(err)
	}
	wanted := []string{
		"account 10001 123456 [{nick P}]", "account 10002 123456 [{nick P}]",
		"befriend 10001 10002", "befriend 10001 10003",
		"set 10001 [{rule open}]", "notice [10001] hello", "remove 10003", "passwd 10002 s",
		"restart 2s", "wait 3s",
		"post 127.0.0.2 UTF-8 A",
		"post 127.0.0.3 gbk C", "post 127.0.0.3 gbk C",
		"post 127.0.0.2 gbk VER=1.1&CMD=Login&SEQ=&UIN=10001&PS=e10adc3949ba59abbe56e057f20f883e&M5=1&LC=9326B87B234E7235",
		"post 127.0.0.2 gbk E",
		"post 127.0.0.4 gbk G",
	}
	if !reflect.DeepEqual(server.calls, wanted) {
		t.Errorf("it did\n%s", strings.Join(server.calls, "\n"))
	}
}

func TestReplayReportsDifference(t *testing.T) {
	for _, c := range []struct {
		name, src string
		answers   []string
		want      string
	}{
		{
			"another answer", "# c\n> A\n< VER=1.4&RES=0\n", []string{"VER=1.4&RES=20\r\n"},
			"x.txt:2: the answer differs from byte 12 on\n\tsent A\n\twant VER=1.4&RES=0\\r\\n\n\tgot  " +
				"VER=1.4&RES=20\\r\\n\n\tfrom 20\\r\\n",
		},
		{
			"the second of two", "repeat 2\n> A\n< B\n", []string{"B", "C"},
			"x.txt:1: the answer differs from byte 0 on",
		},
		{"no answer", "> A\n< B\n", nil, "x.txt:1: no answer: the server has gone\n\tsent A"},
		{"another record on a line", "%a> A\n%a< B\n", []string{"C"},
			"x.txt:2: the answer differs from byte 0 on\n\twant B\n\tgot  C"},
		{"a line end on a line", "%a> A\n%a< VER=1.4&RES=0\n", []string{"VER=1.4&RES=0\r\n"},
			"x.txt:2: the answer differs from byte 13 on"},
		{"the end of a line where a record is wanted", "%a> A\n%a< B\n", nil,
			"x.txt:2: no record comes: EOF\n\twant B"},
		{"a record where nothing is wanted", "%a> A\n%a< nothing\n", []string{"B"},
			"x.txt:2: nothing should come, but this did: B"},
		{"a record where the end is wanted", "%a> A\n%a< end\n", []string{"B"},
			"x.txt:2: the connection should end, but this came: B"},
		{"a record that nobody heard", "%a> A\n", []string{"B"},
			"x.txt: at the end, on the line a: nothing should come, but this did: B"},
		{"a line that is not open", "%a< B\n", []string{"B"}, "x.txt:1: the line a is not open"},
		{"a line that was closed", "%a> A\n%a close\n%a close\n", nil, "x.txt:3: the line a is not open"},
		{"a line that has ended", "%a> A\n%a< end\n%a< end\n", nil, "x.txt:3: the line a is not open"},
		{"another token", "> A\n< SID={sid:a}\n> {sid:a}\n< SID={sid:a}\n",
			[]string{"SID=rk_" + strings.Repeat("a", 43), "SID=rk_" + strings.Repeat("b", 43)},
			"x.txt:3: the answer differs from byte 7 on"},
		{"no token", "> A\n< SID={sid:a}\n", []string{"SID=rk_tooshort"}, "x.txt:1: the answer differs from byte 4 on"},
		{"bytes on a line without a socket", "%a>> A\n", nil, "x.txt:1: this step needs a world on a socket"},
		{"a step that needs a socket", ">> A\n<< end\n", nil, "x.txt:1: this step needs a world on a socket"},
		{"a setting", "setting a b\n", nil, "x.txt:1: this step needs a world on a socket"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Replay(t.Context(), mustParse(t, c.src), &recordingServer{answers: c.answers})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestReplayStopsWhenContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	server := &recordingServer{answers: []string{"B"}}
	if err := Replay(ctx, mustParse(t, "> A\n< B\n"), server); !errors.Is(err, context.Canceled) ||
		len(server.calls) > 0 {
		t.Errorf("got %v after %q", err, server.calls)
	}
}

// fixedAnswerServer is a SocketServer that reads one request up to the end of its body and always sends the same bytes.
type fixedAnswerServer struct {
	recordingServer
	addr   string
	answer string
	// staysOpen makes the server wait until the client closes the connection.
	staysOpen bool
	requests  chan string
}

func (s *fixedAnswerServer) ApplySetting(name, value string) error {
	return s.recordCall("setting %s %s", name, value)
}

func (s *fixedAnswerServer) Dial(ctx context.Context, from netip.Addr) (net.Conn, error) {
	return DialFrom(ctx, from, s.addr)
}

func (s *fixedAnswerServer) Post(ctx context.Context, from netip.Addr, request Request) ([]byte, error) {
	conn, err := s.Dial(ctx, from)
	if err != nil {
		return nil, err
	}
	return Post(ctx, conn, request)
}

func newFixedAnswerServer(t *testing.T, answer string, stays bool) *fixedAnswerServer {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	server := &fixedAnswerServer{addr: ln.Addr().String(), answer: answer, staysOpen: stays,
		requests: make(chan string, 1)}
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		reader := bufio.NewReader(conn)
		line, _ := reader.ReadString('\n')
		req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader("POST / HTTP/1.1\r\n"), reader)))
		if err != nil {
			return
		}
		body, _ := io.ReadAll(req.Body)
		server.requests <- fmt.Sprintf("%s %s %s %s", conn.RemoteAddr().(*net.TCPAddr).IP, strings.TrimSpace(line),
			req.Header["Content-Type"], body)
		io.WriteString(conn, answer)
		if stays {
			io.Copy(io.Discard, conn)
		}
	}()
	return server
}

const ok = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n"

func TestPostSendsDocumentedRequest(t *testing.T) {
	server := newFixedAnswerServer(t, ok+"Content-Length: 4\r\n\r\nNULL", false)
	if err := Replay(t.Context(), mustParse(t, "@cafe\ncharset gbk\n> A=1\n< NULL\n"), server); err != nil {
		t.Fatal(err)
	}
	if received, wanted := <-server.requests,
		"127.0.0.3 POST HTTP/1.1 [text/plain; charset=gbk] A=1"; received != wanted {
		t.Errorf("sent %s, want %s", received, wanted)
	}
}

func TestPostChecksAnswerHeader(t *testing.T) {
	for _, c := range []struct{ name, answer, want string }{
		{"another status",
			"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: 4\r\n\r\nNULL",
			"status 400, want 200"},
		{"another type", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nNULL",
			`Content-Type is "text/html"`},
		{"no length", ok + "Connection: close\r\n\r\nNULL", `Content-Length is "", want "4"`},
		{"more than the answer", ok + "Content-Length: 4\r\n\r\nNULL!", "after the last answer there is more: !"},
		{"less than the answer", ok + "Content-Length: 4\r\n\r\nNUL", "unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Replay(t.Context(), mustParse(t, "> A=1\n< NULL\n"), newFixedAnswerServer(t, c.answer, false))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestPostStopsWhenContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := newFixedAnswerServer(t, "", true)
	go func() {
		<-server.requests
		cancel()
	}()
	if err := Replay(ctx, mustParse(t, "> A=1\n< NULL\n"), server); err == nil {
		t.Error("an answer that never came was taken for one")
	}
}

func TestConnection(t *testing.T) {
	const request = `>> POST / HTTP/1.1\r\n
>> Content-Length: 3\r\n
>> \r\n
>> A=1
`
	const answer = ok + "Content-Length: 4\r\n\r\nNULL"
	for _, c := range []struct {
		name, want, answer string
		stays              bool
		err                string // empty: it is as the script says
	}{
		{"a record fits", "<< 200 NULL\n", answer, true, ""},
		{"another record does not", "<< 200 VER=1.1\n", answer, true,
			"x.txt:1: answer 1: the answer differs from byte 0 on"},
		{"a status alone fits", "<< 405\n", "HTTP/1.1 405 No\r\nContent-Length: 2\r\n\r\nNo", true, ""},
		{"another status does not", "<< 400\n", answer, true, "x.txt:1: answer 1: status 200, want 400"},
		{"go on and an answer", "<< 100\n<< 200 NULL\n", "HTTP/1.1 100 Continue\r\n\r\n" + answer, true, ""},
		{"two answers in order", "<< 200 NULL\n<< 200 NULL\n", answer + answer, true, ""},
		{"one answer too many", "<< 200 NULL\n", answer + answer, true, "x.txt:1: after the last answer there is more"},
		{"one answer too few", "<< 200 NULL\n<< 200 NULL\n", answer, false, "x.txt:1: answer 2: unexpected EOF"},
		{"an end without an answer", "<< end\n", "", false, ""},
		{"an answer and the end", "<< 200 NULL\n<< end\n", answer, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Replay(t.Context(), mustParse(t, request+c.want), newFixedAnswerServer(t, c.answer, c.stays))
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err)) {
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}

func TestMissingEndOfConnectionIsAnError(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	server := newFixedAnswerServer(t, ok+"Content-Length: 4\r\n\r\nNULL", true)
	script := mustParse(t,
		">> POST / HTTP/1.1\\r\\n\n>> Content-Length: 1\\r\\n\n>> \\r\\n\n>> A\n<< 200 NULL\n<< end\n")
	if err := Replay(ctx, script, server); err == nil {
		t.Error("a connection that stays open was taken for one that ends")
	}
}

// pipeServer is a SocketServer at the other end of a pipe.
type pipeServer struct {
	fixedAnswerServer
	serve func(net.Conn)
}

func (p *pipeServer) Dial(context.Context, netip.Addr) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go p.serve(theirs)
	return ours, nil
}

func TestLaterBytesWaitForAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writer := &pipeServer{serve: func(conn net.Conn) {
			defer conn.Close()
			buffer := make([]byte, 100)
			n, err := conn.Read(buffer)
			if string(buffer[:n]) != "HEAD" {
				t.Errorf("at first came %q, %v", buffer[:n], err)
			}
			conn.SetReadDeadline(time.Now().Add(time.Hour))
			if n, err := conn.Read(buffer); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("before the answer came %q, %v", buffer[:n], err)
			}
			conn.SetReadDeadline(time.Time{})
			io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
			n, err = conn.Read(buffer)
			if string(buffer[:n]) != "BODY" {
				t.Errorf("then came %q, %v", buffer[:n], err)
			}
			io.WriteString(conn, ok+"Content-Length: 4\r\n\r\nNULL")
		}}
		if err := Replay(t.Context(), mustParse(t, ">> HEAD\n<< 100\n>> BODY\n<< 200 NULL\n<< end\n"),
			writer); err != nil {
			t.Error(err)
		}
	})
}

func TestSettingReachesServer(t *testing.T) {
	server := new(fixedAnswerServer)
	if err := Replay(t.Context(), mustParse(t, "setting trusted-proxy 127.0.0.0/8\n"), server); err != nil {
		t.Fatal(err)
	}
	if wanted := []string{"setting trusted-proxy 127.0.0.0/8"}; !reflect.DeepEqual(server.calls, wanted) {
		t.Errorf("it did %q", server.calls)
	}
}

func TestNeedsHTTP(t *testing.T) {
	for src, wanted := range map[string]bool{
		"> A\n< B\n":     false,
		">> A\n<< 400\n": true,
		"setting a b\n":  true,
		"%a> A\n":        false,
		"%a>> A\n":       true,
	} {
		if received := mustParse(t, src).NeedsSocket(); received != wanted {
			t.Errorf("%q: NeedsHTTP is %t", src, received)
		}
	}
}

func TestExchangesReturnsStepsWithRecord(t *testing.T) {
	var received []string
	for step, exchange := range mustParse(t, "> A\n< B\nwait 1s\n>> X\n<< 400\nrepeat 2\n> C\n< D\n").Exchanges() {
		received = append(received, fmt.Sprintf("%d %s %s", step.Line, exchange.Request, exchange.Answer))
	}
	if wanted := []string{"1 A B", "6 C D"}; !reflect.DeepEqual(received, wanted) {
		t.Errorf("got %q", received)
	}
}

func mustParse(t *testing.T, src string) *Script {
	t.Helper()
	script, err := Parse("x.txt", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return script
}
