package main

import (
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

// printEvents returns what an eventPrinter that knows one name prints.
func printEvents(t *testing.T, p eventPrinter, events ...client.Event) string {
	t.Helper()
	var text strings.Builder
	p.out.out = &text
	p.names = map[rookery.UIN]string{10002: "Pingu (10002)"}
	for _, event := range events {
		if err := p.print(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

func TestMessagesArePrintedAsSentences(t *testing.T) {
	sentAt := time.Date(2026, 11, 23, 18, 47, 0, 0, time.Local)
	for _, test := range []struct {
		kind       client.Kind
		text, want string
	}{
		{client.KindMessage, "hello", "Pingu (10002): hello"},
		{client.KindSent, "hello", "to Pingu (10002): hello"},
		{client.KindAsks, "let me in", "Pingu (10002) asks to be your friend: let me in"},
		{client.KindAsks, "", "Pingu (10002) asks to be your friend"},
		{client.KindAccepted, "", "Pingu (10002) has accepted your request"},
		{client.KindRejected, "who?", "Pingu (10002) has rejected your request: who?"},
		{client.KindAdded, "", "Pingu (10002) is your friend now"},
		{77, "something new", "Pingu (10002), kind 77: something new"},
	} {
		got := printEvents(t, eventPrinter{}, client.Message{Kind: test.kind, Peer: 10002, Text: test.text,
			Time: sentAt})
		if want := "2026-11-23 18:47  " + test.want + "\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTextCannotControlTheTerminalOrForgeALine(t *testing.T) {
	message := client.Message{Kind: client.KindMessage, Peer: 10002,
		Text: "\x1b[2J\u202egnp\u2066\r\nforged\u2028\x9b1m\x7f\r\a"}
	want := "-  Pingu (10002): \uFFFD[2J\uFFFDgnp\uFFFD\n   forged\n   \uFFFD1m\uFFFD\n   \uFFFD\n"
	message.Text = strings.ReplaceAll(message.Text, "\x9b", "\u009b")
	if got := printEvents(t, eventPrinter{}, message); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := oneLine("a\nb\r\nc\u2028d\x1b"), "a / b / c / d\uFFFD"; got != want {
		t.Errorf("oneLine = %q, want %q", got, want)
	}
}

func TestOnlyRequestedEventsArePrinted(t *testing.T) {
	events := []client.Event{
		client.Message{Kind: client.KindMessage, Peer: 10002, Text: "one"},
		client.Message{Kind: client.KindMessage, Peer: 10003, Text: "two"},
		client.Presence{Friend: 10002, Status: client.StatusAway},
		client.ReadMark{Peer: 10002, Number: 7},
	}
	want := "-  Pingu (10002): one\n"
	if got := printEvents(t, eventPrinter{onlyPeer: 10002}, events...); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got := printEvents(t, eventPrinter{onlyPeer: 10002, withPresence: true}, events...)
	if !strings.HasSuffix(got, "  Pingu (10002) is away\n") || strings.Count(got, "\n") != 2 {
		t.Errorf("with presence got %q, want the message and the status", got)
	}
}
