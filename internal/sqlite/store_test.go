package sqlite

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/storetest"
)

// unsyncedConfig returns a configuration that does not sync the disk: no power fails in these tests.
func unsyncedConfig(path string) Config {
	return Config{Path: path, Synchronous: "OFF", Log: slog.New(slog.DiscardHandler)}
}

func openForTest(t *testing.T, config Config) *Store {
	t.Helper()
	store, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func newTestStore(t *testing.T) *Store {
	t.Helper()
	return openForTest(t, unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db")))
}

func TestStoreMeetsContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.OpenFunc {
		config := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
		return func() service.Store { return openForTest(t, config) }
	})
}

func TestStoreMatchesModelWithFrequentFlushes(t *testing.T) {
	storetest.RunRandom(t, func(t *testing.T) storetest.OpenFunc {
		config := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
		config.maxJournaledBytes = 2000
		return func() service.Store { return openForTest(t, config) }
	})
}

// crashingStore crashes instead of closing: the next open finds the files as they were before Close.
type crashingStore struct {
	*Store
	t    *testing.T
	path *string
}

func (c crashingStore) Close() error {
	select {
	case <-c.closed: // already closed
	default:
		*c.path = crashImage(c.t, *c.path)
	}
	return c.Store.Close()
}

// NumberFloor returns the number above which the mailboxes continue.
func (c crashingStore) NumberFloor() uint64 { return c.writer.numberBound.floor }

// crashImage copies the files of an open store that is not writing, and returns the path of the copy.
// A crash loses PATH-shm, so it is not copied.
func crashImage(t *testing.T, path string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "rookery.db")
	copyFile(t, image, path)
	copyFile(t, image+"-wal", path+"-wal")
	if _, err := os.Stat(numberFilePath(path)); err == nil { // the file does not exist before the first number
		copyFile(t, numberFilePath(image), numberFilePath(path))
	}
	return image
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	if err := os.WriteFile(to, readFile(t, from), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStoreMatchesModelAfterCrashes(t *testing.T) {
	storetest.RunRandom(t, func(t *testing.T) storetest.OpenFunc {
		path := filepath.Join(t.TempDir(), "rookery.db")
		return func() service.Store {
			config := unsyncedConfig(path)
			config.maxJournaledBytes = 10_000
			return crashingStore{openForTest(t, config), t, &path}
		}
	})
}

func TestCrashRestoresNoEntryOfRemovedAccount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rookery.db")
	store := openForTest(t, unsyncedConfig(path))
	createAccounts(t, store, 1)
	deliver(t, store, rookery.FirstUIN, "old")
	deliver(t, store, rookery.FirstUIN, "older")
	if err := store.flushMailbox(t.Context(), rookery.FirstUIN); err != nil {
		t.Fatal(err)
	}
	if err := store.RemoveAccount(t.Context(), rookery.FirstUIN); err != nil {
		t.Fatal(err)
	}
	createAccounts(t, store, 1)
	deliver(t, store, rookery.FirstUIN, "new")
	again := openForTest(t, unsyncedConfig(crashImage(t, path)))
	if got := mailboxTexts(t, again, rookery.FirstUIN); !slices.Equal(got, []string{"new"}) {
		t.Errorf("the mailbox has texts %q, want only new", got)
	}
}

func TestOpenRefusesForeignFiles(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"a text", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("no database\n", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a Rookery store"},
		{"a store with its schema overwritten", func(t *testing.T, path string) {
			openForTest(t, unsyncedConfig(path)).Close()
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte(strings.Repeat("x", 4000)), 100); err != nil {
				t.Fatal(err)
			}
		}, "damaged"},
		{"another program's database", func(t *testing.T, path string) {
			executeStatement(t, path, "CREATE TABLE shopping (list TEXT)")
		}, "another program"},
		{"a store of a newer version", func(t *testing.T, path string) {
			openForTest(t, unsyncedConfig(path)).Close()
			executeStatement(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
		}, "newer rookery"},
		{"a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "unable to open"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rookery.db")
			tt.make(t, path)
			store, err := Open(t.Context(), unsyncedConfig(path))
			if err == nil {
				store.Close()
				t.Fatal("Open succeeded, want an error")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q, want one with %q and the path", err, tt.want)
			}
		})
	}
}

