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

// copyDatabase is a copy of the store while it works, as operators make one.
func (h *testServer) copyDatabase() []byte {
	h.Helper()
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: h.databasePath}).String())
	if err != nil {
		h.Fatal(err)
	}
	defer db.Close()
	to := filepath.Join(h.TempDir(), "backup.db")
	if _, err := db.Exec("VACUUM INTO ?", to); err != nil {
		h.Fatal(err)
	}
	return h.readFile(to)
}

func (h *testServer) readFile(name string) []byte {
	h.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		h.Fatal(err)
	}
	return content
}

func (h *testServer) writeFile(name string, content []byte) {
	h.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		h.Fatal(err)
	}
}

// stopKeepingFiles leaves the files as they are now, whatever the store does when it ends.
func (h *testServer) stopKeepingFiles() {
	h.Helper()
	image := filepath.Join(h.TempDir(), "store.db")
	for _, suffix := range []string{".db", ".db-wal", ".numbers"} {
		h.writeFile(strings.TrimSuffix(image, ".db")+suffix, h.readFile(strings.TrimSuffix(h.databasePath, ".db")+suffix))
	}
	h.stop()
	h.databasePath = image
}

// restore puts a copy in the place of the database of a server that has ended,
// as operations.md says, and starts it.
func (h *testServer) restore(copy []byte) {
	h.Helper()
	h.writeFile(h.databasePath, copy)
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(h.databasePath + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			h.Fatal(err)
		}
	}
	h.start()
}

// A client that stays gets each message that is sent after a restore, and none
// again that it has seen, however often older backups are restored.
func TestAFollowerMissesNothingAndSeesNothingTwiceAfterRestores(t *testing.T) {
	forEachScheme(t, func(t *testing.T, way string) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 0))
		h := newTestServer(t, 10001, 10002)
		messenger := h.dial(way, 10001, client.Device("phone"))
		backups := [][]byte{h.copyDatabase()}
		sent := 0
		send := func() (texts []string) {
			for range 1 + rng.IntN(20) {
				sent++
				texts = append(texts, fmt.Sprintf("message %d", sent))
			}
			h.sendDirectly(10002, 10001, texts...)
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
		if way == "qq" && !testing.Short() {
			restores = 24
		}
		for i := range restores {
			for range 1 + rng.IntN(3) {
				texts := send()
				if rng.IntN(2) == 0 {
					backups = append(backups, h.copyDatabase()) // of what is not collected yet, perhaps
				}
				check(fmt.Sprintf("before restore %d", i+1), texts)
			}
			if rng.IntN(2) == 0 {
				h.stopKeepingFiles()
			} else {
				h.stop()
			}
			h.restore(backups[rng.IntN(len(backups))])
			check(fmt.Sprintf("after restore %d", i+1), send())
		}
	})
}
