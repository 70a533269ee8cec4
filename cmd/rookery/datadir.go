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
	// lockName is the empty file whose lock marks the data directory as in use. The system releases the lock when
	// the process ends.
	lockName = "lock"
	// numbersName is the store's file with the upper bound of mailbox numbers.
	numbersName = "rookery.numbers"
	// reserveName is the file whose space the store gives up when the disk is full.
	reserveName = "rookery.reserve"
	// claimTimeout is how long a command waits for another short command to release the data directory.
	claimTimeout    = 5 * time.Second
	claimRetryDelay = 20 * time.Millisecond
)

// addDataFlag adds the flag for the data directory.
func addDataFlag(flags *pflag.FlagSet) *string {
	return flags.String("data", defaultDataDir(), "use the data directory `DIR`")
}

func defaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/rookery"
	}
	return filepath.Join(xdg.DataHome, "rookery")
}

// prepareDataDir creates a data directory that only its owner can read, or makes an existing one private. A directory
// that also contains foreign files keeps its mode; the files that Rookery creates are private anyway, see main.
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
		return fmt.Errorf("others can read the data directory, and its mode cannot be changed to 700: %w",
			disk.ExplainError(err))
	}
	return nil
}

// hasForeignFiles reports whether a directory contains anything that neither Rookery nor a new file system creates.
func hasForeignFiles(entries []fs.DirEntry) bool {
	for _, entry := range entries {
		switch entry.Name() {
		case lockName, storeName, storeName + "-wal", storeName + "-shm", numbersName, reserveName, control.SocketName,
			"lost+found":
		default:
			return true
		}
	}
	return false
}

// noStoreError means that a directory contains no store.
type noStoreError struct{ dir string }

func (e *noStoreError) Error() string {
	return fmt.Sprintf("there is no Rookery in %s; start one there with rookery serve --data, "+
		"or name another directory with --data", e.dir)
}

// checkStore returns a *noStoreError if a directory contains no store, and another error if a store cannot be
// opened or created there.
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

// claimDataDir locks a data directory, or connects to the server that uses it. Without an error it returns either the
// lock and a nil Operator, or a nil lock and the Operator; the caller must unlock or close it.
func claimDataDir(ctx context.Context, dir string) (*flock.Flock, *control.Operator, error) {
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	for end := time.Now().Add(claimTimeout); ; {
		locked, err := lock.TryLock()
		if err != nil {
			return nil, nil, fmt.Errorf("cannot lock the data directory: %w", disk.ExplainError(err))
		}
		if locked {
			// Any user who can open the file could lock it and so prevent the server from starting.
			if _, err := disk.MakePrivate(lock.Path()); err != nil {
				return nil, nil,
					errors.Join(fmt.Errorf("others can lock the data directory, and it cannot be changed: %w; "+
						"run chmod 600 %s as its owner", err, lock.Path()), lock.Unlock())
			}
			return lock, nil, nil
		}
		operator, err := control.Dial(ctx, dir)
		if !errors.Is(err, control.ErrNoServer) {
			return nil, operator, err
		}
		if time.Now().After(end) {
			return nil, nil, fmt.Errorf("another program uses %s and does not answer; wait until it is done, or end it",
				dir)
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(claimRetryDelay):
		}
	}
}
