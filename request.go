package rookery

import "time"

// RequestKey is what a changing request is remembered by, so that repeating it has
// no second effect. The zero Mark is not remembered.
type RequestKey struct {
	// Owner and Device say whose memory it is in; Device is empty for address
	// sessions.
	Owner  UIN
	Device string
	// Digest stands for the owner, the client's SEQ, the command and its
	// content.
	Digest [16]byte
	// ReceivedAt is when the request came, on the server's own clock that stands still
	// while the server is down.
	ReceivedAt time.Duration
	// RepeatWindow is how long afterwards an equal request counts as a repeat.
	RepeatWindow time.Duration
	// LatestOnly: it counts only while it is the owner's latest one.
	LatestOnly bool
}

// IsZero reports whether the mark stands for nothing.
func (k RequestKey) IsZero() bool { return k == RequestKey{} }

// Receipt tells what became of a changing request.
type Receipt struct {
	Outcome Outcome
	// Repeated: an equal request was done before; this is its outcome, and
	// nothing was done now.
	Repeated bool
	// Numbers are those that the letters got in their mailboxes, in the order
	// of the letters.
	Numbers []uint64
}
