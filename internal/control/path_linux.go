package control

import (
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketPath is the maximum length of a Unix socket address in bytes.
const maxSocketPath = 107

// socketPath returns a path of the directory's socket that fits into a socket address. It is valid until
// release is called. If the plain path is too long, socketPath opens the directory and returns a path
// through /proc/self/fd.
func socketPath(dataDir string) (path string, release func(), err error) {
	path = filepath.Join(dataDir, SocketName)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	file, err := os.Open(dataDir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", file.Fd(), SocketName), func() { _ = file.Close() }, nil
}
