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

// While another program holds the checkpoint lock, Close cannot copy the write-ahead log into the
// database, and the other program may stop halfway.
func TestCloseWarnsIfAnotherProgramCheckpoints(t *testing.T) {
	var log strings.Builder
	config := unsyncedConfig(filepath.Join(t.TempDir(), "rookery.db"))
	config.Log = slog.New(slog.NewTextHandler(&log, nil))
	store := openForTest(t, config)
	createAccounts(t, store, 1)
	deliver(t, store, rookery.FirstUIN, "hello")
	// An open file description lock conflicts with SQLite's locks in the same process, too.
	shared, err := os.OpenFile(config.Path+"-shm", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shared.Close() })
	const checkpointLock = 120 + 1 // offset of the lock byte in SQLite's file format
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: checkpointLock, Len: 1}
	if err := unix.FcntlFlock(shared.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if want := "the database file alone is incomplete"; !strings.Contains(log.String(), want) {
		t.Errorf("the log is %q, want one with %q", log.String(), want)
	}
}
