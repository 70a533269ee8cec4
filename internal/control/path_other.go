//go:build !linux

package control

import (
	"fmt"
	"path/filepath"
)

// maxSocketPath is the maximum length of a Unix socket address in bytes, on the system with the lowest limit.
const maxSocketPath = 103

// socketPath returns the path of the directory's socket.
func socketPath(dir string) (path string, release func(), err error) {
	path = filepath.Join(dir, SocketName)
	if len(path) > maxSocketPath {
		return "", nil,
			fmt.Errorf("the path %s is too long for a socket, at most %d bytes; choose a data directory with a "+
				"shorter one", path, maxSocketPath)
	}
	return path, func() {}, nil
}
