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

// explainError adds to an SQLite error what is wrong and what to do. Only a damaged store needs a
// backup: a store that cannot be written is usually healthy, and advice to move it away would destroy
// it.
func explainError(path string, err error) error {
	switch code := sqliteErrorCode(err); code & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("this is not a Rookery store, or it is damaged; "+
			"stop the server, keep the files, and restore a backup: %w", err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("another program has it open; end that program: %w", err)
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM,
		sqlite3.SQLITE_IOERR:
		// SQLite's codes confuse these causes; the operating system's errors do not.
		if cause := cmp.Or(checkFilesWritable(path), disk.CheckDirWritable(filepath.Dir(path))); cause != nil {
			return fmt.Errorf("%w (%w)", disk.ExplainError(cause), err)
		}
		switch code & 0xff {
		case sqlite3.SQLITE_FULL: // there is space again by now
			return fmt.Errorf("the disk was full; what is stored is unharmed: %w", err)
		case sqlite3.SQLITE_IOERR:
			return fmt.Errorf("the disk fails, see the system's log; copy the data directory to another disk: %w", err)
		}
	}
	return err
}

// checkFilesWritable returns an error if a file of the store cannot be written. SQLite would open such
// a file for reading and fail at the first change.
func checkFilesWritable(path string) error {
	for _, p := range []string{path, path + "-wal", path + "-shm", numberFilePath(path)} {
		if err := disk.CheckFileWritable(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// sqliteErrorCode returns the extended SQLite code of an error, 0 for other errors.
func sqliteErrorCode(err error) int {
	var e *driver.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}
