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

// storeName is the database in the data directory.
const storeName = "rookery.db"

// backend is a data directory at work: locked, its store open, a service on it.
type backend struct {
	lock    *flock.Flock
	store   *sqlite.Store
	service *service.Service
}

// openBackend opens the store of a data directory that is locked, with so much of
// the disk in reserve. It takes over the lock. Of the config, Store is filled in
// here.
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
	if b.service, err = service.New(config); err == nil {
		err = b.service.LoadSessions(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// missingStorePolicy says what to do where there is no store.
type missingStorePolicy bool

const (
	failIfMissing   missingStorePolicy = false
	createIfMissing missingStorePolicy = true
)

// close ends the store once what it has accepted is done, and unlocks the
// directory.
func (b *backend) close() error { return errors.Join(b.store.Close(), b.lock.Unlock()) }

// operateOrCreate is operate for commands that can be the first: where there is no
// store yet, it makes one and says so.
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

// withOperator calls do with an Operator on a data directory: on the server that
// runs on it or, if none does, on the store itself.
func withOperator(ctx context.Context, dir string, action func(*control.Operator) error) error {
	if err := checkStore(dir); err != nil {
		return err
	}
	return withClaimedDir(ctx, dir, failIfMissing, action)
}

func withClaimedDir(ctx context.Context, dir string, ifNone missingStorePolicy, action func(*control.Operator) error) error {
	lock, operator, err := claimDataDir(ctx, dir)
	if err != nil {
		return err
	}
	if operator != nil {
		defer operator.Close()
		return action(operator)
	}
	backend, err := openBackend(ctx, dir, lock, ifNone, sqlite.LeaveReserveUnchanged, service.Config{Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return errors.Join(action(control.NewOperator(backend.service)), backend.close())
}
