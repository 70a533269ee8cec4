package service

import (
	"context"
	"net/netip"

	"github.com/rookery-im/rookery"
)

// Waves is how many times a feed remembers at which it wrote.
func Waves(sub *Subscription) int {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return len(sub.waves)
}

// HoldTurn takes the turn of a session's account, and gives it back when the
// test says so.
func HoldTurn(ctx context.Context, session *Session) (end func(), err error) {
	return session.member.turn.end, session.member.turn.take(ctx)
}

// HoldCollections does so with the turn of collecting.
func HoldCollections(ctx context.Context, session *Session) (end func(), err error) {
	return session.box.turn.end, session.box.turn.take(ctx)
}

// NoteWrongTries notes wrong tries at an account from an address that it never
// signed in from.
func NoteWrongTries(svc *Service, uin rookery.UIN, address netip.Addr, n int) {
	for range n {
		svc.guard.wrong(loginAttempt{account: uin, address: rookery.Network(address)}, svc.uptime())
	}
}

// HoldHashing takes a place in which passwords are hashed, and gives it back when
// the test says so.
func HoldHashing(ctx context.Context, svc *Service) (end func(), err error) {
	return svc.prover.queue.leave, svc.prover.queue.take(ctx, rankOperator, netip.Addr{})
}

// Checking is for how many accounts and addresses tries are being checked.
func Checking(svc *Service) int {
	svc.guard.mu.Lock()
	defer svc.guard.mu.Unlock()
	return len(svc.guard.checking)
}
