package sqlite

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rookery-im/rookery"
)

// Another program that writes the log back itself keeps the store from doing so
// when it is closed. It may have come only half of the way, or fail.
func TestTheLogSaysThatTheDatabaseIsNotWholeWhileAnotherProgramWritesItBack(t *testing.T) {
	var log strings.Builder
	cfg := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	store := openForTest(t, cfg)
	createAccounts(t, store, 1)
	deliver(t, store, rookery.FirstUIN, "hello")
	// A lock of an open file stands for another program's, in this process too.
	shared, err := os.OpenFile(cfg.Path+"-shm", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shared.Close() })
	const checkpointLock = 120 + 1 // a byte of that file, by SQLite's file format
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: checkpointLock, Len: 1}
	if err := unix.FcntlFlock(shared.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "the database alone is not whole") {
		t.Errorf("the log says %q", log.String())
	}
}
