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

// eventPrinter prints messages, and with withPresence also status changes. It looks up the names of accounts with
// client.
type eventPrinter struct {
	out    printer
	client *client.Client
	// onlyPeer restricts the output to one account; 0 means all.
	onlyPeer     rookery.UIN
	withPresence bool
	names        map[rookery.UIN]string // cache of displayName
}

func (ep *eventPrinter) print(ctx context.Context, event client.Event) error {
	switch e := event.(type) {
	case client.Message:
		if ep.onlyPeer == 0 || ep.onlyPeer == e.Peer {
			return ep.printMessage(ctx, e)
		}
	case client.Presence:
		if ep.withPresence && (ep.onlyPeer == 0 || ep.onlyPeer == e.Friend) {
			return ep.printPresence(ctx, e)
		}
	}
	return nil
}

// kindNames are the values of the JSON field type.
var kindNames = map[client.Kind]string{
	client.KindMessage:  "message",
	client.KindSent:     "sent",
	client.KindAsks:     "asks",
	client.KindAccepted: "accepted",
	client.KindRejected: "rejected",
	client.KindAdded:    "added",
}

func (ep *eventPrinter) printMessage(ctx context.Context, message client.Message) error {
	if ep.out.asJSON {
		from, to := message.Peer, ep.client.UIN()
		if message.IsOutgoing() {
			from, to = to, from
		}
		return ep.out.printJSON(struct {
			Type string      `json:"type"`
			ID   uint64      `json:"id"`
			From rookery.UIN `json:"from"`
			To   rookery.UIN `json:"to"`
			Time any         `json:"time"`
			Text string      `json:"text"`
		}{kindName(message.Kind), message.Number, from, to, jsonTime(message.Time), message.Text})
	}
	return ep.printAt(message.Time, describeMessage(message, ep.displayName(ctx, message.Peer)))
}

func kindName(kind client.Kind) string {
	if name, ok := kindNames[kind]; ok {
		return name
	}
	return fmt.Sprintf("kind %d", kind)
}

// describeMessage returns a message as a sentence.
func describeMessage(message client.Message, peer string) string {
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

func (ep *eventPrinter) printPresence(ctx context.Context, presence client.Presence) error {
	now := time.Now()
	if ep.out.asJSON {
		return ep.out.printJSON(struct {
			Type   string      `json:"type"`
			From   rookery.UIN `json:"from"`
			Status string      `json:"status"`
			Time   any         `json:"time"`
		}{"status", presence.Friend, statusWord(presence.Status), jsonTime(now)})
	}
	return ep.printAt(now, ep.displayName(ctx, presence.Friend)+" is "+statusName(presence.Status))
}

// printAt prints a text after its time. It indents all lines but the first, so that a message cannot imitate the
// output of this program.
func (ep *eventPrinter) printAt(t time.Time, text string) error {
	header := localTime(t) + "  "
	indented := strings.ReplaceAll(termtext.Lines(text), "\n", "\n"+strings.Repeat(" ", len(header)))
	_, err := fmt.Fprintln(ep.out.out, header+indented)
	return err
}

// nameTimeout bounds how long a message waits for the nick of its sender.
const nameTimeout = 5 * time.Second

// displayName returns the nick and number of an account, or the number alone if the nick is unknown.
func (ep *eventPrinter) displayName(ctx context.Context, uin rookery.UIN) string {
	if name, ok := ep.names[uin]; ok {
		return name
	}
	ctx, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	info, err := ep.client.Info(ctx, uin)
	if err != nil {
		return uin.String() // the next message tries again
	}
	if ep.names == nil {
		ep.names = make(map[rookery.UIN]string)
	}
	ep.names[uin] = uin.String()
	if info.Nick != "" {
		ep.names[uin] = fmt.Sprintf("%s (%d)", oneLine(info.Nick), uin)
	}
	return ep.names[uin]
}
