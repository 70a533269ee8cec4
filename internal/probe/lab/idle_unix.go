//go:build unix

package lab

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// isIdle reports whether a connection is open and has no bytes to read. It peeks without blocking,
// because a read with a deadline would delay each request by a millisecond.
func isIdle(conn net.Conn) bool {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	idle := false
	err = raw.Control(func(fd uintptr) {
		_, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		idle = errors.Is(err, unix.EAGAIN)
	})
	return err == nil && idle
}
