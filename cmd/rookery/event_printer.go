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

func (p *eventPrinter) print(ctx context.Context, e client.Event) error {
	switch e := e.(type) {
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

func (p *eventPrinter) message(ctx context.Context, m client.Message) error {
	if p.out.json {
		from, to := m.Peer, p.client.UIN()
		if m.Mine() {
			from, to = to, from
		}
		return p.out.object(struct {
			Type string      `json:"type"`
			ID   uint64      `json:"id"`
			From rookery.UIN `json:"from"`
			To   rookery.UIN `json:"to"`
			Time any         `json:"time"`
			Text string      `json:"text"`
		}{kindName(m.Kind), m.Number, from, to, timestamp(m.Time), m.Text})
	}
	return p.line(m.Time, sentence(m, p.name(ctx, m.Peer)))
}

func kindName(k client.Kind) string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("kind %d", k)
}

// sentence says what a message is, for people.
func sentence(m client.Message, peer string) string {
	withWords := func(text string) string {
		if m.Text != "" {
			text += ": " + m.Text
		}
		return text
	}
	switch m.Kind {
	case client.KindMessage:
		return peer + ": " + m.Text
	case client.KindSent:
		return "to " + peer + ": " + m.Text
	case client.KindAsks:
		return withWords(peer + " asks to be your friend")
	case client.KindAccepted:
		return peer + " has accepted your request"
	case client.KindRejected:
		return withWords(peer + " has rejected your request")
	case client.KindAdded:
		return peer + " is your friend now"
	}
	return withWords(peer + ", " + kindName(m.Kind))
}

func (p *eventPrinter) status(ctx context.Context, s client.Presence) error {
	now := time.Now()
	if p.out.json {
		return p.out.object(struct {
			Type   string      `json:"type"`
			From   rookery.UIN `json:"from"`
			Status string      `json:"status"`
			Time   any         `json:"time"`
		}{"status", s.Friend, statusWord(s.Status), timestamp(now)})
	}
	return p.line(now, p.name(ctx, s.Friend)+" is "+statusName(s.Status))
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
