package rookery

import "time"

// MaxText is the most that a message's text, or the words of a friend request,
// may hold, in bytes of UTF-8.
const MaxText = 4000

// Kind says what an entry of a mailbox is. The numbers are those of the
// protocol's MT.
type Kind uint8

const (
	KindAdded    Kind = 1  // the peer has added you
	KindAsks     Kind = 2  // the peer asks to be your friend, Text holds the words
	KindAccepted Kind = 3  // the peer has accepted your request
	KindRejected Kind = 4  // the peer has rejected your request, Text holds the words
	KindMessage  Kind = 9  // the peer's message
	KindSent     Kind = 19 // the account's own words to the peer
	KindStatus   Kind = 99 // a friend's status has changed; never stored
)

// Letter is what is to be put into a mailbox: an entry before it has a number.
type Letter struct {
	To   UIN
	Kind Kind
	// Peer is the other side: who wrote, or for KindSent to whom.
	Peer UIN
	Text string
}

// Entry is one entry of an account's mailbox. A mailbox is a log: numbers
// begin with 1 and have no gaps; entries are never changed.
type Entry struct {
	Number uint64
	Kind   Kind
	Peer   UIN
	Time   time.Time
	Text   string
}
