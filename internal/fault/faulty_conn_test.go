package fault

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// newFaultyConnPair returns a FaultyConn and the server's end of it.
func newFaultyConnPair(t *testing.T, silent bool) (*FaultyConn, net.Conn) {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	return &FaultyConn{Conn: client, Silent: silent}, server
}

func TestFaultyConnIsCutAtTheByte(t *testing.T) {
	for count := range 8 {
		conn, server := newFaultyConnPair(t, false)
		cut := conn.CutAfter(count)
		go func() {
			for _, part := range []string{"ab", "cdef", "g"} {
				if _, err := io.WriteString(server, part); err != nil {
					return // the connection is cut
				}
			}
			server.Close()
		}()
		got, _ := io.ReadAll(conn)
		if want := "abcdefg"[:count]; string(got) != want {
			t.Errorf("cut after %d bytes: the client read %q, want %q", count, got, want)
		}
		<-cut
		if _, err := conn.Write([]byte("x")); err == nil {
			t.Errorf("cut after %d bytes: a write of the client succeeded", count)
		}
		if _, err := server.Write([]byte("x")); err == nil {
			t.Errorf("cut after %d bytes: a write of the server succeeded", count)
		}
	}
}

func TestSilentCutLosesLaterWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, server := newFaultyConnPair(t, true)
		cut := conn.CutAfter(2)
		read := make(chan string, 1)
		go func() {
			b, _ := io.ReadAll(conn)
			read <- string(b)
		}()
		if _, err := io.WriteString(server, "abc"); err != nil {
			t.Fatal(err)
		}
		<-cut
		if count, err := conn.Write([]byte("hello")); count != 5 || err != nil {
			t.Errorf("Write of the client = %d, %v, want 5 without error", count, err)
		}
		if _, err := io.WriteString(server, "def"); err != nil {
			t.Errorf("the server noticed the cut: %v", err)
		}
		synctest.Wait()
		if len(read) > 0 {
			t.Error("the client noticed the cut")
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if got := <-read; got != "ab" {
			t.Errorf("the client read %q, want ab", got)
		}
		conn.CloseServerSide()
		if _, err := server.Read(make([]byte, 1)); err == nil {
			t.Error("the server read bytes that the client wrote after the cut, or did not notice the end")
		}
	})
}

func TestFaultyConnDelaysReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, server := newFaultyConnPair(t, false)
		conn.Delay = time.Second
		go func() {
			io.WriteString(server, "a")
			server.Close()
		}()
		start := time.Now()
		if b, err := io.ReadAll(conn); string(b) != "a" || err != nil {
			t.Errorf("the client read %q, %v, want a", b, err)
		}
		if elapsed := time.Since(start); elapsed != time.Second { // exact in virtual time
			t.Errorf("the read took %v, want 1s", elapsed)
		}
	})
}
