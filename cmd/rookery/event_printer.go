package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
	"github.com/rookery-im/rookery/internal/termtext"
)

// eventPrinter prints what comes from the server.
type eventPrinter struct {
	out    printer
	client *client.Client
	// from is the only other side that is printed, 0 for all.
	from     rookery.UIN
	presence bool
	names    map[rookery.UIN]string
}

func (p *eventPrinter) print(ctx context.Context, event client.Event) error {
	switch e := event.(type) {
	case client.Message:
		if p.from == 0 || p.from == e.Peer {
			return p.message(ctx, e)
		}
	case client.Presence:
		if p.presence && (p.from == 0 || p.from == e.Friend) {
			return p.status(ctx, e)
		}
	}
	return nil
}

// kindNames are the types of messages in JSON.
var kindNames = map[client.Kind]string{
	client.KindMessage:  "message",
	client.KindSent:     "sent",
	client.KindAsks:     "asks",
	client.KindAccepted: "accepted",
	client.KindRejected: "rejected",
	client.KindAdded:    "added",
}

func (p *eventPrinter) message(ctx context.Context, message client.Message) error {
	if p.out.json {
		from, to := message.Peer, p.client.UIN()
		if message.IsOutgoing() {
			from, to = to, from
		}
		return p.out.object(struct {
			Type string      `json:"type"`
			ID   uint64      `json:"id"`
			From rookery.UIN `json:"from"`
			To   rookery.UIN `json:"to"`
			Time any         `json:"time"`
			Text string      `json:"text"`
		}{kindName(message.Kind), message.Number, from, to, timestamp(message.Time), message.Text})
	}
	return p.line(message.Time, sentence(message, p.name(ctx, message.Peer)))
}

func kindName(kind client.Kind) string {
	if name, ok := kindNames[kind]; ok {
		return name
	}
	return fmt.Sprintf("kind %d", kind)
}

// sentence says what a message is, for people.
func sentence(message client.Message, peer string) string {
	withWords := func(text string) string {
		if message.Text != "" {
			text += ": " + message.Text
		}
		return text
	}
	switch message.Kind {
	case client.KindMessage:
		return peer + ": " + message.Text
	case client.KindSent:
		return "to " + peer + ": " + message.Text
	case client.KindAsks:
		return withWords(peer + " asks to be your friend")
	case client.KindAccepted:
		return peer + " has accepted your request"
	case client.KindRejected:
		return withWords(peer + " has rejected your request")
	case client.KindAdded:
		return peer + " is your friend now"
	}
	return withWords(peer + ", " + kindName(message.Kind))
}

func (p *eventPrinter) status(ctx context.Context, presence client.Presence) error {
	now := time.Now()
	if p.out.json {
		return p.out.object(struct {
			Type   string      `json:"type"`
			From   rookery.UIN `json:"from"`
			Status string      `json:"status"`
			Time   any         `json:"time"`
		}{"status", presence.Friend, statusWord(presence.Status), timestamp(now)})
	}
	return p.line(now, p.name(ctx, presence.Friend)+" is "+statusName(presence.Status))
}

// line writes what belongs to a time. The further lines of a text are indented,
// so that nobody can write a line that looks like ours.
func (p *eventPrinter) line(t time.Time, text string) error {
	head := localTime(t) + "  "
	indented := strings.ReplaceAll(termtext.Lines(text), "\n", "\n"+strings.Repeat(" ", len(head)))
	_, err := fmt.Fprintln(p.out.w, head+indented)
	return err
}

// nameTime is how long a message waits for its sender's name.
const nameTime = 5 * time.Second

// name is how people read whom a number belongs to: nick and number, or the
// number alone.
func (p *eventPrinter) name(ctx context.Context, uin rookery.UIN) string {
	if name, ok := p.names[uin]; ok {
		return name
	}
	ctx, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	info, err := p.client.Info(ctx, uin)
	if err != nil {
		return uin.String() // the next message asks again
	}
	if p.names == nil {
		p.names = make(map[rookery.UIN]string)
	}
	p.names[uin] = uin.String()
	if info.Nick != "" {
		p.names[uin] = fmt.Sprintf("%s (%d)", oneLine(info.Nick), uin)
	}
	return p.names[uin]
}
