package rookery

import "time"

// RequestKey is an idempotency key. The store remembers the key of each changing
// request, so that a repeat has no second effect. It does not remember the zero key.
type RequestKey struct {
	// Owner and Device are the account and device that sent the request. Device is
	// empty for address sessions.
	Owner  UIN
	Device string
	// Digest is a hash of owner, SEQ, command and content.
	Digest [16]byte
	// ReceivedAt is the arrival time on the server's uptime clock, which does not
	// advance while the server is down.
	ReceivedAt time.Duration
	// RepeatWindow is how long afterwards an equal request counts as a repeat.
	RepeatWindow time.Duration
	// LatestOnly means that the key is valid only until the same owner and device
	// send another request.
	LatestOnly bool
}

// IsZero reports whether the key is the zero key.
func (k RequestKey) IsZero() bool { return k == RequestKey{} }

// Receipt is the result of a changing request.
type Receipt struct {
	Outcome Outcome
	// Repeated means that an equal request was carried out before. The receipt is
	// that request's, and nothing was done now.
	Repeated bool
	// Numbers are the mailbox numbers of the new entries, in the order of the
	// delivery.
	Numbers []uint64
}
