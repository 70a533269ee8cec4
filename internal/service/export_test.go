package service

import (
	"context"
)

// PushedRangeCount returns how many ranges of unconfirmed entries a subscription holds.
func PushedRangeCount(subscription *Subscription) int {
	subscription.mu.Lock()
	defer subscription.mu.Unlock()
	return len(subscription.pushedRanges)
}

// HoldChangeLock acquires the changeLock of a session's account. end releases it.
func HoldChangeLock(ctx context.Context, session *Session) (end func(), err error) {
	return session.account.changeLock.release, session.account.changeLock.acquire(ctx)
}

// HoldCollectLock acquires the collectLock of a session's consumer. end releases it.
func HoldCollectLock(ctx context.Context, session *Session) (end func(), err error) {
	return session.consumer.collectLock.release, session.consumer.collectLock.acquire(ctx)
}
