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
			e, ok := c.inbox.next(ctx)
			if !ok || !yield(e) {
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
		for e := range c.Events(ctx) {
			m, ok := e.(Message)
			if ok && m.Kind == rookery.KindMessage && m.Peer != c.UIN() && !yield(m) {
				return
			}
		}
	}
}

// pushedCommands are what a server sends unasked (section 6 of the protocol).
var pushedCommands = map[string]bool{"Server_Msg": true, "update_stat": true, "read_mark": true}

// pushed takes in what the server has sent unasked. What makes no sense is
// dropped, with a line in the log.
func (c *Client) pushed(a Answer, f *messageSequence) {
	e, err := readPush(a)
	if err == nil && !a.is("UIN", c.UIN().String()) {
		err = badAnswer(a.Text("CMD"), "it is for account %s", a.Text("UIN"))
	}
	if err != nil {
		c.options.log.Warn("a push is not understood", "error", err)
		return
	}
	if m, ok := e.(Message); ok {
		c.heardOf(m.Number)
	}
	c.inbox.put(e, f)
}

func readPush(a Answer) (Event, error) {
	command := a.Text("CMD")
	if command == "Server_Msg" {
		return readServerMsg(a)
	}
	friend, err := a.count("UN")
	if err != nil {
		return nil, err
	}
	if command == "update_stat" {
		status, err := a.count("ST")
		return Presence{UIN(friend), Status(status)}, err
	}
	n, err := a.count("ID")
	return ReadMark{UIN(friend), n}, err
}

// readServerMsg reads a pushed message. Its SEQ is its number in the mailbox,
// TM is there for device sessions.
func readServerMsg(a Answer) (Event, error) {
	m := Message{Text: a.Text("MG")}
	var kind, peer uint64
	for _, f := range []struct {
		key string
		to  *uint64
	}{{"SEQ", &m.Number}, {"MT", &kind}, {"UN", &peer}} {
		n, err := a.count(f.key)
		if err != nil {
			return nil, err
		}
		*f.to = n
	}
	m.Kind, m.Peer = Kind(kind), UIN(peer)
	if seconds, err := a.count("TM"); err == nil {
		m.Time = time.Unix(int64(seconds), 0)
	}
	return m, nil
}

// readBatch reads an answer to GetMsgEx: messages, then notices of friends'
// statuses. ID and TM are there for device sessions.
func readBatch(a Answer) ([]Event, error) {
	keys := []string{"MT", "UN", "MG"}
	numbered := len(a.raw("ID")) > 0
	if numbered {
		keys = append(keys, "ID", "TM")
	}
	rows, check := a.rows("MN", keys...)
	var events []Event
	for _, r := range rows {
		m := Message{Kind: Kind(r.number("MT", 8)), Peer: r.uin("UN"), Text: r.text("MG")}
		if m.Kind == rookery.KindStatus {
			events = append(events, Presence{m.Peer, Status(r.number("MG", 8))})
			continue
		}
		if numbered {
			m.Number, m.Time = r.number("ID", 64), r.time("TM")
		}
		events = append(events, m)
	}
	return events, check()
}
