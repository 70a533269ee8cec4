package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/rookery-im/rookery/internal/disk"
)

// ErrDatabaseMissing says that a log is there without the database that it belongs to.
// The log holds what was stored last, and SQLite deletes it when it finds an
// empty database, or none.
var ErrDatabaseMissing = errors.New("the log is there without its database")

// Exists reports whether there is a store at a path. An empty file is none: it
// is what is left if the power fails while a store is made. It returns
// ErrDatabaseMissing, and what to do, where a new store would destroy a log.
func Exists(path string) (bool, error) {
	size, err := fileSize(path)
	if err != nil || size > 0 {
		return err == nil, err
	}
	log, err := fileSize(path + "-wal")
	if err != nil || log == 0 {
		return false, err
	}
	name := filepath.Base(path)
	return false, fmt.Errorf("%w: %s is missing or empty, but %s-wal beside it holds what was stored last, "+
		"and a new store would destroy that; "+
		"put the %s back that belongs to it; if that is lost, move %s-wal away and restore a backup",
		ErrDatabaseMissing, name, name, name, name)
}

// fileSize is the size of a file, 0 if there is none.
func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case info.IsDir():
		return 1, nil // something that is not to be replaced
	}
	return info.Size(), nil
}

// makeFilesPrivate sees to it that nobody but their owner can use the files of a
// store: one that was restored, or copied by hand, may have been readable for
// all. SQLite gives the mode of the database to the files that it makes.
func makeFilesPrivate(cfg Config) {
	for _, p := range []string{cfg.Path, cfg.Path + "-wal", cfg.Path + "-shm", numberFilePath(cfg.Path)} {
		switch changed, err := disk.MakePrivate(p); {
		case err != nil:
			cfg.Log.Warn("others may read a file of the store, and it cannot be changed: run chmod 600 on it as its owner",
				"file", p, "error", err)
		case changed:
			cfg.Log.Warn("others could read a file of the store; it is private now", "file", p)
		}
	}
}

// writeBackLog writes the log back into the database, so that this one file holds
// everything. It warns where another program is in the way.
func (s *Store) writeBackLog() {
	log, path := s.writer.log, s.writer.path
	patience := fmt.Sprintf("PRAGMA busy_timeout = %d", writeBackTimeout.Milliseconds())
	if _, err := s.writer.conn.execute(patience); err != nil {
		log.Warn("cannot wait for others who have the store open", "error", err)
	}
	var pages, written int64
	_, err := s.writer.conn.queryFirst("PRAGMA wal_checkpoint(TRUNCATE)", func(row resultRow) { pages, written = row.int(1), row.int(2) })
	switch {
	case err != nil:
		log.Warn("the log could not be written back: the database alone is not whole, keep its log with it",
			"log", path+"-wal", "error", explainError(path, err))
	case written < pages, pages < 0: // another reads, or writes the log back itself
		log.Warn("another program has the store open, so the log could not be written back: the database alone is not whole, "+
			"keep its log with it; end that program, then start and stop the server", "log", path+"-wal")
	}
}

// writeBackTimeout is how long the end waits for others who read the store.
const writeBackTimeout = time.Second
