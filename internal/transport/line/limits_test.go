package line_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/transport"
	"github.com/rookery-im/rookery/internal/transport/line"
)

func TestIncompleteRecordTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := startServer(t, line.Limits{}).dial()
		conn.send("VER=1.4&CMD=List")
		if timeout := conn.expectEnd(); timeout < 20*time.Second || timeout > 25*time.Second {
			t.Errorf("it took %v", timeout)
		}
	})
}

func TestTricklingLineTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := startServer(t, line.Limits{}).dial()
		conn.send("VER=1\n")
		conn.expect("<VER=1>\r\n")
		begin := time.Now()
		for conn.SetWriteDeadline(time.Now().Add(time.Second)) == nil {
			if _, err := conn.Write([]byte("V")); err != nil {
				break
			}
			<-time.After(time.Second)
		}
		if timeout := time.Since(begin); timeout < 20*time.Second || timeout > 27*time.Second {
			t.Errorf("it took %v", timeout)
		}
	})
}

func TestConnectionWithoutRecordTimesOut(t *testing.T) {
	for name, sent := range map[string]string{
		"silent":                   "",
		"with a line, no record":   "x\n",
		"after a record":           "VER=1&silence\n",
		"after many records":       strings.Repeat("VER=1&silence\n", 1000),
		"after a record in pieces": "VER=1&silence" + strings.Repeat("x", 5000) + "silence\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := startServer(t, line.Limits{}).dial()
				conn.send(sent)
				if timeout := conn.expectEnd(); timeout < 300*time.Second || timeout > 331*time.Second {
					t.Errorf("it took %v", timeout)
				}
			})
		})
	}
}

func TestOnlyRecordsExtendIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := startServer(t, line.Limits{})
		speaks, mumbles := server.dial(), server.dial()
		for range 10 {
			<-time.After(299 * time.Second)
			speaks.send("VER=1\n")
			speaks.expect("<VER=1>\r\n")
		}
		if timeout := mumbles.expectEnd(); timeout != 0 {
			t.Errorf("a silent one took %v", timeout)
		}
		mumbles = server.dial()
		begin := time.Now()
		for {
			if _, err := mumbles.Write([]byte("x\n")); err != nil {
				break
			}
			<-time.After(10 * time.Second)
		}
		if timeout := time.Since(begin); timeout < 300*time.Second || timeout > 341*time.Second {
			t.Errorf("one that sends no records took %v", timeout)
		}
	})
}

func TestIgnoredBytesBetweenRecordsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := startServer(t, line.Limits{}).dial()
		for range 10 {
			conn.send(strings.Repeat("x\n", 2048))
			conn.send("VER=1\n")
			conn.expect("<VER=1>\r\n")
		}
		conn.send(strings.Repeat("x\n", 2048) + "y\n")
		conn.expectEnd()
	})
}

// TestBlankLinesBeforeFirstRecordCountAsIgnored uses a ProtocolDetector, which drops the lines.
func TestBlankLinesBeforeFirstRecordCountAsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := startServer(t, line.Limits{}, func(cfg *transport.Config) {
			cfg.Protocol = &transport.ProtocolDetector{Line: cfg.Protocol}
		})
		conn := server.dial()
		conn.send(strings.Repeat("\n", 4096) + "VER=1")
		conn.send("\n")
		conn.expect("<VER=1>\r\n")
		conn = server.dial()
		conn.send(strings.Repeat("\n", 4097) + "V")
		conn.send("E")
		conn.expectEnd()
	})
}

func TestFloodIsCutAndLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := startServer(t, line.Limits{RecordsPerSecond: 5})
		for range 3 {
			conn := server.dial()
			for range 3 {
				conn.send(strings.Repeat("VER=1&silence\n", 5))
				<-time.After(time.Second)
			}
			conn.send(strings.Repeat("VER=\n", 6))
			for range 5 { // records within the limit are answered
				conn.expect("<VER=>\r\n")
			}
			conn.expectEnd()
		}
		if got := server.log.String(); strings.Count(got, "--max-records-per-second") != 1 ||
			!strings.Contains(got, "client=192.0.2.1") {
			t.Errorf("logged %q", got)
		}
	})
}

func TestSlowReaderIsCutAndDelaysNoOther(t *testing.T) {
	for name, write := range map[string]func(*lineServer, *testClient, transport.PushConn){
		"with answers": func(_ *lineServer, c *testClient, _ transport.PushConn) { c.send("VER=1\n") },
		"with pushes": func(_ *lineServer, _ *testClient,
			l transport.PushConn) {
			go func() { _ = l.Push([]byte("p")) }()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := startServer(t, line.Limits{})
				slow := server.dial()
				link := server.conn
				begin := time.Now()
				write(server, slow, link)
				other := server.dial()
				other.send("VER=1\n")
				other.expect("<VER=1>\r\n")
				for server.closedStreams.Load() == 0 {
					<-time.After(100 * time.Millisecond)
				}
				if timeout := time.Since(begin); timeout < 20*time.Second || timeout > 26*time.Second {
					t.Errorf("it took %v", timeout)
				}
				if link.Push(nil) == nil {
					t.Error("a push to it is no error")
				}
				other.send("VER=1\n")
				other.expect("<VER=1>\r\n")
			})
		})
	}
}

func TestLinesPerAddressAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := startServer(t, line.Limits{}, func(c *transport.Config) { c.Limits.ConnectionsPerAddress = 100 })
		for range 100 {
			server.dial().send("VER=1&silence\n")
		}
		for range 2000 {
			if timeout := server.dial().expectEnd(); timeout != 0 {
				t.Fatalf("one too many took %v to be refused", timeout)
			}
		}
		if got := server.log.String(); strings.Count(got, "--max-connections-per-address") != 1 {
			t.Errorf("logged %q", got)
		}
		other := server.dialFrom("192.0.2.2")
		other.send("VER=1\n")
		other.expect("<VER=1>\r\n")
	})
}
