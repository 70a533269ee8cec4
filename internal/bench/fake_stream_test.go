package bench

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/rookery-im/rookery"
)

// chanListener is a listener whose connections somebody else has accepted.
type chanListener struct {
	addr  net.Addr
	conns chan net.Conn
}

func (q *chanListener) Accept() (net.Conn, error) { return <-q.conns, nil }
func (q *chanListener) Addr() net.Addr            { return q.addr }
func (q *chanListener) Close() error              { return nil }

// peekedConn is a connection of which some bytes were looked at.
type peekedConn struct {
	net.Conn
	in *bufio.Reader
}

func (p peekedConn) Read(data []byte) (int, error) { return p.in.Read(data) }

// accept serves lines, and hands the others to the queue of requests, until the
// listener is closed.
func (m *fakeServer) accept(listener net.Listener, requests *chanListener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			in := bufio.NewReader(conn)
			if first, _ := in.Peek(1); string(first) == "P" {
				requests.conns <- peekedConn{conn, in}
				return
			}
			m.serveLine(conn, in)
		}()
	}
}

// serveLine answers lines, and pushes to whoever is logged in on one.
func (m *fakeServer) serveLine(conn net.Conn, in *bufio.Reader) {
	defer conn.Close()
	for {
		record, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if strings.HasPrefix(record, "VER=1.4&CMD=Server_Msg&") {
			continue
		}
		m.mu.Lock()
		answer, uin := m.handle(strings.TrimSuffix(record, "\n"))
		io.WriteString(conn, answer+"\r\n")
		if strings.Contains(record, "&CMD=Login&") {
			m.lines[uin] = conn
		}
		m.mu.Unlock()
	}
}

// push pushes an entry, if this server does as it should.
func (m *fakeServer) push(receiver rookery.UIN, entry rookery.Entry) {
	conn := m.lines[receiver]
	if conn == nil {
		return
	}
	number, times, text := entry.Number, 1, entry.Text
	if messageNumber(entry.Text) == 2 {
		switch os.Getenv(faultVariable) {
		case "keeps back":
			times = 0
		case "pushes twice":
			times = 2
		case "pushes another":
			text = strings.Replace(text, "2", "3", 1)
		case "counts down":
			number = 0
		}
	}
	for range times {
		fmt.Fprintf(conn, "VER=1.4&CMD=Server_Msg&SEQ=%d&UIN=%d&RES=0&MN=1&MT=%d&UN=%d&MG=%s\r\n", number, receiver,
			entry.Kind, entry.Peer, text)
	}
}
