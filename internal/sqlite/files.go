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

// ErrDatabaseMissing means that a write-ahead log exists without its database. The log contains the
// latest changes, and SQLite would delete it when it creates a database beside it.
var ErrDatabaseMissing = errors.New("the log exists without its database")

// Exists reports whether there is a store at path. An empty file does not count: a power failure
// during the creation of a store leaves one. Exists returns ErrDatabaseMissing, with advice, where a
// new store would destroy a write-ahead log.
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

// fileSize returns the size of a file in bytes, 0 if it does not exist.
func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case info.IsDir():
		return 1, nil // not empty, so that no store replaces it
	}
	return info.Size(), nil
}

// makeFilesPrivate removes the access of other users to the files of the store. Restored or copied
// files may be readable by all. SQLite gives new files the mode of the database.
func makeFilesPrivate(config Config) {
	path := config.Path
	for _, file := range []string{path, path + "-wal", path + "-shm", numberFilePath(path)} {
		switch changed, err := disk.MakePrivate(file); {
		case err != nil:
			config.Log.Warn("other users may read a file of the store, and its mode cannot be changed: "+
				"run chmod 600 on it as its owner", "file", file, "error", err)
		case changed:
			config.Log.Warn("other users could read a file of the store; it is private now", "file", file)
		}
	}
}

// checkpoint copies the write-ahead log into the database, so that the database file alone is
// complete. It logs a warning if another program prevents that.
func (s *Store) checkpoint() {
	log, path := s.writer.log, s.writer.path
	setTimeout := fmt.Sprintf("PRAGMA busy_timeout = %d", checkpointTimeout.Milliseconds())
	if _, err := s.writer.conn.execute(setTimeout); err != nil {
		log.Warn("cannot wait for other programs that have the store open", "error", err)
	}
	var pages, written int64
	_, err := s.writer.conn.queryFirst(
		"PRAGMA wal_checkpoint(TRUNCATE)", func(row resultRow) { pages, written = row.int(1), row.int(2) },
	)
	switch {
	case err != nil:
		log.Warn("the write-ahead log could not be copied into the database: "+
			"the database file alone is incomplete, keep the log beside it",
			"log", path+"-wal", "error", explainError(path, err))
	case written < pages, pages < 0: // another program reads, or makes a checkpoint itself
		log.Warn("another program has the store open, so the write-ahead log could not be copied into the database: "+
			"the database file alone is incomplete, keep the log beside it; "+
			"end that program, then start and stop the server", "log", path+"-wal")
	}
}

// checkpointTimeout is how long Close waits for other programs that read the store.
const checkpointTimeout = time.Second
