package client_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery/client"
)

// copyDatabase returns a backup of the running store.
func (s *testServer) copyDatabase() []byte {
	s.Helper()
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: s.databasePath}).String())
	if err != nil {
		s.Fatal(err)
	}
	defer db.Close()
	to := filepath.Join(s.TempDir(), "backup.db")
	if _, err := db.Exec("VACUUM INTO ?", to); err != nil {
		s.Fatal(err)
	}
	return s.readFile(to)
}

func (s *testServer) readFile(name string) []byte {
	s.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		s.Fatal(err)
	}
	return content
}

func (s *testServer) writeFile(name string, content []byte) {
	s.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		s.Fatal(err)
	}
}

// stopKeepingFiles simulates a crash: it stops the server and restores the files as they
// were before.
func (s *testServer) stopKeepingFiles() {
	s.Helper()
	image := filepath.Join(s.TempDir(), "store.db")
	for _, suffix := range []string{".db", ".db-wal", ".numbers"} {
		s.writeFile(strings.TrimSuffix(image, ".db")+suffix,
			s.readFile(strings.TrimSuffix(s.databasePath, ".db")+suffix))
	}
	s.stop()
	s.databasePath = image
}

// restore replaces the database of a stopped server as operations.md describes, and
// starts the server.
func (s *testServer) restore(copy []byte) {
	s.Helper()
	s.writeFile(s.databasePath, copy)
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(s.databasePath + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.Fatal(err)
		}
	}
	s.start()
}

// A client that keeps running receives every message sent after a restore and none twice,
// however often older backups are restored.
func TestRestoresLoseAndDuplicateNoMessages(t *testing.T) {
	forEachScheme(t, func(t *testing.T, scheme string) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 0))
		server := newTestServer(t, 10001, 10002)
		messenger := server.dial(scheme, 10001, client.Device("phone"))
		backups := [][]byte{server.copyDatabase()}
		sent := 0
		send := func() (texts []string) {
			for range 1 + rng.IntN(20) {
				sent++
				texts = append(texts, fmt.Sprintf("message %d", sent))
			}
			server.sendDirectly(10002, 10001, texts...)
			return texts
		}
		var latest uint64
		check := func(what string, texts []string) {
			t.Helper()
			messages := receive(t, messenger, len(texts))
			expectEqual(t, what, textsOf(messages), texts)
			for _, message := range messages {
				if message.Number <= latest {
					t.Fatalf("%s: the number %d comes after %d", what, message.Number, latest)
				}
				latest = message.Number
			}
		}
		restores := 6
		if scheme == "qq" && !testing.Short() {
			restores = 24
		}
		for i := range restores {
			for range 1 + rng.IntN(3) {
				texts := send()
				if rng.IntN(2) == 0 {
					backups = append(backups, server.copyDatabase()) // possibly with uncollected messages
				}
				check(fmt.Sprintf("before restore %d", i+1), texts)
			}
			if rng.IntN(2) == 0 {
				server.stopKeepingFiles()
			} else {
				server.stop()
			}
			server.restore(backups[rng.IntN(len(backups))])
			check(fmt.Sprintf("after restore %d", i+1), send())
		}
	})
}
