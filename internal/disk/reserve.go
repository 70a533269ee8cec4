package disk

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
)

// ReserveSpace makes a file that takes up room on the disk, in place of one that is
// there. If there is not enough room, it makes none.
func ReserveSpace(path string, size int64) error {
	if err := ReleaseSpace(path); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = allocateBlocks(file, size)
	if errors.Is(err, errors.ErrUnsupported) {
		_, err = io.CopyN(file, rand.Reader, size) // what can be compressed would take up less
	}
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return errors.Join(err, ReleaseSpace(path))
	}
	return nil
}

// HasReserved reports whether a file takes up so much room.
func HasReserved(path string, size int64) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() == size && allocatedBytes(info) >= size
}

// ReleaseSpace gives the room back. A file that is not there is no error.
func ReleaseSpace(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
