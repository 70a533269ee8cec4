package client

import (
	"context"
	"iter"
	"time"

	"github.com/rookery-im/rookery"
)

// Event is something that has happened: a Message, a Presence, a ReadMark or a
// State.
type Event interface{ event() }

// Message is one entry of the account's mailbox.
type Message struct {
	// Number is its number in the mailbox; 0 where the server does not say it:
	// in answers to an address session.
	Number uint64
	Kind   Kind
	// Peer is the other side: who wrote, or for KindSent to whom.
	Peer UIN
	Text string
	// Time is when the server took it, the zero Time where it does not say.
	Time time.Time
}

// Mine reports whether the message is the account's own words to somebody else. A
// note to oneself is a KindMessage whose Peer is the account.
func (m Message) Mine() bool { return m.Kind == rookery.KindSent }

// Presence is a friend's new status. What changed while there was no connection
// is not told: ask for the Friends again after a State that is Connected.
type Presence struct {
	Friend UIN
	Status Status
}

// ReadMark says that another device of the account has read a conversation.
type ReadMark struct {
	With   UIN
	Number uint64
}

func (Message) event()  {}
func (Presence) event() {}
func (ReadMark) event() {}
func (State) event()    {}

// Events yields what happens until ctx ends, the client is closed, or it has given up: then
// the last event is a State with the reason, and a zero Retry. A message
// counts as received once the loop comes back for the next event: one that the
// program did not get to comes again the next time. One loop at a time; another
// waits for its end.
//
// Of presences, read marks and states that wait only the latest is told, of each
// friend, conversation and of the client. A program that is slow gets every message all
// the same; those that it leaves for later than some thousand others stay with the server.
func (c *Client) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		if !c.inbox.begin(ctx) {
			return
		}
		defer c.inbox.leave()
		for {
			event, ok := c.inbox.next(ctx)
			if !ok || !yield(event) {
				return
			}
			c.inbox.took()
		}
	}
}

// Messages yields what others write to the account, and nothing else. A program
// that answers each message so never answers itself: the account's words from
// another device, its notes to itself, friend requests and what became of them
// are not yielded. They count as received all the same: a program that wants
// them loops over Events.
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

// pushedCommands are what a server sends unasked (section 6 of the protocol).
var pushedCommands = map[string]bool{"Server_Msg": true, "update_stat": true, "read_mark": true}

// pushed takes in what the server has sent unasked. What makes no sense is
// dropped, with a line in the log.
func (c *Client) pushed(answer Answer, sequence *messageSequence) {
	event, err := readPush(answer)
	if err == nil && !answer.is("UIN", c.UIN().String()) {
		err = badAnswer(answer.Text("CMD"), "it is for account %s", answer.Text("UIN"))
	}
	if err != nil {
		c.options.log.Warn("a push is not understood", "error", err)
		return
	}
	if message, ok := event.(Message); ok {
		c.heardOf(message.Number)
	}
	c.inbox.put(event, sequence)
}

func readPush(answer Answer) (Event, error) {
	command := answer.Text("CMD")
	if command == "Server_Msg" {
		return readServerMsg(answer)
	}
	friend, err := answer.count("UN")
	if err != nil {
		return nil, err
	}
	if command == "update_stat" {
		status, err := answer.count("ST")
		return Presence{UIN(friend), Status(status)}, err
	}
	n, err := answer.count("ID")
	return ReadMark{UIN(friend), n}, err
}

// readServerMsg reads a pushed message. Its SEQ is its number in the mailbox,
// TM is there for device sessions.
func readServerMsg(answer Answer) (Event, error) {
	message := Message{Text: answer.Text("MG")}
	var kind, peer uint64
	for _, f := range []struct {
		key string
		to  *uint64
	}{{"SEQ", &message.Number}, {"MT", &kind}, {"UN", &peer}} {
		n, err := answer.count(f.key)
		if err != nil {
			return nil, err
		}
		*f.to = n
	}
	message.Kind, message.Peer = Kind(kind), UIN(peer)
	if seconds, err := answer.count("TM"); err == nil {
		message.Time = time.Unix(int64(seconds), 0)
	}
	return message, nil
}

// readBatch reads an answer to GetMsgEx: messages, then notices of friends'
// statuses. ID and TM are there for device sessions.
func readBatch(answer Answer) ([]Event, error) {
	keys := []string{"MT", "UN", "MG"}
	numbered := len(answer.raw("ID")) > 0
	if numbered {
		keys = append(keys, "ID", "TM")
	}
	rows, check := answer.rows("MN", keys...)
	var events []Event
	for _, row := range rows {
		message := Message{Kind: Kind(row.number("MT", 8)), Peer: row.uin("UN"), Text: row.text("MG")}
		if message.Kind == rookery.KindStatus {
			events = append(events, Presence{message.Peer, Status(row.number("MG", 8))})
			continue
		}
		if numbered {
			message.Number, message.Time = row.number("ID", 64), row.time("TM")
		}
		events = append(events, message)
	}
	return events, check()
}
