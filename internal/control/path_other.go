//go:build !linux

package control

import (
	"fmt"
	"path/filepath"
)

// maxSocketPath is the most that the address of a Unix socket holds, in bytes,
// on the system with the least room.
const maxSocketPath = 103

// socketPath returns the path of the directory's socket.
func socketPath(dir string) (path string, release func(), err error) {
	path = filepath.Join(dir, SocketName)
	if len(path) > maxSocketPath {
		return "", nil, fmt.Errorf("the path %s is too long for a socket, at most %d bytes; choose a data directory with a shorter one", path, maxSocketPath)
	}
	return path, func() {}, nil
}
