package fault

import (
	"slices"
	"testing"

	"github.com/rookery-im/rookery"
)

func TestFindFaults(t *testing.T) {
	const a, b, to, other = 10001, 10002, 11001, 11002
	message := func(from rookery.UIN, text string) Message {
		return Message{From: from, To: to, Kind: rookery.KindMessage, Text: text}
	}
	acked := func(message Message) SentMessage { return SentMessage{Message: message, Acknowledged: true} }
	one, two, three := message(a, "one"), message(a, "two"), message(b, "three")
	tests := []struct {
		name string
		sent []SentMessage
		got  []Message
		want []Fault
	}{
		{"complete and in order", []SentMessage{acked(one), acked(two), acked(three)}, []Message{one, two, three}, nil},
		{"different senders have no order", []SentMessage{acked(one), acked(three), acked(two)},
			[]Message{three, one, two}, nil},
		{"an acknowledged message is lost", []SentMessage{acked(one), acked(two)}, []Message{one},
			[]Fault{{Lost, two}}},
		{"an unacknowledged message may be lost", []SentMessage{{Message: one}, acked(two)}, []Message{two}, nil},
		{"an unacknowledged message may be delivered",
			[]SentMessage{{Message: one}, acked(two)}, []Message{one, two}, nil},
		{"an unacknowledged message may be late", []SentMessage{{Message: one}, acked(two)}, []Message{two, one}, nil},
		{"an unacknowledged message is duplicated", []SentMessage{{Message: one}}, []Message{one, one},
			[]Fault{{Duplicated, one}}},
		{"an acknowledged message is duplicated", []SentMessage{acked(one)}, []Message{one, one},
			[]Fault{{Duplicated, one}}},
		{"two messages are reordered", []SentMessage{acked(one), acked(two)}, []Message{two, one},
			[]Fault{{Reordered, one}}},
		{"two messages on their way at once have no order", []SentMessage{
			{Message: one, Acknowledged: true, SentAt: 1, AcknowledgedAt: 4},
			{Message: two, Acknowledged: true, SentAt: 2, AcknowledgedAt: 3},
		}, []Message{two, one}, nil},
		{"a message whose answer was lost has no order", []SentMessage{
			{Message: one, Acknowledged: true, SentAt: 1},
			{Message: two, Acknowledged: true, SentAt: 2, AcknowledgedAt: 3},
		}, []Message{two, one}, nil},
		{"a message was not sent", []SentMessage{acked(one)}, []Message{one, two}, []Fault{{Invented, two}}},
		{"a text is truncated", []SentMessage{acked(one)}, []Message{message(a, "on")},
			[]Fault{{Invented, message(a, "on")}, {Lost, one}}},
		{"a message is in the wrong mailbox", []SentMessage{acked(Message{From: a, To: other, Text: "x"})},
			[]Message{{From: a, To: other, Text: "x"}},
			[]Fault{{Invented, Message{From: a, To: other, Text: "x"}},
				{Lost, Message{From: a, To: other, Text: "x"}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for i := range test.sent { // one after the other, unless the test says otherwise
				if s := &test.sent[i]; s.SentAt == 0 {
					s.SentAt, s.AcknowledgedAt = 2*i+1, 2*i+2
				}
			}
			if got := FindFaults(test.sent, map[rookery.UIN][]Message{to: test.got}); !slices.Equal(got, test.want) {
				t.Errorf("FindFaults = %v, want %v", got, test.want)
			}
		})
	}
}

func TestSnapshotReturnsRecordedMessages(t *testing.T) {
	var l Ledger
	first, second := Message{From: 10001, To: 11001, Text: "first"}, Message{From: 10001, To: 11001, Text: "second"}
	l.RecordSending(first, "SEQ1")
	l.RecordSending(second, "SEQ2")
	l.RecordAcknowledged(second)
	l.RecordCollected(11001, []Message{second})
	sent, collected := l.Snapshot()
	if want := []SentMessage{{first, "SEQ1", false, 1, 0}, {second, "SEQ2", true, 2, 3}}; !slices.Equal(sent, want) {
		t.Errorf("sent = %v, want %v", sent, want)
	}
	if got, want := collected[11001], []Message{second}; !slices.Equal(got, want) {
		t.Errorf("collected = %v, want %v", got, want)
	}
}
