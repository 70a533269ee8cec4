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

// diary is a world that writes down what happens and answers with what it is
// given.
type diary struct {
	entries []string
	answers []string
}

func (d *diary) note(format string, args ...any) error {
	d.entries = append(d.entries, fmt.Sprintf(format, args...))
	return nil
}

func (d *diary) Account(uin uint32, password string, fields []Field) error {
	return d.note("account %d %s %v", uin, password, fields)
}
func (d *diary) Set(uin uint32, fields []Field) error  { return d.note("set %d %v", uin, fields) }
func (d *diary) Befriend(a, b uint32) error            { return d.note("befriend %d %d", a, b) }
func (d *diary) Notice(to []uint32, text string) error { return d.note("notice %v %s", to, text) }
func (d *diary) Remove(uin uint32) error               { return d.note("remove %d", uin) }
func (d *diary) SetPassword(uin uint32, proof string) error {
	return d.note("passwd %d %s", uin, proof)
}
func (d *diary) Restart(down time.Duration) error { return d.note("restart %s", down) }
func (d *diary) Wait(span time.Duration) error    { return d.note("wait %s", span) }

func (d *diary) Now() time.Time { return time.Unix(1218196800, 0) }

// Line gives a line on which each record gets the next answer, and the server
// hangs up when there is none.
func (d *diary) Line(_ context.Context, from netip.Addr) (Line, error) {
	return &diaryLine{d}, d.note("line %s", from)
}

type diaryLine struct{ d *diary }

func (l *diaryLine) Send(record []byte) error { return l.d.note("say %s", record) }
func (l *diaryLine) Close() error             { return l.d.note("close") }

func (l *diaryLine) Receive(ctx context.Context) ([]byte, error) {
	came, err := l.Waiting(ctx)
	if came == nil {
		err = io.EOF
	}
	return came, err
}

func (l *diaryLine) Waiting(context.Context) ([]byte, error) {
	if len(l.d.answers) == 0 {
		return nil, nil
	}
	answer := l.d.answers[0]
	l.d.answers = l.d.answers[1:]
	return []byte(answer), nil
}

func (d *diary) Post(_ context.Context, from netip.Addr, request Request) ([]byte, error) {
	d.note("post %s %s %s", from, request.Charset, request.Record)
	if len(d.answers) == 0 {
		return nil, errors.New("the server has gone")
	}
	answer := d.answers[0]
	d.answers = d.answers[1:]
	return []byte(answer), nil
}

