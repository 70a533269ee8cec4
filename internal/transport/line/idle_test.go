package line

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
)

// silentHandler answers nothing.
type silentHandler struct{}

func (silentHandler) NewStream(transport.PushConn) transport.RecordStream { return silentHandler{} }
func (silentHandler) Close()                                              {}
func (silentHandler) AnswerRecords(context.Context, *transport.Peer, [][]byte, func([]byte) error) {
}

// scriptedConn is a connection with a fixed input.
type scriptedConn struct {
	net.Conn // nil: no other methods are called
	reader   *strings.Reader
}

func (s scriptedConn) Read(p []byte) (int, error)      { return s.reader.Read(p) }
func (s scriptedConn) SetReadDeadline(time.Time) error { return nil }

func TestIdleLineReleasesBuffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		protocol := New(Config{Handler: silentHandler{}})
		text := strings.NewReader(strings.Repeat("VER=1.4&CMD=List\r\n", 1000))
		conn := newLineConn(protocol, &transport.Conn{Conn: scriptedConn{reader: text}})
		for text.Len() > 0 || conn.hasPartialLine() {
			if conn.scanLine() == scanRecord {
				conn.answerRecords(t.Context())
			} else if err := conn.readMore(conn.transportConn); err != nil {
				t.Fatal(err)
			}
		}
		if conn.setReadDeadline(); len(conn.input) == idleBufferBytes {
			t.Error("more that comes soon is read into the idle buffer")
		}
		<-time.After(2 * bufferKeepTime)
		if conn.setReadDeadline(); conn.borrowed != nil || len(conn.input) != idleBufferBytes {
			t.Error("it kept what it had borrowed")
		}
	})
}
