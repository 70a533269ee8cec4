//go:build unix

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// callWhenUnread blocks until file, if it is a pipe, socket or terminal, has lost its reader, and then calls end. A
// write would detect this as well, but a program may have nothing to write for a long time.
func callWhenUnread(file *os.File, end func()) {
	fds := []unix.PollFd{{Fd: int32(file.Fd())}} // errors are always reported
	for {
		n, err := unix.Poll(fds, -1)
		if errors.Is(err, unix.EINTR) || err == nil && n == 0 {
			continue
		}
		if fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			end()
		}
		return // poll does not support every kind of file on some systems
	}
}
