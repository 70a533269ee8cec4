package sqlite

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/disk"
)

// DefaultReserveBytes is the size at which SQLite copies the write-ahead log into the database. Once
// the reserve is released, that works on a full disk too.
const DefaultReserveBytes = 64 << 20

// LeaveReserveUnchanged is the ReserveBytes of programs that open a store only for a moment: an
// existing reserve stays as it is.
const LeaveReserveUnchanged = -1

// ReservePath returns the path of the reserve that belongs to a database: rookery.reserve beside
// rookery.db.
func ReservePath(database string) string {
	return strings.TrimSuffix(database, filepath.Ext(database)) + ".reserve"
}

// diskReserve keeps disk space for accounts that collect, sign in or sign out while the disk is full.
// A file occupies the space, so that neither other programs nor senders can use it. When a commit
// finds the disk full, the file is removed. Until it can be created again, entries with a limit are
// refused.
type diskReserve struct {
	path      string
	sizeBytes int64 // 0 for no reserve
	log       *slog.Logger

	// isReleased means that the file does not occupy the space.
	isReleased atomic.Bool
	// mu is held while the file is created or removed.
	mu sync.Mutex
	// hasWarned means that the log already says that the file cannot be created although there is
	// space. Guarded by mu.
	hasWarned bool
}

var errDiskNearlyFull = rookery.Errorf(
	rookery.CodeTemporary, "the server's disk is nearly full: it accepts no messages until there is space",
)

// newDiskReserve finds the reserve of a database, or creates it if there is space.
func newDiskReserve(config Config) *diskReserve {
	r := &diskReserve{path: ReservePath(config.Path), sizeBytes: max(config.ReserveBytes, 0), log: config.Log}
	switch {
	case config.ReserveBytes == LeaveReserveUnchanged:
	case config.ReserveBytes == 0:
		if err := disk.ReleaseSpace(r.path); err != nil {
			r.log.Warn("cannot remove the disk reserve", "error", err)
		}
	case disk.HasReserved(r.path, r.sizeBytes):
	default:
		r.isReleased.Store(true)
		if err := r.recreateFile(); err != nil {
			r.log.Error("the disk has too little space: messages can be collected, but none are accepted until "+
				"there is more", "needed", r.neededBytes(), "error", err)
		}
	}
	return r
}

// neededBytes is the free space from which the reserve is created. It leaves a little for senders, or
// they would be refused again at once.
func (r *diskReserve) neededBytes() int64 { return r.sizeBytes + r.sizeBytes/4 }

// recreateFile creates the file if there is space for it.
func (r *diskReserve) recreateFile() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := disk.ReleaseSpace(r.path); err != nil { // it may have another size
		return err
	}
	free, err := disk.FreeBytes(filepath.Dir(r.path))
	switch {
	case err != nil:
		return err
	case free < r.neededBytes():
		return fmt.Errorf("%d bytes are free: %w", free, syscall.ENOSPC)
	}
	if err := disk.ReserveSpace(r.path, r.sizeBytes); err != nil {
		if !isDiskFull(err) && !r.hasWarned {
			r.hasWarned = true
			r.log.Warn("cannot create the disk reserve", "error", disk.ExplainError(err))
		}
		return err
	}
	r.hasWarned = false
	r.isReleased.Store(false)
	return nil
}

// releaseIfFull removes the file if err means that the disk is full, and reports whether that freed
// space.
func (r *diskReserve) releaseIfFull(err error) bool {
	if r.sizeBytes == 0 || r.isReleased.Load() || !isDiskFull(err) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isReleased.Store(true)
	if err := disk.ReleaseSpace(r.path); err != nil {
		r.log.Error("cannot remove the disk reserve", "error", err)
		return false
	}
	r.log.Error("the disk is full: its reserve serves the collection of messages, "+
		"and none are accepted until there is space", "needed", r.neededBytes())
	return true
}

// isDiskFull reports whether a commit failed because a file could not grow.
func isDiskFull(err error) bool {
	switch sqliteErrorCode(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE:
		return true
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// CheckDiskSpace implements service.Store. It asks the file system only while the reserve is released.
func (s *Store) CheckDiskSpace() {
	reserve := s.writer.diskReserve
	if !reserve.isReleased.Load() {
		return
	}
	if err := reserve.recreateFile(); err == nil {
		reserve.log.Info("the disk has space again: messages are accepted")
	}
}

// freeDiskSpace releases the reserve and makes a checkpoint, so that the write-ahead log starts anew,
// if err means that the disk is full. It reports whether another attempt is worthwhile.
func (w *writer) freeDiskSpace(err error) bool {
	if !isDiskFull(err) {
		return false
	}
	released := w.diskReserve.releaseIfFull(err)

	// A checkpoint that runs out of space would use up the rest of it for nothing.
	free, errFree := disk.FreeBytes(filepath.Dir(w.path))
	log, errLog := os.Stat(w.path + "-wal")
	if errFree != nil || errLog != nil || pageBytes <= free && free < log.Size() {
		return released
	}
	var pages, written int64
	_, err = w.conn.queryFirst(
		"PRAGMA wal_checkpoint(PASSIVE)", func(row resultRow) { pages, written = row.int(1), row.int(2) },
	)
	return released || err == nil && pages > 0 && written == pages
}
