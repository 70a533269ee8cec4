//go:build !unix

package lab

import (
	"errors"
	"net"
	"time"
)

// isIdle reports whether a connection is open and nothing waits to be read. If something
// does, its first byte is lost: the connection is of no use any more.
func isIdle(c net.Conn) bool {
	if c.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return false
	}
	_, err := c.Read(make([]byte, 1))
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
