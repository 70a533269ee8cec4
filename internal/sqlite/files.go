package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrLogAlone says that a log is there without the database that it belongs to.
// The log holds what was stored last, and SQLite deletes it when it finds an
// empty database, or none.
var ErrLogAlone = errors.New("the log is there without its database")

// Exists reports whether there is a store at a path. An empty file is none: it
// is what is left if the power fails while a store is made. It returns
// ErrLogAlone, and what to do, where a new store would destroy a log.
func Exists(path string) (bool, error) {
	size, err := sizeOf(path)
	if err != nil || size > 0 {
		return err == nil, err
	}
	log, err := sizeOf(path + "-wal")
	if err != nil || log == 0 {
		return false, err
	}
	name := filepath.Base(path)
	return false, fmt.Errorf("%w: %s is missing or empty, but %s-wal beside it holds what was stored last, and a new store would destroy that; "+
		"put the %s back that belongs to it; if that is lost, move %s-wal away and restore a backup",
		ErrLogAlone, name, name, name, name)
}

// sizeOf is the size of a file, 0 if there is none.
func sizeOf(path string) (int64, error) {
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
