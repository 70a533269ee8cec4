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

// DefaultReserveBytes is as much as the log holds before it is written back into the
// database: with the reserve given up, that can be done on a full disk.
const DefaultReserveBytes = 64 << 20

// LeaveReserveUnchanged is for those who work on a store for a moment: a reserve that is
// there stays as it is.
const LeaveReserveUnchanged = -1

// ReservePath is where the reserve of a database is, rookery.reserve beside
// rookery.db.
func ReservePath(database string) string {
	return strings.TrimSuffix(database, filepath.Ext(database)) + ".reserve"
}

// diskReserve is room on the disk for those who collect, sign in and sign out when
// the disk is full. It is held by a file, so that no other program and no sender
// can use it up, and given up when a commit finds the disk full. Then the store
// is short of room: letters that have a limit are turned away until the file can
// be made again.
type diskReserve struct {
	path      string
	sizeBytes int64 // 0: there is none
	log       *slog.Logger

	// short: the room is not held.
	isReleased atomic.Bool
	mu         sync.Mutex // held by whoever makes or removes the file; guards told
	// told: the operator knows that the file cannot be made though there is room.
	hasWarned bool
}

var errDiskNearlyFull = rookery.Errorf(rookery.CodeTemporary, "the server's disk is nearly full: it takes no messages until there is room")

// newDiskReserve looks for the reserve of a database, and makes it if there is room.
func newDiskReserve(cfg Config) *diskReserve {
	r := &diskReserve{path: ReservePath(cfg.Path), sizeBytes: max(cfg.ReserveBytes, 0), log: cfg.Log}
	switch {
	case cfg.ReserveBytes == LeaveReserveUnchanged:
	case cfg.ReserveBytes == 0:
		if err := disk.ReleaseSpace(r.path); err != nil {
			r.log.Warn("cannot remove the reserve of the disk", "error", err)
		}
	case disk.HasReserved(r.path, r.sizeBytes):
	default:
		r.isReleased.Store(true)
		if err := r.recreateFile(); err != nil {
			r.log.Error("the disk has too little room: messages can be collected, but none are taken until there is more",
				"needed", r.neededBytes(), "error", err)
		}
	}
	return r
}

// neededBytes is how much has to be free so that the reserve is made: a little is left
// for senders, or they would be turned away again at once.
func (r *diskReserve) neededBytes() int64 { return r.sizeBytes + r.sizeBytes/4 }

// recreateFile makes the file if there is room for it.
func (r *diskReserve) recreateFile() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := disk.ReleaseSpace(r.path); err != nil { // one of another size perhaps
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
			r.log.Warn("cannot make the reserve of the disk", "error", disk.ExplainError(err))
		}
		return err
	}
	r.hasWarned = false
	r.isReleased.Store(false)
	return nil
}

// releaseIfFull frees the room if an error says that the disk is full, and reports
// whether there is more of it now.
func (r *diskReserve) releaseIfFull(err error) bool {
	if r.sizeBytes == 0 || r.isReleased.Load() || !isDiskFull(err) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.isReleased.Store(true)
	if err := disk.ReleaseSpace(r.path); err != nil {
		r.log.Error("cannot give up the reserve of the disk", "error", err)
		return false
	}
	r.log.Error("the disk is full: its reserve is used for who collects messages, and none are taken until there is room",
		"needed", r.neededBytes())
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

// CheckDiskSpace takes the reserve back when there is room again. It costs one
// question to the file system, and only while the store is short of room.
func (s *Store) CheckDiskSpace() {
	diskReserve := s.writer.diskReserve
	if !diskReserve.isReleased.Load() {
		return
	}
	if err := diskReserve.recreateFile(); err == nil {
		diskReserve.log.Info("the disk has room again: messages are taken")
	}
}

// freeDiskSpace gives up the reserve, or writes the log back so that it begins anew,
// if an error says that the disk is full. It reports whether it is worth trying
// again.
func (w *writer) freeDiskSpace(err error) bool {
	if !isDiskFull(err) {
		return false
	}
	more := w.diskReserve.releaseIfFull(err)
	// Writing back makes the database longer, by as much as is in the log at most.
	// Where it cannot be finished it would use up what room there is for nothing.
	free, errFree := disk.FreeBytes(filepath.Dir(w.path))
	log, errLog := os.Stat(w.path + "-wal")
	if errFree != nil || errLog != nil || pageBytes <= free && free < log.Size() {
		return more
	}
	var pages, written int64
	_, err = w.conn.queryFirst("PRAGMA wal_checkpoint(PASSIVE)", func(row resultRow) { pages, written = row.int(1), row.int(2) })
	return more || err == nil && pages > 0 && written == pages
}
