package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// semaphore is a lock for what may take long, calls of the store above all. Whoever
// waits for it heeds a context, which a sync.Mutex does not.
type semaphore chan struct{}

// newSemaphore makes a lock that so many can hold at once.
func newSemaphore(holders int) semaphore { return make(semaphore, holders) }

// acquire waits for the turn. CodeTemporary if ctx ends before.
func (t semaphore) acquire(ctx context.Context) error {
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

// release lets the next one have it.
func (t semaphore) release() { <-t }