func TestReplayDoesWhatTheScriptSays(t *testing.T) {
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
	d := &diary{answers: []string{"B", "D", "D", "VER=1.1&CMD=Login&SEQ=&UIN=10001&RES=0&RS=0&HI=60&LI=300", "VER=1.4&RES=0\r\n", "H"}}
	if err := Replay(t.Context(), script, d); err != nil {
		t.Fatal(err)
	}
	want := []string{
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
	if !reflect.DeepEqual(d.entries, want) {
		t.Errorf("it did\n%s", strings.Join(d.entries, "\n"))
	}
}

func TestReplayTellsWhatDiffers(t *testing.T) {
	for _, c := range []struct {
		name, src string
		answers   []string
		want      string
	}{
		{
			"another answer", "# c\n> A\n< VER=1.4&RES=0\n", []string{"VER=1.4&RES=20\r\n"},
			"x.txt:2: the answer differs from byte 12 on\n\tsent A\n\twant VER=1.4&RES=0\\r\\n\n\tgot  VER=1.4&RES=20\\r\\n\n\tfrom 20\\r\\n",
		},
		{
			"the second of two", "repeat 2\n> A\n< B\n", []string{"B", "C"},
			"x.txt:1: the answer differs from byte 0 on",
		},
		{"no answer", "> A\n< B\n", nil, "x.txt:1: no answer: the server has gone\n\tsent A"},
		{"another record on a line", "%a> A\n%a< B\n", []string{"C"}, "x.txt:2: the answer differs from byte 0 on\n\twant B\n\tgot  C"},
		{"a line end on a line", "%a> A\n%a< VER=1.4&RES=0\n", []string{"VER=1.4&RES=0\r\n"}, "x.txt:2: the answer differs from byte 13 on"},
		{"the end of a line where a record is wanted", "%a> A\n%a< B\n", nil, "x.txt:2: no record comes: EOF\n\twant B"},
		{"a record where nothing is wanted", "%a> A\n%a< nothing\n", []string{"B"}, "x.txt:2: nothing should come, but this did: B"},
		{"a record where the end is wanted", "%a> A\n%a< end\n", []string{"B"}, "x.txt:2: the connection should end, but this came: B"},
		{"a record that nobody heard", "%a> A\n", []string{"B"}, "x.txt: at the end, on the line a: nothing should come, but this did: B"},
		{"a line that is not open", "%a< B\n", []string{"B"}, "x.txt:1: the line a is not open"},
		{"a line that was closed", "%a> A\n%a close\n%a close\n", nil, "x.txt:3: the line a is not open"},
		{"a line that has ended", "%a> A\n%a< end\n%a< end\n", nil, "x.txt:3: the line a is not open"},
		{"another token", "> A\n< SID={sid:a}\n> {sid:a}\n< SID={sid:a}\n", []string{"SID=rk_" + strings.Repeat("a", 43), "SID=rk_" + strings.Repeat("b", 43)}, "x.txt:3: the answer differs from byte 7 on"},
		{"no token", "> A\n< SID={sid:a}\n", []string{"SID=rk_tooshort"}, "x.txt:1: the answer differs from byte 4 on"},
		{"bytes on a line without a socket", "%a>> A\n", nil, "x.txt:1: this step needs a world on a socket"},
		{"a step that needs a socket", ">> A\n<< end\n", nil, "x.txt:1: this step needs a world on a socket"},
		{"a setting", "setting a b\n", nil, "x.txt:1: this step needs a world on a socket"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Replay(t.Context(), mustParse(t, c.src), &diary{answers: c.answers})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestReplayEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &diary{answers: []string{"B"}}
	if err := Replay(ctx, mustParse(t, "> A\n< B\n"), d); !errors.Is(err, context.Canceled) || len(d.entries) > 0 {
		t.Errorf("got %v after %q", err, d.entries)
	}
}

// socket is a world whose server reads all that it is sent up to a body's end
// and answers with the same bytes always.
type socket struct {
	diary
	addr   string
	answer string
	// stays: the server waits for the client to close.
	stays bool
	got   chan string
}

func (s *socket) Setting(name, value string) error { return s.note("setting %s %s", name, value) }

func (s *socket) Dial(ctx context.Context, from netip.Addr) (net.Conn, error) {
	return DialFrom(ctx, from, s.addr)
}

func (s *socket) Post(ctx context.Context, from netip.Addr, request Request) ([]byte, error) {
	conn, err := s.Dial(ctx, from)
	if err != nil {
		return nil, err
	}
	return Post(ctx, conn, request)
}

func newSocket(t *testing.T, answer string, stays bool) *socket {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	s := &socket{addr: ln.Addr().String(), answer: answer, stays: stays, got: make(chan string, 1)}
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		br := bufio.NewReader(conn)
		line, _ := br.ReadString('\n')
		req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader("POST / HTTP/1.1\r\n"), br)))
		if err != nil {
			return
		}
		body, _ := io.ReadAll(req.Body)
		s.got <- fmt.Sprintf("%s %s %s %s", conn.RemoteAddr().(*net.TCPAddr).IP, strings.TrimSpace(line), req.Header["Content-Type"], body)
		io.WriteString(conn, answer)
		if stays {
			io.Copy(io.Discard, conn)
		}
	}()
	return s
}

const ok = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n"

