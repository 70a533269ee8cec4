package service

import (
	"context"
	"net/netip"

	"github.com/rookery-im/rookery"
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

// RecordLoginFailures records n wrong passwords at an account from an unknown address.
func RecordLoginFailures(service *Service, uin rookery.UIN, address netip.Addr, n int) {
	for range n {
		service.loginLimiter.recordFailure(loginAttempt{account: uin, address: rookery.Network(address)},
			service.uptime())
	}
}

// HoldHashSlot acquires a slot of the hash queue. end releases it.
func HoldHashSlot(ctx context.Context, service *Service) (end func(), err error) {
	return service.passwordVerifier.hashQueue.release, service.passwordVerifier.hashQueue.acquire(ctx,
		priorityOperator, netip.Addr{})
}

// PendingCheckCount returns for how many pairs of account and address checks are pending.
func PendingCheckCount(service *Service) int {
	service.loginLimiter.mu.Lock()
	defer service.loginLimiter.mu.Unlock()
	return len(service.loginLimiter.pending)
}
