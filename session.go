package rookery

import (
	"net/netip"
	"time"
)

// Session is one account signed in from one place. A session without a Device
// belongs to the client's address: an account has at most one such session.
type Session struct {
	// ID tells this sign-in from the account's others: each sign-in, a renewed
	// one too, draws a new one.
	ID      uint64
	Account UIN
	// Device is empty for an address session.
	Device  string
	Address netip.Addr
	// Status is what the account's user chose; all sessions of an account have
	// the same.
	Status Status
	// Program is what the client calls itself, the protocol's LC.
	Program    string
	SignedInAt time.Time
	// Encoding is what the client's doubtful texts are read as, in the numbers
	// of package wire; 0 is unknown.
	Encoding uint8
	// ByNumber: the client has confirmed a push by its number, and from then on
	// nothing else confirms.
	ConfirmsByNumber bool
	// Token is the hash of what proves a device session, zero for an address
	// session.
	Token TokenHash
	// Asleep: nothing was heard of the device for long, and its account does not
	// look online for it; its token is still good.
	Asleep bool
}

// Cursor is how far one collector (an account's address sessions together, or
// one device) has got in the account's mailbox.
type Cursor struct {
	// Number is the last entry handed out.
	Number uint64
	// RepeatFrom is the first entry that may have to be handed out again; retention
	// leaves it and all after it. 0: none.
	RepeatFrom uint64
	// State is what the service remembers of the latest collections, in its own
	// format.
	State []byte
}
