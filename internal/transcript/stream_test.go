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

func TestFirstRecordOpensLine(t *testing.T) {
	server := &recordingServer{answers: []string{"B", "C"}}
	err := Replay(t.Context(),
		mustParse(t, "%a> A\n%a< B\n@cafe\n%b> A\n%a> A\n%a< C\n%a close\n%a> A\nrestart\n%b> A\n"), server)
	if err != nil {
		t.Fatal(err)
	}
	wanted := []string{
		"line 127.0.0.2", "say A", "line 127.0.0.3", "say A", "say A", "close",
		"line 127.0.0.3", "say A", // a closed one is opened anew, by who speaks now
		"restart 0s", "close", "close", // it has ended them all
		"line 127.0.0.3", "say A", "close",
	}
	if !reflect.DeepEqual(server.calls, wanted) {
		t.Errorf("it did\n%s", strings.Join(server.calls, "\n"))
	}
}

func TestVariablesCaptureUnknownValues(t *testing.T) {
	token := "rk_" + strings.Repeat("Az09-_", 7) + "x"
	server := &recordingServer{answers: []string{"SID=" + token + "&TM=1218196800,1218196795,", token, token}}
	script := mustParse(t, `> {sid:a} {now} {now-x} {sid:}
< SID={sid:a}&TM={now},{now-5},
%a> SID={sid:a}&UIN=1
%a< {sid:a}
> {sid:a}{sid:b}
< {sid:a}
`)
	if err := Replay(t.Context(), script, server); err != nil {
		t.Fatal(err)
	}
	wanted := []string{
		"post 127.0.0.2 UTF-8 {sid:a} 1218196800 {now-x} {sid:}",
		"line 127.0.0.2", "say SID=" + token + "&UIN=1",
		"post 127.0.0.2 UTF-8 " + token + "{sid:b}",
		"close",
	}
	if !reflect.DeepEqual(server.calls, wanted) {
		t.Errorf("it did\n%s", strings.Join(server.calls, "\n"))
	}
}

// atOtherEnd gives a line, and serves its other end.
func atOtherEnd(t *testing.T, serve func(conn net.Conn, reader *bufio.Reader)) ByteStream {
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
	l := NewSocketStream(conn)
	t.Cleanup(func() { l.Close() })
	return l
}

func TestSocketLineSendsAndReceives(t *testing.T) {
	l := atOtherEnd(t, func(conn net.Conn, reader *bufio.Reader) {
		first, _ := reader.ReadString('\n')
		second, _ := reader.ReadString('\n')
		io.WriteString(conn, strings.TrimSpace(first)+"\r\n"+strings.TrimSpace(second)+"\r\n")
		io.WriteString(conn, "half")
	})
	if err := errors.Join(l.Send([]byte("A")), l.SendBytes([]byte("B\n"))); err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{"A", "B"} {
		if received, err := l.Receive(t.Context()); string(received) != wanted || err != nil {
			t.Errorf("received %q, %v; want %q", received, err, wanted)
		}
	}
	if received, err := l.Receive(t.Context()); err == nil || !strings.Contains(err.Error(), "after half") {
		t.Errorf("half a line is received as %q, %v", received, err)
	}
}

func TestLineWithoutCRIsAnError(t *testing.T) {
	l := atOtherEnd(t, func(conn net.Conn, _ *bufio.Reader) { io.WriteString(conn, "A\n") })
	if received, err := l.Receive(t.Context()); err == nil || !strings.Contains(err.Error(), "CR LF") {
		t.Errorf("received %q, %v", received, err)
	}
}

func TestReceivePendingReturnsRecordsBeforeProbeAnswer(t *testing.T) {
	l := atOtherEnd(t, func(conn net.Conn, reader *bufio.Reader) {
		reader.ReadString('\n')
		io.WriteString(conn, "NULL\r\n")
		reader.ReadString('\n')
		io.WriteString(conn, "A\r\nNULL\r\n")
		reader.ReadString('\n')
	})
	if received, err := l.ReceivePending(t.Context()); received != nil || err != nil {
		t.Errorf("of nothing waits %q, %v", received, err)
	}
	if received, err := l.ReceivePending(t.Context()); string(received) != "A" || err != nil {
		t.Errorf("waiting is %q, %v", received, err)
	}
}

func TestCloseWaitsForServer(t *testing.T) {
	var noticed atomic.Bool
	l := atOtherEnd(t, func(_ net.Conn, reader *bufio.Reader) {
		io.Copy(io.Discard, reader)
		noticed.Store(true)
	})
	if err := l.Close(); err != nil || !noticed.Load() {
		t.Errorf("closed with %v, the server has noticed: %t", err, noticed.Load())
	}
}

func TestEndedLineReturnsEOF(t *testing.T) {
	l := atOtherEnd(t, func(net.Conn, *bufio.Reader) {})
	if _, err := l.Receive(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("received with %v", err)
	}
}
