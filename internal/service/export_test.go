package service

import (
	"context"
	"net/netip"

	"github.com/rookery-im/rookery"
)

// Waves is how many times a feed remembers at which it wrote.
func Waves(f *Subscription) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waves)
}

// HoldTurn takes the turn of a session's account, and gives it back when the
// test says so.
func HoldTurn(ctx context.Context, se *Session) (end func(), err error) {
	return se.member.turn.end, se.member.turn.take(ctx)
}

// HoldCollections does so with the turn of collecting.
func HoldCollections(ctx context.Context, se *Session) (end func(), err error) {
	return se.box.turn.end, se.box.turn.take(ctx)
}

// NoteWrongTries notes wrong tries at an account from an address that it never
// signed in from.
func NoteWrongTries(s *Service, uin rookery.UIN, address netip.Addr, n int) {
	for range n {
		s.guard.wrong(loginAttempt{account: uin, address: rookery.Network(address)}, s.uptime())
	}
}

// HoldHashing takes a place in which passwords are hashed, and gives it back when
// the test says so.
func HoldHashing(ctx context.Context, s *Service) (end func(), err error) {
	return s.prover.queue.leave, s.prover.queue.take(ctx, rankOperator, netip.Addr{})
}

// Checking is for how many accounts and addresses tries are being checked.
func Checking(s *Service) int {
	s.guard.mu.Lock()
	defer s.guard.mu.Unlock()
	return len(s.guard.checking)
}
