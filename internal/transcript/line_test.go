package transcript

import (
	"bufio"
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
)

func TestLinesAreOpenedByTheirFirstRecord(t *testing.T) {
	d := &diary{answers: []string{"B", "C"}}
	err := Replay(t.Context(), mustParse(t, "%a> A\n%a< B\n@cafe\n%b> A\n%a> A\n%a< C\n%a close\n%a> A\nrestart\n%b> A\n"), d)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"line 127.0.0.2", "say A", "line 127.0.0.3", "say A", "say A", "close",
		"line 127.0.0.3", "say A", // a closed one is opened anew, by who speaks now
		"restart 0s", "close", "close", // it has ended them all
		"line 127.0.0.3", "say A", "close",
	}
	if !reflect.DeepEqual(d.entries, want) {
		t.Errorf("it did\n%s", strings.Join(d.entries, "\n"))
	}
}

func TestVariablesStandForWhatWasNotKnown(t *testing.T) {
	token := "rk_" + strings.Repeat("Az09-_", 7) + "x"
	d := &diary{answers: []string{"SID=" + token + "&TM=1218196800,1218196795,", token, token}}
	script := mustParse(t, `> {sid:a} {now} {now-x} {sid:}
< SID={sid:a}&TM={now},{now-5},
%a> SID={sid:a}&UIN=1
%a< {sid:a}
> {sid:a}{sid:b}
< {sid:a}
`)
	if err := Replay(t.Context(), script, d); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"post 127.0.0.2 UTF-8 {sid:a} 1218196800 {now-x} {sid:}",
		"line 127.0.0.2", "say SID=" + token + "&UIN=1",
		"post 127.0.0.2 UTF-8 " + token + "{sid:b}",
		"close",
	}
	if !reflect.DeepEqual(d.entries, want) {
		t.Errorf("it did\n%s", strings.Join(d.entries, "\n"))
	}
}

// atOtherEnd gives a line, and serves its other end.
func atOtherEnd(t *testing.T, serve func(conn net.Conn, br *bufio.Reader)) RawLine {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err == nil {
			defer conn.Close()
			serve(conn, bufio.NewReader(conn))
		}
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l := SocketLine(conn)
	t.Cleanup(func() { l.Close() })
	return l
}

func TestASocketLineSendsAndReceivesLines(t *testing.T) {
	l := atOtherEnd(t, func(conn net.Conn, br *bufio.Reader) {
		first, _ := br.ReadString('\n')
		second, _ := br.ReadString('\n')
		io.WriteString(conn, strings.TrimSpace(first)+"\r\n"+strings.TrimSpace(second)+"\r\n")
		io.WriteString(conn, "half")
	})
	if err := errors.Join(l.Send([]byte("A")), l.SendBytes([]byte("B\n"))); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A", "B"} {
		if got, err := l.Receive(t.Context()); string(got) != want || err != nil {
			t.Errorf("received %q, %v; want %q", got, err, want)
		}
	}
	if got, err := l.Receive(t.Context()); err == nil || !strings.Contains(err.Error(), "after half") {
		t.Errorf("half a line is received as %q, %v", got, err)
	}
}

func TestALineThatEndsInLFAloneIsNone(t *testing.T) {
	l := atOtherEnd(t, func(conn net.Conn, _ *bufio.Reader) { io.WriteString(conn, "A\n") })
	if got, err := l.Receive(t.Context()); err == nil || !strings.Contains(err.Error(), "CR LF") {
		t.Errorf("received %q, %v", got, err)
	}
}

func TestWhatWaitsOnASocketLineComesBeforeTheAnswerToAProbe(t *testing.T) {
	l := atOtherEnd(t, func(conn net.Conn, br *bufio.Reader) {
		br.ReadString('\n')
		io.WriteString(conn, "NULL\r\n")
		br.ReadString('\n')
		io.WriteString(conn, "A\r\nNULL\r\n")
		br.ReadString('\n')
	})
	if got, err := l.Waiting(t.Context()); got != nil || err != nil {
		t.Errorf("of nothing waits %q, %v", got, err)
	}
	if got, err := l.Waiting(t.Context()); string(got) != "A" || err != nil {
		t.Errorf("waiting is %q, %v", got, err)
	}
}

func TestClosingASocketLineWaitsForTheServer(t *testing.T) {
	var noticed atomic.Bool
	l := atOtherEnd(t, func(_ net.Conn, br *bufio.Reader) {
		io.Copy(io.Discard, br)
		noticed.Store(true)
	})
	if err := l.Close(); err != nil || !noticed.Load() {
		t.Errorf("closed with %v, the server has noticed: %t", err, noticed.Load())
	}
}

func TestAnEndedLineIsAtItsEnd(t *testing.T) {
	l := atOtherEnd(t, func(net.Conn, *bufio.Reader) {})
	if _, err := l.Receive(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("received with %v", err)
	}
}
