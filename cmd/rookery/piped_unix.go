//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// hasPipedInput reports whether file is a pipe that contains data. It neither blocks nor reads.
func hasPipedInput(file *os.File) bool {
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(file.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0 && fds[0].Revents&unix.POLLIN != 0
}
