// Package disk reports what the operating system knows of a file's disk: free space, access rights,
// and advice for the operator on its errors. It also reserves space on a disk.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ExplainError adds to an error of the operating system what an operator can do about it. It returns
// other errors unchanged.
func ExplainError(err error) error {
	if advice := adviceForError(err); advice != "" {
		return fmt.Errorf("%w: %s", err, advice)
	}
	return err
}

func adviceForError(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "the disk is full; make room on it, what is stored is unharmed"
	case errors.Is(err, syscall.EROFS):
		return "the file system is read-only; find out why (the system's log says so if the disk fails) " +
			"and make it writable, what is stored is unharmed"
	case errors.Is(err, fs.ErrPermission):
		return "this user may not do that; run as the user that owns the data directory, " +
			"or give it to this user with chown -R, what is stored is unharmed"
	}
	return ""
}

// CheckFileWritable returns the error that keeps this process from writing a file. It does not open
// the file: closing it would release the locks that SQLite holds on it in this process.
func CheckFileWritable(path string) error {
	if err := checkAccess(path); err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return nil
}

// CheckDirWritable returns the error that keeps this process from creating a file of 64 KiB in a
// directory.
func CheckDirWritable(dir string) error {
	file, err := os.CreateTemp(dir, ".try-*")
	if err != nil {
		return err
	}
	_, err = file.Write(make([]byte, 64<<10))
	return errors.Join(err, file.Close(), os.Remove(file.Name()))
}
