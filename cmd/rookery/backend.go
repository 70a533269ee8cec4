package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/rookery-im/rookery/internal/control"
	"github.com/rookery-im/rookery/internal/service"
	"github.com/rookery-im/rookery/internal/sqlite"
)

// storeName is the file name of the database in the data directory.
const storeName = "rookery.db"

// backend is a locked data directory with its open store and a service on it.
type backend struct {
	lock    *flock.Flock
	store   *sqlite.Store
	service *service.Service
}

// openBackend opens the store of a locked data directory and starts a service on it. It takes ownership of the lock,
// which it releases on errors. reserve is the size of the disk reserve in bytes. The Store field of config is ignored.
func openBackend(
	ctx context.Context, dir string, lock *flock.Flock, ifNone missingStorePolicy, reserve int64, config service.Config,
) (*backend, error) {
	store, err := sqlite.Open(ctx, sqlite.Config{
		Path: filepath.Join(dir, storeName), MustExist: ifNone == failIfMissing, ReserveBytes: reserve, Log: config.Log,
	})
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	b := &backend{lock: lock, store: store}
	config.Store = store
	b.service = service.New(config)
	if err := b.service.LoadSessions(ctx); err != nil {
		return nil, errors.Join(err, b.close(ctx))
	}
	return b, nil
}

// missingStorePolicy selects what happens if there is no store.
type missingStorePolicy bool

const (
	failIfMissing   missingStorePolicy = false
	createIfMissing missingStorePolicy = true
)

// close ends the service, waits for pending writes, closes the store, and unlocks the directory.
func (b *backend) close(ctx context.Context) error {
	b.service.Close(context.WithoutCancel(ctx))
	return errors.Join(b.store.Close(), b.lock.Unlock())
}

// operateOrCreate is withOperator for commands that may be the first on a data directory. It creates a missing store
// and reports that on say.
func operateOrCreate(ctx context.Context, dir string, say io.Writer, action func(*control.Operator) error) error {
	var none *noStoreError
	if !errors.As(checkStore(dir), &none) {
		return withOperator(ctx, dir, action)
	}
	if err := prepareDataDir(dir); err != nil {
		return err
	}
	fmt.Fprintf(say, "There was no Rookery in %s, so one is begun.\n", dir)
	return withClaimedDir(ctx, dir, createIfMissing, action)
}

// withOperator calls action with an Operator for a data directory. The Operator sends requests to the server that uses
// the directory, or, without a server, works directly on the store.
func withOperator(ctx context.Context, dir string, action func(*control.Operator) error) error {
	if err := checkStore(dir); err != nil {
		return err
	}
	return withClaimedDir(ctx, dir, failIfMissing, action)
}

// withClaimedDir is withOperator without the check that a store exists; ifNone selects what happens without one.
func withClaimedDir(ctx context.Context, dir string, ifNone missingStorePolicy,
	action func(*control.Operator) error) error {
	lock, operator, err := claimDataDir(ctx, dir)
	if err != nil {
		return err
	}
	if operator != nil {
		defer operator.Close()
		return action(operator)
	}
	backend, err := openBackend(ctx, dir, lock, ifNone, sqlite.LeaveReserveUnchanged,
		service.Config{Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return errors.Join(action(control.NewOperator(backend.service)), backend.close(ctx))
}
