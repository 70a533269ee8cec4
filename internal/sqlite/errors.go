package sqlite

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/rookery-im/rookery/internal/disk"
)

// explainError adds to an error of SQLite what is wrong and what to do about it. A
// store that cannot be written is healthy most often: only one that is damaged
// needs a backup, and advice to move any other away would destroy it.
func explainError(path string, err error) error {
	switch code := sqliteErrorCode(err); code & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("this is no store of rookery, or it is damaged; "+
			"stop the server, keep the files, and restore a backup: %w", err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("another program has it open; end that one: %w", err)
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR:
		// SQLite's codes mix these up; the operating system does not.
		if cause := cmp.Or(checkFilesWritable(path), disk.CheckDirWritable(filepath.Dir(path))); cause != nil {
			return fmt.Errorf("%w (%w)", disk.ExplainError(cause), err)
		}
		switch code & 0xff {
		case sqlite3.SQLITE_FULL: // there is room again
			return fmt.Errorf("the disk was full, what is stored is unharmed: %w", err)
		case sqlite3.SQLITE_IOERR:
			return fmt.Errorf("the disk fails, see the system's log; copy the data directory to another disk: %w", err)
		}
	}
	return err
}

// checkFilesWritable reports as an error that a file of the store cannot be written.
// SQLite opens one for reading then, and says nothing until the first change.
func checkFilesWritable(path string) error {
	for _, p := range []string{path, path + "-wal", path + "-shm", numberFilePath(path)} {
		if err := disk.CheckFileWritable(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// sqliteErrorCode is SQLite's extended code of an error, 0 for another error.
func sqliteErrorCode(err error) int {
	var e *driver.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}
