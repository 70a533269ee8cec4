package disk

import (
	"errors"
	"io/fs"
	"os"
)

// MakePrivate removes other users' access to a file and reports whether they had any. It ignores a
// missing file.
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
