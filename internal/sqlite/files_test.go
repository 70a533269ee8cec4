package sqlite

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery"
)

// SQLite creates a new database if the file is empty or missing, and deletes the write-ahead log
// beside it.
func TestOpenKeepsLogWithoutDatabase(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"the database is missing": os.Remove,
		"the database is empty":   func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rookery.db")
			store := openForTest(t, unsyncedConfig(path))
			createAccounts(t, store, 1)
			deliver(t, store, rookery.FirstUIN, "hello")
			image := crashImage(t, path)
			want := readFile(t, image+"-wal")
			if err := damage(image); err != nil {
				t.Fatal(err)
			}
			for _, mustExist := range []bool{true, false} {
				config := unsyncedConfig(image)
				config.MustExist = mustExist
				if store, err := Open(t.Context(), config); !errors.Is(err, ErrDatabaseMissing) {
					t.Errorf("Open returned error %v, want ErrDatabaseMissing", err)
					if err == nil {
						store.Close()
					}
				}
			}
			if !bytes.Equal(readFile(t, image+"-wal"), want) {
				t.Error("Open changed the write-ahead log")
			}
		})
	}
}

func TestMustExistCreatesNoStore(t *testing.T) {
	config := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
	config.MustExist = true
	if store, err := Open(t.Context(), config); err == nil {
		store.Close()
		t.Error("Open succeeded, want an error")
	}
	if _, err := os.Stat(config.Path); !os.IsNotExist(err) {
		t.Errorf("Stat returned error %v, want that the file does not exist", err)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// openWithoutLog opens a copy of the database file without its write-ahead log.
func openWithoutLog(t *testing.T, path string) *Store {
	t.Helper()
	copy := filepath.Join(t.TempDir(), "rookery.db")
	copyFile(t, copy, path)
	return openForTest(t, unsyncedConfig(copy))
}

func TestCloseCheckpointsDespiteIdleConnection(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	deliver(t, store, rookery.FirstUIN, "hello")
	other := connectAndQuery(t, store.writer.path, "PRAGMA user_version")
	defer other.close()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if texts := mailboxTexts(
		t, openWithoutLog(t, store.writer.path), rookery.FirstUIN,
	); !slices.Equal(texts, []string{"hello"}) {
		t.Errorf("the mailbox has texts %q, want only hello", texts)
	}
}

func TestCloseWarnsIfAnotherProgramReads(t *testing.T) {
	var log strings.Builder
	config := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
	config.Log = slog.New(slog.NewTextHandler(&log, nil))
	store := openForTest(t, config)
	createAccounts(t, store, 1)
	other := connectAndQuery(t, config.Path, "BEGIN; SELECT count(*) FROM accounts")
	deliver(t, store, rookery.FirstUIN, "hello")
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"another program has the store open", config.Path + "-wal"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log is %q, want one with %q", log.String(), want)
		}
	}
	// Following the advice in the warning loses nothing.
	if err := other.close(); err != nil {
		t.Fatal(err)
	}
	again := openForTest(t, config)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if texts := mailboxTexts(
		t, openWithoutLog(t, config.Path), rookery.FirstUIN,
	); !slices.Equal(texts, []string{"hello"}) {
		t.Errorf("the mailbox has texts %q, want only hello", texts)
	}
}

// connectAndQuery opens a connection, as another program would, and runs queries on it.
func connectAndQuery(t *testing.T, path, statements string) *dbConn {
	t.Helper()
	c, err := openConnection(path)
	if err != nil {
		t.Fatal(err)
	}
	for statement := range strings.SplitSeq(statements, "; ") {
		if _, err := c.hasRow(statement); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestOpenMakesFilesPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rookery.db")
	store := openForTest(t, unsyncedConfig(path))
	createAccounts(t, store, 1)
	deliver(t, store, rookery.FirstUIN, "hello")
	image := crashImage(t, path)
	files := []string{image, image + "-wal", image + "-shm", numberFilePath(image)}
	copyFile(t, image+"-shm", path+"-shm")
	for _, f := range files {
		if err := os.Chmod(f, 0o664); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	config := unsyncedConfig(image)
	config.Log = slog.New(slog.NewTextHandler(&log, nil))
	openForTest(t, config)
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600, error %v", f, info.Mode(), err)
		}
		if !strings.Contains(log.String(), f) {
			t.Errorf("the log does not name %s: %s", f, log.String())
		}
	}
}
