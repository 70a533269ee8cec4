package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// accountLock is a lock for what may take long, calls of the store above all. Whoever
// waits for it heeds a context, which a sync.Mutex does not.
type accountLock chan struct{}

// newTurn makes a lock that so many can hold at once.
func newTurn(holders int) accountLock { return make(accountLock, holders) }

// take waits for the turn. CodeTemporary if ctx ends before.
func (t accountLock) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return rookery.Temporary(err)
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return rookery.Temporary(ctx.Err())
	}
}

// end lets the next one have it.
func (t accountLock) end() { <-t }
