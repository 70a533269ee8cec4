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

func TestACableIsCutToTheByte(t *testing.T) {
	for count := range 8 {
		cable, server := newFaultyConnPair(t, false)
		cut := cable.CutAfter(count)
		go func() {
			for _, piece := range []string{"ab", "cdef", "g"} {
				if _, err := io.WriteString(server, piece); err != nil {
					return // it is cut
				}
			}
			server.Close()
		}()
		got, _ := io.ReadAll(cable)
		if want := "abcdefg"[:count]; string(got) != want {
			t.Errorf("after %d bytes: %q came through, want %q", count, got, want)
		}
		<-cut
		if _, err := cable.Write([]byte("x")); err == nil {
			t.Errorf("after %d bytes: the client could still write", count)
		}
		if _, err := server.Write([]byte("x")); err == nil {
			t.Errorf("after %d bytes: the server could still write", count)
		}
	}
}

func TestACableThatIsCutInSilenceLosesWhatIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cable, server := newFaultyConnPair(t, true)
		cut := cable.CutAfter(2)
		read := make(chan string, 1)
		go func() {
			b, _ := io.ReadAll(cable)
			read <- string(b)
		}()
		if _, err := io.WriteString(server, "abc"); err != nil {
			t.Fatal(err)
		}
		<-cut
		if count, err := cable.Write([]byte("hello")); count != 5 || err != nil {
			t.Errorf("the client wrote %d, %v", count, err)
		}
		if _, err := io.WriteString(server, "def"); err != nil {
			t.Errorf("the server saw that the cable is cut: %v", err)
		}
		synctest.Wait()
		if len(read) > 0 {
			t.Error("the client saw that the cable is cut")
		}
		if err := cable.Close(); err != nil {
			t.Error(err)
		}
		if got := <-read; got != "ab" {
			t.Errorf("%q came through", got)
		}
		cable.CloseServerSide()
		if _, err := server.Read(make([]byte, 1)); err == nil {
			t.Error("the server heard what was written into a cable that is cut, or was not told of the end")
		}
	})
}

func TestACableDelaysWhatTheServerWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cable, server := newFaultyConnPair(t, false)
		cable.Delay = time.Second
		go func() {
			io.WriteString(server, "a")
			server.Close()
		}()
		start := time.Now()
		if b, err := io.ReadAll(cable); string(b) != "a" || err != nil {
			t.Errorf("read %q, %v", b, err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
