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

// silent is a host that answers nothing.
type silent struct{}

func (silent) Converse(transport.PushConn) transport.RecordStream { return silent{} }
func (silent) End()                                               {}
func (silent) Answer(context.Context, *transport.Peer, [][]byte, func([]byte) error) {
}

// script is a connection on which a text arrives.
type script struct {
	net.Conn // nil: nothing else is called
	text     *strings.Reader
}

func (s script) Read(p []byte) (int, error)      { return s.text.Read(p) }
func (s script) SetReadDeadline(time.Time) error { return nil }

func TestAConnectionGivesBackWhatItBorrowedWhenItIdles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		protocol := New(Config{Host: silent{}})
		text := strings.NewReader(strings.Repeat("VER=1.4&CMD=List\r\n", 1000))
		conn := newConn(protocol, &transport.Conn{Conn: script{text: text}})
		for text.Len() > 0 || conn.begun() {
			if conn.scan() == aRecord {
				conn.answer(t.Context())
			} else if err := conn.fill(conn.net); err != nil {
				t.Fatal(err)
			}
		}
		if conn.patient(); len(conn.in) == idleBytes {
			t.Error("more that comes soon is read into the idle buffer")
		}
		<-time.After(2 * busyTime)
		if conn.patient(); conn.lent != nil || len(conn.in) != idleBytes {
			t.Error("it kept what it had borrowed")
		}
	})
}
