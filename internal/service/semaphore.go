package service

import (
	"context"

	"github.com/rookery-im/rookery"
)

// semaphore is a lock that may be held during slow calls, such as those of the store. Unlike a
// sync.Mutex, acquire can be cancelled by a context.
type semaphore chan struct{}

// newSemaphore returns a semaphore that up to holders callers can hold at once.
func newSemaphore(holders int) semaphore { return make(semaphore, holders) }

// acquire waits for the semaphore. It returns CodeTemporary if ctx ends first.
func (s semaphore) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return rookery.Temporary(err)
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return rookery.Temporary(ctx.Err())
	}
}

// release lets another caller acquire the semaphore.
func (s semaphore) release() { <-s }
