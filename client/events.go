package client

import (
	"context"
	"iter"
	"time"

	"github.com/rookery-im/rookery"
)

// Event is a Message, Presence, ReadMark or State.
type Event interface{ event() }

// Message is an entry of the account's mailbox: a text, or a notice about a friendship.
type Message struct {
	// Number is the position in the mailbox, or 0 if the server does not report it, as
	// in poll answers to address sessions.
	Number uint64
	Kind   Kind
	// Peer is the other account: the sender, or the receiver for KindSent.
	Peer UIN
	Text string
	// Time is when the server accepted the message, or zero if it does not report this.
	Time time.Time
}

// IsOutgoing reports whether the account sent the message to another account. A note to
// oneself is a KindMessage whose Peer is the account itself.
func (m Message) IsOutgoing() bool { return m.Kind == rookery.KindSent }

// Presence reports a friend's new status. Changes during a disconnection are not
// reported: call Friends after a State with Connected.
type Presence struct {
	Friend UIN
	Status Status
}

// ReadMark reports that another device of the account has read the conversation With
// up to the message Number.
type ReadMark struct {
	Peer   UIN
	Number uint64
}

func (Message) event()  {}
func (Presence) event() {}
func (ReadMark) event() {}
func (State) event()    {}

// Events yields events until ctx ends, the client is closed, or it gives up. If it
// gives up, the last event is a State with the reason and a zero RetryAt.
//
// A message counts as received when the loop asks for the next event. If the loop ends
// before that, the next loop yields the message again. A second loop waits until the
// first has ended.
//
// Events yields every message, even to a slow program: about a thousand wait in memory,
// the others at the server. It yields only the latest pending Presence of each friend,
// the latest ReadMark of each conversation, and the latest State.
func (c *Client) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		if !c.queue.acquireLoop(ctx) {
			return
		}
		defer c.queue.releaseLoop()
		for {
			event, ok := c.queue.waitForFirst(ctx)
			if !ok || !yield(event) {
				return
			}
			c.queue.consumeFirst()
		}
	}
}

// Messages yields only what other accounts write to this one: no messages from the
// account's own devices, no notes to itself, no notices about friendships. A program
// that answers every message therefore never answers itself. Skipped messages count as
// received; use Events to see them.
func (c *Client) Messages(ctx context.Context) iter.Seq[Message] {
	return func(yield func(Message) bool) {
		for event := range c.Events(ctx) {
			message, ok := event.(Message)
			if ok && message.Kind == rookery.KindMessage && message.Peer != c.UIN() && !yield(message) {
				return
			}
		}
	}
}

// pushCommands are the commands that a server sends unasked (section 6 of the protocol).
var pushCommands = map[string]bool{"Server_Msg": true, "update_stat": true, "read_mark": true}

// handlePush queues the event of a push. An invalid push is logged and dropped.
func (c *Client) handlePush(answer Answer, sequence *messageSequence) {
	event, err := parsePush(answer)
	if err == nil && !answer.hasValue("UIN", c.UIN().String()) {
		err = newAnswerError(answer.Text("CMD"), "it is addressed to account %s", answer.Text("UIN"))
	}
	if err != nil {
		c.options.logger.Warn("invalid push", "error", err)
		return
	}
	if message, ok := event.(Message); ok {
		c.raiseNewestNumber(message.Number)
	}
	c.queue.enqueue(event, sequence)
}

func parsePush(answer Answer) (Event, error) {
	command := answer.Text("CMD")
	if command == "Server_Msg" {
		return parsePushedMessage(answer)
	}
	friend, err := answer.number("UN")
	if err != nil {
		return nil, err
	}
	if command == "update_stat" {
		status, err := answer.number("ST")
		return Presence{UIN(friend), Status(status)}, err
	}
	number, err := answer.number("ID")
	return ReadMark{UIN(friend), number}, err
}

// parsePushedMessage parses Server_Msg. SEQ is the number in the mailbox. Only device
// sessions receive TM.
func parsePushedMessage(answer Answer) (Event, error) {
	message := Message{Text: answer.Text("MG")}
	var kind, peer uint64
	for _, field := range []struct {
		key    string
		target *uint64
	}{{"SEQ", &message.Number}, {"MT", &kind}, {"UN", &peer}} {
		number, err := answer.number(field.key)
		if err != nil {
			return nil, err
		}
		*field.target = number
	}
	message.Kind, message.Peer = Kind(kind), UIN(peer)
	if seconds, err := answer.number("TM"); err == nil {
		message.Time = time.Unix(int64(seconds), 0)
	}
	return message, nil
}

// parseBatch parses the answer to GetMsgEx, which has messages first and then status
// changes. Only device sessions receive ID and TM.
func parseBatch(answer Answer) ([]Event, error) {
	keys := []string{"MT", "UN", "MG"}
	hasNumbers := len(answer.rawValue("ID")) > 0
	if hasNumbers {
		keys = append(keys, "ID", "TM")
	}
	rows, rowsErr := answer.parseRows("MN", keys...)
	var events []Event
	for _, row := range rows {
		message := Message{Kind: Kind(row.number("MT", 8)), Peer: row.uin("UN"), Text: row.text("MG")}
		if message.Kind == rookery.KindStatus {
			events = append(events, Presence{message.Peer, Status(row.number("MG", 8))})
			continue
		}
		if hasNumbers {
			message.Number, message.Time = row.number("ID", 64), row.time("TM")
		}
		events = append(events, message)
	}
	return events, rowsErr()
}
