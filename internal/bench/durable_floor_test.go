package bench

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// gatedFile is a file whose Sync counts itself and then waits for a value from gate. A value that is not nil makes
// it fail.
type gatedFile struct {
	*os.File
	syncs int
	gate  chan error
}

func (f *gatedFile) Sync() error {
	f.syncs++
	if err := <-f.gate; err != nil {
		return err
	}
	return f.File.Sync()
}

// floorClients is a number of connections to a durable floor that writes to a gatedFile.
type floorClients struct {
	t       *testing.T
	file    *gatedFile
	conns   []net.Conn
	answers chan string
}

// newFloorClients must be called in a synctest bubble.
func newFloorClients(t *testing.T, count int) *floorClients {
	file, err := os.Create(filepath.Join(t.TempDir(), "records"))
	if err != nil {
		t.Fatal(err)
	}
	fc := &floorClients{t: t, file: &gatedFile{File: file, gate: make(chan error)}, answers: make(chan string, 100)}
	commits := newGroupCommit(fc.file)
	go commits.run(t.Context())
	for range count {
		client, server := net.Pipe()
		go serveDurableFloorConn(server, commits)
		fc.conns = append(fc.conns, client)
	}
	t.Cleanup(func() {
		for _, conn := range fc.conns {
			conn.Close()
		}
		file.Close()
	})
	return fc
}

// send sends a request with this body and puts its answer into answers.
func (fc *floorClients) send(client int, body string) {
	request := "POST / HTTP/1.1\r\nContent-Length: " + string('0'+rune(len(body))) + "\r\n\r\n" + body
	go func() {
		fc.conns[client].Write([]byte(request))
		var buffer [200]byte
		n, _ := fc.conns[client].Read(buffer[:])
		fc.answers <- string(buffer[:n])
	}()
}

// expect waits until nothing happens any more, and compares the numbers of started syncs and of answers.
func (fc *floorClients) expect(syncs, answers int) {
	fc.t.Helper()
	synctest.Wait()
	if fc.file.syncs != syncs || len(fc.answers) != answers {
		fc.t.Errorf("%d syncs and %d answers, want %d and %d", fc.file.syncs, len(fc.answers), syncs, answers)
	}
}

func TestDurableFloorSyncsBeforeItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clients := newFloorClients(t, 1)
		clients.send(0, "one")
		clients.expect(1, 0)
		clients.file.gate <- nil
		clients.expect(1, 1)
		if answer := <-clients.answers; answer != string(durableFloorAnswer) {
			t.Errorf("got answer %q, want %q", answer, durableFloorAnswer)
		}
		clients.send(0, "two")
		clients.expect(2, 0)
		clients.file.gate <- nil
		clients.expect(2, 1)
		if data, err := os.ReadFile(clients.file.Name()); err != nil || string(data) != "one\ntwo\n" {
			t.Errorf("the file holds %q, %v, want both bodies", data, err)
		}
	})
}

func TestDurableFloorSharesASyncBetweenWaitingRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clients := newFloorClients(t, 9)
		clients.send(0, "first")
		clients.expect(1, 0)
		for i := range 8 {
			clients.send(i+1, "later")
		}
		clients.expect(1, 0)
		clients.file.gate <- nil
		clients.expect(2, 1)
		clients.file.gate <- nil
		clients.expect(2, 9)
		data, err := os.ReadFile(clients.file.Name())
		if want := "first\n" + strings.Repeat("later\n", 8); err != nil || string(data) != want {
			t.Errorf("the file holds %q, %v, want %q", data, err, want)
		}
	})
}

func TestDurableFloorReportsAFailedSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clients := newFloorClients(t, 1)
		clients.send(0, "one")
		clients.file.gate <- errors.New("no space left")
		if answer := <-clients.answers; !strings.HasPrefix(answer, "HTTP/1.1 500 no space left") {
			t.Errorf("got answer %q, want the error", answer)
		}
	})
}

func TestDurableFloorHoldsEachAnsweredTextAfterAKill(t *testing.T) {
	cfg := config(t)
	env, err := cfg.newEnvironment(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer env.close()
	server, err := env.startDurableFloor(t.Context(), Population{Accounts: 8, Active: 8}.activeAccounts())
	if err != nil {
		t.Fatal(err)
	}
	for _, keepAlive := range []bool{true, false} {
		conn := newClientConn(server.process.addr, frameHTTPAnswer, keepAlive, time.Now().Add(answerTimeout))
		task := server.newCandidate().cycle(0, keepAlive)[0]
		for range 20 {
			if _, err := task.sendAndCheck(conn, nil); err != nil {
				t.Fatal(err)
			}
		}
		conn.close()
	}
	if err := server.process.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-server.process.exited
	if err := server.auditFile(); err != nil || server.ledger.total() != 40 {
		t.Errorf("audit of %d texts: %v, want 40", server.ledger.total(), err)
	}
	data, err := os.ReadFile(server.path)
	if err != nil || !strings.Contains(string(data), "000000000040"+textFiller+"\n") {
		t.Errorf("the file does not hold text 40, %v:\n%s", err, data)
	}
	*server.ledger.counterOf(1, 2)++ // acknowledged, but not in the file
	if err := server.auditFile(); err == nil || !strings.Contains(err.Error(), "40 of 41 acknowledged texts") {
		t.Errorf("audit of 41 texts: got %v, want an error", err)
	}
}
