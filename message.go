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

// CountsAsBacklog reports whether an entry waits for somebody until it is collected. An
// account's own words do not.
func (k Kind) CountsAsBacklog() bool { return k != KindSent }

// AnswersRequest reports whether an entry answers a friend request.
func (k Kind) AnswersRequest() bool { return k == KindAccepted || k == KindRejected }

// Backlog is what waits in a mailbox: entries above the highest place of any of
// the account's sessions, as far as their kind waits.
type Backlog struct {
	Messages int
	// Bytes are those of the texts, in UTF-8.
	Bytes int64
}

// BacklogLimit is the most that may wait in a mailbox.
type BacklogLimit Backlog

// Check reports with CodeRefused that a text does not fit beside what waits.
func (l BacklogLimit) Check(backlog Backlog, text string) error {
	switch {
	case backlog.Messages >= l.Messages:
		return Errorf(CodeRefused, "that account's mailbox is full: %d messages wait there; "+
			"try again when it has collected some", backlog.Messages)
	case backlog.Bytes+int64(len(text)) > l.Bytes:
		return Errorf(CodeRefused, "that account's mailbox is full: messages of %d bytes wait there; "+
			"try again when it has collected some", backlog.Bytes)
	}
	return nil
}

// NewEntry is what is to be put into a mailbox: an entry before it has a number.
type NewEntry struct {
	To   UIN
	Kind Kind
	// Peer is the other side: who wrote, or for KindSent to whom.
	Peer UIN
	Text string
	// OriginDevice is the device that a KindSent came from, empty for an address
	// session: whoever said a word is not told it.
	OriginDevice string
	// BacklogLimit is the most that may wait in the mailbox with this letter. Nil: it is
	// always taken.
	Limit *BacklogLimit
}

// Delivery is what one changing request puts into mailboxes.
type Delivery struct {
	Entries []NewEntry
	Key     RequestKey
}

// DeliveryResult is what became of a delivery.
type DeliveryResult struct {
	Receipt Receipt
	Err     error
}

// HistoryQuery asks for the words of a conversation: entries of KindMessage and
// KindSent in one's own mailbox.
type HistoryQuery struct {
	// With is the other side, 0 for everybody.
	With UIN
	// Before is an entry's number: only what is older is wanted. 0: the newest.
	Before uint64
	Limit  int
	// Text is what an entry has to contain, in any case of letters; empty: anything.
	Text string
}

// ReadMark is how far an account has read a conversation.
type ReadMark struct {
	With UIN
	// Number is the entry that was read last, 0 if none was.
	Number uint64
}

// Entry is one entry of an account's mailbox. A mailbox is a log: its numbers go
// up from 1, and may have gaps. Entries are never changed, but for the words of a
// friend request that is made again before anybody has collected it.
type Entry struct {
	Number       uint64
	Kind         Kind
	Peer         UIN
	Time         time.Time
	Text         string
	OriginDevice string // see Letter
}