func TestPostSendsTheRequestOfTheArticle(t *testing.T) {
	s := newSocket(t, ok+"Content-Length: 4\r\n\r\nNULL", false)
	if err := Replay(t.Context(), mustParse(t, "@cafe\ncharset gbk\n> A=1\n< NULL\n"), s); err != nil {
		t.Fatal(err)
	}
	if got, want := <-s.got, "127.0.0.3 POST HTTP/1.1 [text/plain; charset=gbk] A=1"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

func TestPostWantsAnAnswerOfTheContract(t *testing.T) {
	for _, c := range []struct{ name, answer, want string }{
		{"another status", "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: 4\r\n\r\nNULL", "status 400, want 200"},
		{"another type", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\nNULL", `Content-Type is "text/html"`},
		{"no length", ok + "Connection: close\r\n\r\nNULL", `Content-Length is "", want "4"`},
		{"more than the answer", ok + "Content-Length: 4\r\n\r\nNULL!", "after the last answer there is more: !"},
		{"less than the answer", ok + "Content-Length: 4\r\n\r\nNUL", "unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Replay(t.Context(), mustParse(t, "> A=1\n< NULL\n"), newSocket(t, c.answer, false))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestPostIsGivenUpWhenItsContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newSocket(t, "", true)
	go func() {
		<-s.got
		cancel()
	}()
	if err := Replay(ctx, mustParse(t, "> A=1\n< NULL\n"), s); err == nil {
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
		{"another record does not", "<< 200 VER=1.1\n", answer, true, "x.txt:1: answer 1: the answer differs from byte 0 on"},
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
			err := Replay(t.Context(), mustParse(t, request+c.want), newSocket(t, c.answer, c.stays))
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err)) {
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}

func TestAConnectionThatIsToEndMustEnd(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	s := newSocket(t, ok+"Content-Length: 4\r\n\r\nNULL", true)
	script := mustParse(t, ">> POST / HTTP/1.1\\r\\n\n>> Content-Length: 1\\r\\n\n>> \\r\\n\n>> A\n<< 200 NULL\n<< end\n")
	if err := Replay(ctx, script, s); err == nil {
		t.Error("a connection that stays open was taken for one that ends")
	}
}

// pipe is a world whose server is at the other end of a pipe.
type pipe struct {
	socket
	serve func(net.Conn)
}

func (p *pipe) Dial(context.Context, netip.Addr) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go p.serve(theirs)
	return ours, nil
}

func TestWhatIsSentAfterAnAnswerWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &pipe{serve: func(conn net.Conn) {
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
		if err := Replay(t.Context(), mustParse(t, ">> HEAD\n<< 100\n>> BODY\n<< 200 NULL\n<< end\n"), w); err != nil {
			t.Error(err)
		}
	})
}

func TestASettingReachesTheServer(t *testing.T) {
	s := new(socket)
	if err := Replay(t.Context(), mustParse(t, "setting trusted-proxy 127.0.0.0/8\n"), s); err != nil {
		t.Fatal(err)
	}
	if want := []string{"setting trusted-proxy 127.0.0.0/8"}; !reflect.DeepEqual(s.entries, want) {
		t.Errorf("it did %q", s.entries)
	}
}

func TestAScriptSaysWhatItNeeds(t *testing.T) {
	for src, want := range map[string]bool{
		"> A\n< B\n":     false,
		">> A\n<< 400\n": true,
		"setting a b\n":  true,
		"%a> A\n":        false,
		"%a>> A\n":       true,
	} {
		if got := mustParse(t, src).NeedsHTTP(); got != want {
			t.Errorf("%q: NeedsHTTP is %t", src, got)
		}
	}
}

func TestExchangesAreThoseWithARecord(t *testing.T) {
	var got []string
	for step, exchange := range mustParse(t, "> A\n< B\nwait 1s\n>> X\n<< 400\nrepeat 2\n> C\n< D\n").Exchanges() {
		got = append(got, fmt.Sprintf("%d %s %s", step.Line, exchange.Request, exchange.Answer))
	}
	if want := []string{"1 A B", "6 C D"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
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