func executeStatement(t *testing.T, path, statement string) {
	t.Helper()
	conn, err := openConnection(path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	if _, err := conn.execute(statement); err != nil {
		t.Fatal(err)
	}
}

func TestPathMayContainAnyCharacter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?mode=memory&c%20d#e.db")
	openForTest(t, unsyncedConfig(path)).Close()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("Stat returned error %v, want the database at its path", err)
	}
}

func TestCloseLeavesOneCompleteFile(t *testing.T) {
	store := newTestStore(t)
	createAccounts(t, store, 1)
	deliver(t, store, rookery.FirstUIN, "hello")
	path := ""
	if _, err := store.writer.conn.queryFirst(
		"PRAGMA database_list", func(row resultRow) { path = row.text(2) },
	); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); !os.IsNotExist(err) {
			t.Errorf("Stat of the %s file returned error %v, want that it does not exist", suffix, err)
		}
	}
	conn, err := openConnection(path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	if flushed, err := conn.hasRow("SELECT 1 FROM entries WHERE text = 'hello'"); err != nil || !flushed {
		t.Errorf("the entry is in its mailbox table: %v, want true, error %v", flushed, err)
	}
	if remains, err := conn.hasRow("SELECT 1 FROM journal"); err != nil || remains {
		t.Errorf("the journal has rows: %v, want none, error %v", remains, err)
	}
}

func TestWriteFailureAndRecoveryAreLoggedOnce(t *testing.T) {
	var log strings.Builder
	config := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
	config.Log = slog.New(slog.NewTextHandler(&log, nil))
	store := openForTest(t, config)
	for range 3 {
		err := store.submitWrite(t.Context(), writeRequest{apply: func(batch *writeBatch) error {
			_, err := batch.conn.execute("INSERT INTO nowhere VALUES (1)")
			return err
		}})
		if err == nil || rookery.CodeOf(err) != rookery.CodeTemporary {
			t.Errorf("submitWrite returned error %v, want CodeTemporary", err)
		}
	}
	createAccounts(t, store, 2)
	store.Close()
	if n := strings.Count(log.String(), "level"); n != 2 {
		t.Errorf("the log has %d lines, want 2: %s", n, log.String())
	}
	for _, want := range []string{"nowhere", "can write again"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log is %q, want one with %q", log.String(), want)
		}
	}
}

// Earlier releases stored single IPv6 addresses instead of their networks.
func TestStoredIPv6AddressesMatchTheirNetworks(t *testing.T) {
	store := newTestStore(t)
	const uin = 10001
	if _, err := store.CreateAccount(t.Context(), rookery.NewAccount(uin, "n", time.Unix(1, 0)), "secret"); err != nil {
		t.Fatal(err)
	}
	storedAddresses := func() (list []string) {
		err := store.withReader(t.Context(), func(conn *dbConn) error {
			known, err := conn.loadKnownAddresses(uin)
			for _, knownAddress := range known {
				list = append(list, knownAddress.storedText)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	err := store.submitWrite(t.Context(), writeRequest{apply: func(batch *writeBatch) error {
		for i, addr := range []string{"2001:db8::1", "2001:db8::2", "192.0.2.1", "2001:db8:0:1::1"} {
			if _, err := batch.conn.execute("INSERT INTO addresses VALUES (?, ?, ?)", uin, addr, i); err != nil {
				return err
			}
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{
		"2001:db8::ffff": true, "2001:db8:0:1::": true, "192.0.2.1": true, "2001:db8:0:2::1": false,
	} {
		if known, err := store.IsKnownAddress(
			t.Context(), uin, netip.MustParseAddr(addr),
		); err != nil || known != want {
			t.Errorf("IsKnownAddress(%s) returned %v, want %v, error %v", addr, known, want, err)
		}
	}
	session := rookery.Session{
		ID: 1, Account: uin, Address: netip.MustParseAddr("2001:db8::3"), SignedInAt: time.Unix(1, 0),
		Status: rookery.StatusOnline}
	if err := store.StartSession(t.Context(), session, "secret"); err != nil {
		t.Fatal(err)
	}
	want := []string{"2001:db8::", "2001:db8:0:1::1", "192.0.2.1"}
	if got := storedAddresses(); !slices.Equal(got, want) {
		t.Errorf("the stored addresses after a sign-in are %q, want %q", got, want)
	}
}
