package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/adrg/xdg"
	"github.com/gofrs/flock"
	"github.com/spf13/pflag"

	"github.com/rookery-im/rookery/internal/control"
	"github.com/rookery-im/rookery/internal/disk"
	"github.com/rookery-im/rookery/internal/sqlite"
)

const (
	// lockName is the file whose lock says that a process works on the data
	// directory. It holds nothing, and the lock ends with the process.
	lockName = "lock"
	// numbersName is the store's file for the numbers of messages.
	numbersName = "rookery.numbers"
	// reserveName is the file that holds room on the disk.
	reserveName = "rookery.reserve"
	// claimTimeout is how long a command that is done soon may keep another one
	// waiting for the data directory.
	claimTimeout    = 5 * time.Second
	claimRetryDelay = 20 * time.Millisecond
)

// addDataFlag adds the flag for the data directory.
func addDataFlag(flags *pflag.FlagSet) *string {
	return flags.String("data", defaultDataDir(), "work on `DIR`, the directory with everything that the server keeps")
}

func defaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/rookery"
	}
	return filepath.Join(xdg.DataHome, "rookery")
}

// prepareDataDir makes a data directory that nobody else can read, or sees to it
// that an existing one can be used. A directory that is used for other things
// too keeps its mode: the files in it are private all the same, see main.
func prepareDataDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the data directory: %w; choose another with --data", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("cannot read the data directory: %w", disk.ExplainError(err))
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 == 0 || hasForeignFiles(entries) {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("others can read the data directory, and its mode cannot be changed to 700: %w", disk.ExplainError(err))
	}
	return nil
}

// hasForeignFiles reports whether a directory holds anything that Rookery and new
// file systems do not put there.
func hasForeignFiles(entries []fs.DirEntry) bool {
	for _, entry := range entries {
		switch entry.Name() {
		case lockName, storeName, storeName + "-wal", storeName + "-shm", numbersName, reserveName, control.SocketName, "lost+found":
		default:
			return true
		}
	}
	return false
}

// noStoreError says that a directory holds no store.
type noStoreError struct{ dir string }

func (e *noStoreError) Error() string {
	return fmt.Sprintf("there is no Rookery in %s; start one there with rookery serve --data, "+
		"or name another directory with --data", e.dir)
}

// checkStore reports as an error that a directory holds no store, which is a
// noStoreError, or that none can be opened or made there.
func checkStore(dir string) error {
	exists, err := sqlite.Exists(filepath.Join(dir, storeName))
	switch {
	case errors.Is(err, sqlite.ErrDatabaseMissing):
		return fmt.Errorf("in %s %w", dir, err)
	case err != nil && !errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("cannot look into the data directory: %w", disk.ExplainError(err))
	case !exists:
		return &noStoreError{dir}
	}
	return nil
}

// claimDataDir locks a data directory, or finds the server that has it: one of the two
// is returned.
func claimDataDir(ctx context.Context, dir string) (*flock.Flock, *control.Operator, error) {
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	for end := time.Now().Add(claimTimeout); ; {
		locked, err := lock.TryLock()
		if err != nil {
			return nil, nil, fmt.Errorf("cannot lock the data directory: %w", disk.ExplainError(err))
		}
		if locked {
			// Who can open the file can hold up the server.
			if _, err := disk.MakePrivate(lock.Path()); err != nil {
				return nil, nil, errors.Join(fmt.Errorf("others can lock the data directory, and it cannot be changed: %w; "+
					"run chmod 600 %s as its owner", err, lock.Path()), lock.Unlock())
			}
			return lock, nil, nil
		}
		operator, err := control.Dial(ctx, dir)
		if !errors.Is(err, control.ErrNoServer) {
			return nil, operator, err
		}
		if time.Now().After(end) {
			return nil, nil, fmt.Errorf("another program works on %s and does not answer; wait until it is done, or end it", dir)
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(claimRetryDelay):
		}
	}
}
