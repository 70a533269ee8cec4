package disk

import (
	"errors"
	"io/fs"
	"os"
)

// MakePrivate takes from others than its owner the right to use a file, and
// reports whether they had any. A file that is not there is private.
func MakePrivate(path string) (changed bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.Mode().Perm()&0o077 == 0:
		return false, nil
	}
	return true, os.Chmod(path, info.Mode().Perm()&0o700)
}
