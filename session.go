package rookery

import (
	"net/netip"
	"time"
)

// Session is a login of an account. A session without a Device is an address session,
// bound to the client's address. An account has at most one address session.
type Session struct {
	// ID is random and new for each login, also for one that renews a session.
	ID      uint64
	Account UIN
	// Device is empty for an address session.
	Device  string
	Address netip.Addr
	// Status is the status that the user has chosen. All sessions of an account have
	// the same one.
	Status Status
	// Program is the client's name for itself, the protocol's key LC.
	Program    string
	SignedInAt time.Time
	// Encoding is the charset for texts of this client whose charset is ambiguous, as
	// a wire.Charset. 0 is unknown.
	Encoding uint8
	// ConfirmsByNumber means that the client has confirmed a push by its number. From
	// then on nothing else confirms a push.
	ConfirmsByNumber bool
	// Token is the hash of a device session's token, zero for an address session.
	Token TokenHash
	// Asleep means that the device has sent nothing for a long time. The session does
	// not make its account look online, but its token stays valid.
	Asleep bool
}

// Cursor is the position of one consumer in a mailbox. All address sessions of an
// account together are one consumer, and each device is one.
type Cursor struct {
	// Number is the number of the last entry handed out.
	Number uint64
	// RepeatFrom is the first entry that the client may request again, 0 if there is
	// none. Retention does not delete it or anything after it.
	RepeatFrom uint64
	// State is the service's record of the latest collections, in a format of its
	// own.
	State []byte
}
