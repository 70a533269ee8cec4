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

// SocketName is the socket's name in the data directory.
const SocketName = "control.sock"

// ErrNoServer says that no server runs on a data directory.
var ErrNoServer = errors.New("no server runs on this data directory")

// Dial returns an Operator on the server that runs on a data directory,
// ErrNoServer if there is none.
func Dial(ctx context.Context, dataDir string) (*Operator, error) {
	conn, err := dialSocket(ctx, dataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, ErrNoServer // the socket of a killed server refuses
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

// Listen opens the socket of a data directory for its owner alone. Whoever
// calls it must hold the directory's lock: a socket that is there already is
// what a killed server left, and is replaced. Closing the listener removes it.
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
	l.SetUnlinkOnClose(false) // path may lead through a directory that is closed by then
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

// ignoreMissing lets a listener be closed twice.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
