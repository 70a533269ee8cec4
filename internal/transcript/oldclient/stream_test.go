package oldclient

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
)

// sentOnLine is what each kind writes for its first request, Send, to the byte.
var wantStreamBytes = map[string]string{
	"C#, version 1.4, BinaryWriter on a line": "\x3dVER=1.1&CON=1&" +
		"CMD=CLTMSG&SEQ=1&UIN=10001&UN=10002&MG=\xe4\xbd\xa0 & 1\n",
	"Delphi, version 1.4, TIdTCPClient on a line": "VER=1.4&CON=1&" +
		"CMD=CLTMSG&SEQ=1000&UIN=10001&UN=10002&MG=\xc4\xe3 & 1\r\n",
}

func TestEachLineKindSendsItsLibraryBytes(t *testing.T) {
	for _, kind := range StreamKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			want := wantStreamBytes[kind.Name]
			s := &pipeListener{t: t, want: len(want), heard: make(chan string, 1)}
			client := kind.NewClient(s.dial, "10001", "123456")
			defer client.Close()
			client.Send(t.Context(), "10002", "你 & 1")
			if got := <-s.heard; got != want {
				t.Errorf("sent\n\t%q, want\n\t%q", got, want)
			}
		})
	}
}

func TestLongStringHasLongPrefix(t *testing.T) {
	if got := lengthPrefixed(strings.Repeat("a", 1279)); got[:2] != "\x80\x0a" {
		t.Errorf("1280 bytes begin with %q", got[:2])
	}
}

// streamServer answers each line with what comes, each piece in a write of its own. A
// pipe keeps writes apart.
type streamServer struct {
	t      *testing.T
	answer func(record string) []string
}

func (s *streamServer) dial(context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	s.t.Cleanup(func() { theirs.Close() })
	go func() {
		defer theirs.Close()
		br := bufio.NewReader(theirs)
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			line = strings.TrimRight(line[strings.Index(line, "VER="):], "\r\n")
			for _, piece := range s.answer(line) {
				io.WriteString(theirs, piece)
			}
		}
	}()
	return ours, nil
}

const (
	pushedMessage = "VER=1.4&CMD=Server_Msg&SEQ=7&UIN=10001&RES=0&MN=1&MT=9&UN=10003&MG=100%25%2c or%0Dless\r\n"
	pushedStatus  = "VER=1.4&CMD=update_stat&SEQ=1&UIN=10001&RES=0&ST=60&UN=10002\r\n"
)

// TestEachLineKindUnderstandsTheContract pushes before the answer to each
// request, and behind it.
func TestEachLineKindUnderstandsTheContract(t *testing.T) {
	for _, kind := range StreamKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			s := &streamServer{t: t, answer: func(record string) []string {
				answer := strings.TrimSuffix(contractAnswer(record), "\r\n") + "\r\n"
				if strings.Contains(record, "CMD=List&") {
					return []string{pushedMessage, answer, pushedStatus}
				}
				return []string{answer}
			}}
			client := kind.NewClient(s.dial, "10001", "123456")
			defer client.Close()
			if err := client.Login(t.Context()); err != nil {
				t.Error(err)
			}
			friends, err := client.Friends(t.Context())
			if want := []string{"10002", "10003"}; err != nil || !reflect.DeepEqual(friends, want) {
				t.Errorf("friends %q, %v; want %q", friends, err, want)
			}
			for _, want := range []Message{{"9", "10003", "100%, or\nless"}, {"99", "10002", "60"}} {
				if got, err := client.Receive(t.Context()); err != nil || !reflect.DeepEqual(got, []Message{want}) {
					t.Errorf("received %q, %v; want %q", got, err, want)
				}
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

// TestEachLineKindRejectsAnswersThatBreakContract shows that the kinds rely on the order of pairs,
// and on one read for one record.
func TestEachLineKindRejectsAnswersThatBreakContract(t *testing.T) {
	for _, c := range []struct{ name, push string }{
		{"by two records in one read", pushedMessage + pushedStatus},
		{"by half a record", pushedMessage[:20]},
		{"by a push without a line end", strings.TrimSpace(pushedMessage)},
		{"by numbers before MT", strings.Replace(pushedMessage, "&MT=", "&ID=7&TM=1&MT=", 1)},
		{"by another order", strings.Replace(pushedStatus, "ST=60&UN=10002", "UN=10002&ST=60", 1)},
	} {
		for _, kind := range StreamKinds() {
			t.Run(kind.Name+" "+c.name, func(t *testing.T) {
				s := &streamServer{t: t,
					answer: func(record string) []string { return []string{contractAnswer(record), c.push} }}
				client := kind.NewClient(s.dial, "10001", "123456")
				defer client.Close()
				if err := client.Login(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got, err := client.Receive(t.Context()); err == nil {
					t.Errorf("it did not notice: %q", got)
				}
			})
		}
	}
}

func TestLineKindReportsWrongPassword(t *testing.T) {
	for _, kind := range StreamKinds() {
		s := &streamServer{t: t, answer: func(record string) []string {
			header, _ := headOf(record)
			return []string{header + "&RS=1&RA=Password error\r\n"}
		}}
		if err := kind.NewClient(s.dial, "10001", "123456").Login(t.Context()); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("%s: %v", kind.Name, err)
		}
	}
}
