package control

import (
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketPath is the most that the address of a Unix socket holds, in bytes.
const maxSocketPath = 107

// socketPath returns a path of the directory's socket that is short enough to
// be an address until release is called. Where the plain path is too long, the
// opened directory's entry in /proc stands for it.
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
