package control

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// SocketName is the file name of the socket in the data directory.
const SocketName = "control.sock"

// ErrNoServer means that no server uses the data directory.
var ErrNoServer = errors.New("no server runs on this data directory")

// Dial returns an Operator for the server that uses a data directory. It returns ErrNoServer if there is none.
func Dial(ctx context.Context, dataDir string) (*Operator, error) {
	conn, err := dialSocket(ctx, dataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, ErrNoServer // a killed server leaves a socket that refuses connections
	case err != nil:
		return nil, err
	}
	_ = conn.Close()
	return &Operator{remote: newRemoteServer(dataDir)}, nil
}

func dialSocket(ctx context.Context, dataDir string) (net.Conn, error) {
	path, release, err := socketPath(dataDir)
	if err != nil {
		return nil, err
	}
	defer release()
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", path)
}

// Listen creates the socket in a data directory, accessible only to the owner. The caller must hold the
// directory's lock: Listen replaces an existing socket, which only a killed server can have left. Closing
// the listener removes the socket.
func Listen(dataDir string) (net.Listener, error) {
	path, release, err := socketPath(dataDir)
	if err != nil {
		return nil, err
	}
	defer release()
	file := filepath.Join(dataDir, SocketName)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // path may lead through a file descriptor that is closed by then
	if err := os.Chmod(file, 0o600); err != nil {
		_ = l.Close()
		return nil, err
	}
	return &socketListener{UnixListener: l, path: file}, nil
}

type socketListener struct {
	*net.UnixListener
	path string
}

func (l *socketListener) Close() error {
	return errors.Join(l.UnixListener.Close(), ignoreMissing(os.Remove(l.path)))
}

// ignoreMissing makes a second Close of the listener harmless.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
