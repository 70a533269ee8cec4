package disk

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// FreeBytes returns how many bytes this user can still write in a directory.
func FreeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// allocateBlocks gives a file its size and the blocks for it. It returns errors.ErrUnsupported if the
// file system cannot.
func allocateBlocks(file *os.File, size int64) error {
	err := unix.Fallocate(int(file.Fd()), 0, 0, size)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return &os.PathError{Op: "fallocate", Path: file.Name(), Err: err}
	}
	return err
}

// allocatedBytes returns how many bytes of the disk a file occupies.
func allocatedBytes(info os.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return info.Size()
}
