//go:build unix

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// untilUnread calls end once nobody reads what f writes any more, if f is a
// pipe: a write would say so, but there may be nothing to write for long.
func untilUnread(f *os.File, end func()) {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return
	}
	fds := []unix.PollFd{{Fd: int32(f.Fd())}} // errors are told without being asked for
	for {
		n, err := unix.Poll(fds, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		if n > 0 {
			end()
			return
		}
	}
}
