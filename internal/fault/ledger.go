package fault

import (
	"fmt"
	"sync"

	"github.com/rookery-im/rookery"
)

// Message is one thing that an account puts into another's mailbox. The text
// tells it from all others of a run.
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

// SentMessage is a message that somebody sent.
type SentMessage struct {
	Message
	SEQ string
	// Acknowledged: the sender was answered RES=0.
	Acknowledged bool
}

// Fault is one way in which the property does not hold.
type Fault struct {
	Kind    FaultKind
	Message Message
}

func (f Fault) String() string { return string(f.Kind) + ": " + f.Message.String() }

// FaultKind says what is wrong with a message.
type FaultKind string

const (
	Lost       FaultKind = "acknowledged, but not there"
	Duplicated FaultKind = "there more than once"
	Reordered  FaultKind = "there after a message that the sender sent later"
	Invented   FaultKind = "there, but nobody sent it"
)

// FindFaults is the property. sent holds all messages in the order in which each
// sender sent them, mailboxes what each receiver has in the end, oldest first:
// every acknowledged message is there exactly once, those of one sender to one
// receiver in their order, the others at most once, and nothing else.
func FindFaults(sent []SentMessage, mailboxes map[rookery.UIN][]Message) []Fault {
	var faults []Fault
	position := make(map[Message]int, len(sent))
	for i, s := range sent {
		position[s.Message] = i
	}
	found := make(map[Message]bool, len(sent))
	for owner, mailbox := range mailboxes {
		latest := make(map[rookery.UIN]int) // of each sender: the position of the latest acknowledged message
		for _, message := range mailbox {
			i, exists := position[message]
			last, before := latest[message.From]
			switch {
			case !exists || message.To != owner:
				faults = append(faults, Fault{Invented, message})
				continue
			case found[message]:
				faults = append(faults, Fault{Duplicated, message})
				continue
			case sent[i].Acknowledged && before && i < last:
				faults = append(faults, Fault{Reordered, message})
			case sent[i].Acknowledged:
				latest[message.From] = i
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

// Ledger is what the clients of a run said and heard. Its methods may be called
// at the same time.
type Ledger struct {
	mu        sync.Mutex // guards all below
	sent      []SentMessage
	indexes   map[Message]int
	collected map[rookery.UIN][]Message
}

// RecordSending notes a message before it is sent.
func (l *Ledger) RecordSending(message Message, seq string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.indexes == nil {
		l.indexes = make(map[Message]int)
	}
	l.indexes[message] = len(l.sent)
	l.sent = append(l.sent, SentMessage{Message: message, SEQ: seq})
}

// RecordAcknowledged notes that the message's sender was answered RES=0.
func (l *Ledger) RecordAcknowledged(message Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[l.indexes[message]].Acknowledged = true
}

// RecordCollected notes what a receiver got in one answer.
func (l *Ledger) RecordCollected(receiver rookery.UIN, messages []Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.collected == nil {
		l.collected = make(map[rookery.UIN][]Message)
	}
	l.collected[receiver] = append(l.collected[receiver], messages...)
}

// Snapshot returns copies of what was noted: all messages that were sent, and
// what the receivers collected.
func (l *Ledger) Snapshot() ([]SentMessage, map[rookery.UIN][]Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	collected := make(map[rookery.UIN][]Message, len(l.collected))
	for uin, messages := range l.collected {
		collected[uin] = append([]Message(nil), messages...)
	}
	return append([]SentMessage(nil), l.sent...), collected
}
