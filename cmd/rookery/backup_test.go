package main

import (
	"context"
	database "database/sql"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
	"github.com/rookery-im/rookery/internal/sqlite"
)

// backupCommands returns the commands of operations.md that make a backup and restore it,
// with the test's directories.
func backupCommands(t *testing.T, data, backups string) (backup, restore string) {
	t.Helper()
	_, section, _ := strings.Cut(readPage(t, "docs/operations.md"), "## Backup, restore, move")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 2 {
		t.Fatalf("the section about backups has %d blocks of commands, want 2", len(blocks))
	}
	replace := strings.NewReplacer("/var/lib/rookery", data, "/var/backups/rookery", backups)
	return replace.Replace(blocks[0][1]), replace.Replace(blocks[1][1])
}

// runBash runs commands with a umask that makes files readable for everybody.
func runBash(t *testing.T, commands string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c",
		"umask 022\n"+commands).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, commands, out)
	}
	return string(out)
}

// The documented commands back up the database while another program reads it, too.
func TestDocumentedBackupIsCompleteAndPrivate(t *testing.T) {
	for name, stopped := range map[string]bool{"while the server runs": false, "when it is stopped": true} {
		t.Run(name, func(t *testing.T) {
			ts := newTestServer(t, serverConfig{})
			ts.addPerson("first")
			other := ts.otherReader()
			ts.notify("before")
			backups := t.TempDir()
			backup, restore := backupCommands(t, ts.config.dataDir, backups)
			if stopped {
				ts.stop()
			}
			if out := runBash(t, backup); out != "ok\n" {
				t.Errorf("the commands print %q, want ok", out)
			}
			if stopped {
				ts.start()
			}
			copies, err := filepath.Glob(filepath.Join(backups, "*"))
			if err != nil || len(copies) != 1 {
				t.Fatalf("got the copies %q, %v, want one", copies, err)
			}
			info, err := os.Stat(copies[0])
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != 0o600 {
				t.Errorf("mode of the copy = %v, want 0600", got)
			}

			ts.notify("after")
			other.close(t)
			ts.stop()
			runBash(t, restore)
			ts.start()
			ts.notify("again")
			ts.wantTexts("before", "again")
		})
	}
}

// The last connection to a database moves everything into one file. If another program
// reads the database, the server cannot do that and logs a warning.
func TestStopCompletesTheDatabaseFileOrWarns(t *testing.T) {
	for name, reads := range map[string]bool{"another program has it open": false, "another program reads it": true} {
		t.Run(name, func(t *testing.T) {
			var log output
			log.more = make(chan struct{})
			ts := newTestServer(t, serverConfig{})
			ts.stop()
			ts.config.log = slog.New(slog.NewTextHandler(&log, nil))
			ts.start()
			ts.addPerson("first")
			other := ts.otherReader()
			if reads {
				other.beginTransaction(t)
			}
			ts.notify("hello")
			ts.stop()
			copy := filepath.Join(t.TempDir(), storeName)
			runBash(t, fmt.Sprintf("cp %s %s", filepath.Join(ts.config.dataDir, storeName), copy))
			isComplete := len(textsIn(t, copy)) == 1
			text, _ := log.read()
			warns := strings.Contains(text, "the database file alone is incomplete")
			if isComplete == reads || warns != reads {
				t.Errorf("complete copy: %v, warning: %v, want %v and %v", isComplete, warns, !reads, reads)
			}
			other.close(t)
			ts.start()
		})
	}
}

func (ts *testServer) addPerson(nick string) {
	ts.t.Helper()
	newAccount := control.NewAccount{Settings: map[string]string{"nick": nick}}
	if _, err := ts.operator().AddAccount(ts.t.Context(), newAccount); err != nil {
		ts.t.Fatal(err)
	}
}

func (ts *testServer) notify(text string) {
	ts.t.Helper()
	if err := ts.service.SendSystemMessage(ts.t.Context(), text, []rookery.UIN{rookery.FirstUIN}); err != nil {
		ts.t.Fatal(err)
	}
}

func (ts *testServer) wantTexts(want ...string) {
	ts.t.Helper()
	if got := textsOf(ts.t, ts.store); strings.Join(got, ", ") != strings.Join(want, ", ") {
		ts.t.Errorf("the mailbox holds %q, want %q", got, want)
	}
}

func textsOf(t *testing.T, s *sqlite.Store) (texts []string) {
	t.Helper()
	entries, err := s.Entries(t.Context(), rookery.FirstUIN, 0, 1<<62, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		texts = append(texts, e.Text)
	}
	return texts
}

// textsIn returns the texts in a copy of the database.
func textsIn(t *testing.T, path string) []string {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Config{Path: path, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return textsOf(t, s)
}

// otherReader is another program that has the database open, such as a backup program.
type otherReader struct {
	db   *database.DB
	conn *database.Conn
}

func (ts *testServer) otherReader() *otherReader {
	ts.t.Helper()
	db, err := database.Open("sqlite", filepath.Join(ts.config.dataDir, storeName))
	if err != nil {
		ts.t.Fatal(err)
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		ts.t.Fatal(err)
	}
	o := &otherReader{db, conn}
	o.read(ts.t, "SELECT count(*) FROM accounts")
	return o
}

// beginTransaction makes the program read the present state until it closes.
func (o *otherReader) beginTransaction(t *testing.T) {
	t.Helper()
	if _, err := o.conn.ExecContext(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	o.read(t, "SELECT count(*) FROM accounts")
}

func (o *otherReader) read(t *testing.T, query string) {
	t.Helper()
	var n int
	if err := o.conn.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
}

func (o *otherReader) close(t *testing.T) {
	t.Helper()
	if err := o.conn.Close(); err != nil {
		t.Error(err)
	}
	if err := o.db.Close(); err != nil {
		t.Error(err)
	}
}
