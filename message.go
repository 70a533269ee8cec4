package rookery

import (
	"time"
	"unicode/utf8"
)

// MaxText is the longest text of a message or friend request, in bytes of UTF-8.
const MaxText = 4000

// CheckText returns an error with CodeParameter if text cannot be sent.
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

// Kind is the kind of a mailbox entry. Its values are those of the protocol's key MT.
type Kind uint8

// The kinds of entries.
const (
	KindAdded    Kind = 1  // the peer has added the account as a friend
	KindAsks     Kind = 2  // the peer sent a friend request with Text
	KindAccepted Kind = 3  // the peer has accepted the account's request
	KindRejected Kind = 4  // the peer has rejected the account's request, with Text
	KindMessage  Kind = 9  // a message from the peer
	KindSent     Kind = 19 // a copy of the account's own message to the peer
	KindStatus   Kind = 99 // the peer's status has changed; never stored
)

// CountsAsBacklog reports whether entries of this kind count against the backlog
// limit until they are collected. Copies of the account's own messages do not.
func (k Kind) CountsAsBacklog() bool { return k != KindSent }

// AnswersRequest reports whether entries of this kind answer a friend request.
func (k Kind) AnswersRequest() bool { return k == KindAccepted || k == KindRejected }

// Backlog is the size of a mailbox's uncollected part: the entries above the highest
// cursor of any consumer whose kind CountsAsBacklog.
type Backlog struct {
	Messages int
	// Bytes is the size of the texts in UTF-8.
	Bytes int64
}

// BacklogLimit is the largest backlog that a mailbox may have.
type BacklogLimit Backlog

// Check returns an error with CodeRefused if one more entry with this text would exceed
// the limit.
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

// NewEntry is an entry that is to be appended to the mailbox of To. The store gives it
// a number.
type NewEntry struct {
	To   UIN
	Kind Kind
	// Peer is the other account of the conversation: the sender, or for KindSent the
	// receiver.
	Peer UIN
	Text string
	// OriginDevice is the device that sent the message which a KindSent copies. It is
	// empty for an address session. The origin does not receive the copy.
	OriginDevice string
	// Limit is the largest backlog of the mailbox with this entry included. Without a
	// Limit the entry is always accepted.
	Limit *BacklogLimit
}

// Delivery is all entries that one changing request appends. The store appends all of
// them or none.
type Delivery struct {
	Entries []NewEntry
	Key     RequestKey
}

// DeliveryResult is the result of one of several deliveries.
type DeliveryResult struct {
	Receipt Receipt
	Err     error
}

// HistoryQuery selects messages, entries of KindMessage and KindSent, of one mailbox.
type HistoryQuery struct {
	// Peer is the other account of the conversation, 0 for all conversations.
	Peer UIN
	// Before selects entries with smaller numbers. 0 selects the newest.
	Before uint64
	Limit  int
	// Text selects entries that contain it, ignoring case. Empty selects all.
	Text string
}

// ReadMark is how far an account has read a conversation.
type ReadMark struct {
	Peer UIN
	// Number is the number of the last entry read, 0 if none was.
	Number uint64
}

// Entry is one entry of an account's mailbox. A mailbox is a log: numbers grow from 1
// and can have gaps. Entries do not change, with one exception: the text of a friend
// request changes if the request is repeated before anybody has collected the entry.
type Entry struct {
	Number       uint64
	Kind         Kind
	Peer         UIN
	Time         time.Time
	Text         string
	OriginDevice string // see NewEntry
}
