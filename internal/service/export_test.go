package service

import "context"

// Waves is how many times a feed remembers at which it wrote.
func Waves(f *Feed) int {
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
