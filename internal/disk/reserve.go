package disk

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
)

// ReserveSpace replaces a file by one that occupies size bytes of the disk. If there is not enough
// space, no file is left.
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
		_, err = io.CopyN(file, rand.Reader, size) // compressible data could occupy less
	}
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return errors.Join(err, ReleaseSpace(path))
	}
	return nil
}

// HasReserved reports whether the file exists, has exactly this size, and occupies that much of the
// disk.
func HasReserved(path string, size int64) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() == size && allocatedBytes(info) >= size
}

// ReleaseSpace removes the file. It ignores a missing file.
func ReleaseSpace(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
