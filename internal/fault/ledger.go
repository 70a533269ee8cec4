package fault

import (
	"fmt"
	"sync"

	"github.com/rookery-im/rookery"
)

// Message is an entry that one account puts into the mailbox of another. Its text is unique within a run, so equal
// Messages are copies of one message.
type Message struct {
	From, To rookery.UIN
	Kind     rookery.Kind
	Text     string
}

func (m Message) String() string {
	text := m.Text
	if len(text) > 40 {
		text = text[:40] + "..."
	}
	return fmt.Sprintf("%d to %d, kind %d, %q", m.From, m.To, m.Kind, text)
}

// SentMessage is a message together with its SEQ.
type SentMessage struct {
	Message
	SEQ string
	// Acknowledged is set once the sender has received RES=0.
	Acknowledged bool
	// SentAt and AcknowledgedAt order the sendings and the acknowledgements of a run. They count both
	// from 1. AcknowledgedAt is 0 if the answer has not reached the sender.
	SentAt, AcknowledgedAt int
}

// Fault is one violation of the property that this package tests.
type Fault struct {
	Kind    FaultKind
	Message Message
}

func (f Fault) String() string { return string(f.Kind) + ": " + f.Message.String() }

// FaultKind describes what is wrong with a message.
type FaultKind string

// The faults that FindFaults finds.
const (
	Lost       FaultKind = "acknowledged, but missing"
	Duplicated FaultKind = "present more than once"
	Reordered  FaultKind = "present after a message that was sent after its acknowledgement"
	Invented   FaultKind = "present, but not sent"
)

// FindFaults checks the property that this package tests. sent holds all messages. mailboxes holds the final
// contents of each mailbox, oldest first. Each acknowledged message must be there exactly once, each other message
// at most once, and nothing else. Of each pair of sender and receiver, an acknowledged message must come before
// those that were sent after its acknowledgement. Messages that were on their way at the same time have no order.
func FindFaults(sent []SentMessage, mailboxes map[rookery.UIN][]Message) []Fault {
	var faults []Fault
	position := make(map[Message]int, len(sent))
	for i, s := range sent {
		position[s.Message] = i
	}
	found := make(map[Message]bool, len(sent))
	for owner, mailbox := range mailboxes {
		latest := make(map[rookery.UIN]int) // the highest SentAt of an acknowledged message, by sender
		for _, message := range mailbox {
			i, exists := position[message]
			switch {
			case !exists || message.To != owner:
				faults = append(faults, Fault{Invented, message})
				continue
			case found[message]:
				faults = append(faults, Fault{Duplicated, message})
				continue
			case sent[i].Acknowledged:
				if at := sent[i].AcknowledgedAt; at > 0 && at < latest[message.From] {
					faults = append(faults, Fault{Reordered, message})
				}
				latest[message.From] = max(latest[message.From], sent[i].SentAt)
			}
			found[message] = true
		}
	}
	for _, s := range sent {
		if s.Acknowledged && !found[s.Message] {
			faults = append(faults, Fault{Lost, s.Message})
		}
	}
	return faults
}

// Ledger records what the clients of a run sent and received. Its methods are safe for concurrent use.
type Ledger struct {
	mu        sync.Mutex // guards the fields below
	recorded  int        // sendings and acknowledgements so far
	sent      []SentMessage
	indexes   map[Message]int
	collected map[rookery.UIN][]Message
}

// RecordSending records a message before it is sent.
func (l *Ledger) RecordSending(message Message, seq string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.indexes == nil {
		l.indexes = make(map[Message]int)
	}
	l.indexes[message] = len(l.sent)
	l.recorded++
	l.sent = append(l.sent, SentMessage{Message: message, SEQ: seq, SentAt: l.recorded})
}

// RecordAcknowledged records that the sender has received RES=0 for a message that RecordSending has recorded.
func (l *Ledger) RecordAcknowledged(message Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recorded++
	sent := &l.sent[l.indexes[message]]
	sent.Acknowledged, sent.AcknowledgedAt = true, l.recorded
}

// RecordCollected records the messages that one answer delivered to receiver, in their order.
func (l *Ledger) RecordCollected(receiver rookery.UIN, messages []Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.collected == nil {
		l.collected = make(map[rookery.UIN][]Message)
	}
	l.collected[receiver] = append(l.collected[receiver], messages...)
}

// Snapshot returns copies of all sent messages and of all collected messages by receiver.
func (l *Ledger) Snapshot() ([]SentMessage, map[rookery.UIN][]Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	collected := make(map[rookery.UIN][]Message, len(l.collected))
	for uin, messages := range l.collected {
		collected[uin] = append([]Message(nil), messages...)
	}
	return append([]SentMessage(nil), l.sent...), collected
}
