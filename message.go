package rookery

import (
	"time"
	"unicode/utf8"
)

// MaxText is the most that a message's text, or the words of a friend request,
// may hold, in bytes of UTF-8.
const MaxText = 4000

// CheckText reports with CodeParameter what keeps a text from being sent.
func CheckText(text string) error {
	switch {
	case text == "":
		return Errorf(CodeParameter, "the text is empty")
	case len(text) > MaxText:
		return Errorf(CodeParameter, "the text has %d bytes, allowed are %d", len(text), MaxText)
	case !utf8.ValidString(text):
		return Errorf(CodeParameter, "the text is not valid UTF-8")
	}
	return nil
}

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
