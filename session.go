package rookery

import (
	"net/netip"
	"time"
)

// Session is one account signed in from one place. A session without a Device
// belongs to the client's address: an account has at most one such session.
type Session struct {
	Account UIN
	// Device is empty for an address session.
	Device  string
	Address netip.Addr
	// Status is what the account's user chose; all sessions of an account have
	// the same.
	Status Status
	// Program is what the client calls itself, the protocol's LC.
	Program string
	Since   time.Time
}

// Place is how far one collector (an account's address sessions together, or
// one device) has got in the account's mailbox.
type Place struct {
	// Number is the last entry handed out.
	Number uint64
	// Keep is the first entry that may have to be handed out again; retention
	// leaves it and all after it. 0: none.
	Keep uint64
	// Memo is what the service remembers of the latest collections, in its own
	// format.
	Memo []byte
}

// Mark is what a changing request is remembered by, so that repeating it has
// no second effect. The zero Mark is not remembered.
type Mark struct {
	// Owner and Device say whose memory it is in; Device is empty for address
	// sessions.
	Owner  UIN
	Device string
	// Digest stands for the owner, the client's SEQ, the command and its
	// content.
	Digest [16]byte
	// At is when the request came, on the server's own clock that stands still
	// while the server is down.
	At time.Duration
	// Window is how long afterwards an equal request counts as a repeat.
	Window time.Duration
	// LatestOnly: it counts only while it is the owner's latest one, and only
	// until the owner's next sign-in.
	LatestOnly bool
}

// IsZero reports whether the mark stands for nothing.
func (m Mark) IsZero() bool { return m == Mark{} }
