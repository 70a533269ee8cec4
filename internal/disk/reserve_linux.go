package disk

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// FreeBytes is how many bytes this user can still write in a directory.
func FreeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// allocateBlocks gives a file blocks, and the size. errors.ErrUnsupported where the
// file system cannot.
func allocateBlocks(file *os.File, size int64) error {
	err := unix.Fallocate(int(file.Fd()), 0, 0, size)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return &os.PathError{Op: "fallocate", Path: file.Name(), Err: err}
	}
	return err
}

// allocatedBytes is how much of the disk a file has.
func allocatedBytes(info os.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return info.Size()
}
