//go:build !unix

package lab

import (
	"errors"
	"net"
	"time"
)

// isIdle reports whether a connection is open and has no bytes to read. If it has, the first byte
// is lost and the connection must not be used further.
func isIdle(c net.Conn) bool {
	if c.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return false
	}
	_, err := c.Read(make([]byte, 1))
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
