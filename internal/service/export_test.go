package service

import (
	"context"
	"net/netip"

	"github.com/rookery-im/rookery"
)

// PushedRangeCount is how many times a feed remembers at which it wrote.
func PushedRangeCount(subscription *Subscription) int {
	subscription.mu.Lock()
	defer subscription.mu.Unlock()
	return len(subscription.pushedRanges)
}

// HoldChangeLock takes the turn of a session's account, and gives it back when the
// test says so.
func HoldChangeLock(ctx context.Context, session *Session) (end func(), err error) {
	return session.account.changeLock.release, session.account.changeLock.acquire(ctx)
}

// HoldCollectLock does so with the turn of collecting.
func HoldCollectLock(ctx context.Context, session *Session) (end func(), err error) {
	return session.consumer.collectLock.release, session.consumer.collectLock.acquire(ctx)
}

// RecordLoginFailures notes wrong tries at an account from an address that it never
// signed in from.
func RecordLoginFailures(service *Service, uin rookery.UIN, address netip.Addr, n int) {
	for range n {
		service.loginLimiter.recordFailure(loginAttempt{account: uin, address: rookery.Network(address)}, service.uptime())
	}
}

// HoldHashSlot takes a place in which passwords are hashed, and gives it back when
// the test says so.
func HoldHashSlot(ctx context.Context, service *Service) (end func(), err error) {
	return service.passwordVerifier.hashQueue.release, service.passwordVerifier.hashQueue.acquire(ctx, priorityOperator, netip.Addr{})
}

// PendingCheckCount is for how many accounts and addresses tries are being checked.
func PendingCheckCount(service *Service) int {
	service.loginLimiter.mu.Lock()
	defer service.loginLimiter.mu.Unlock()
	return len(service.loginLimiter.pending)
}
