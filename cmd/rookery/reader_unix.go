//go:build unix

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// callWhenUnread calls end once nobody reads what f writes any more, if f is a pipe,
// a socket or a terminal: a write would say so, but there may be nothing to write
// for long.
func callWhenUnread(file *os.File, end func()) {
	fds := []unix.PollFd{{Fd: int32(file.Fd())}} // errors are told without being asked for
	for {
		n, err := unix.Poll(fds, -1)
		if errors.Is(err, unix.EINTR) || err == nil && n == 0 {
			continue
		}
		if fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			end()
		}
		return // some systems cannot wait for every kind of file
	}
}
