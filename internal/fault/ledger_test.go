package fault

import (
	"slices"
	"testing"

	"github.com/rookery-im/rookery"
)

func TestJudge(t *testing.T) {
	const a, b, to, other = 10001, 10002, 11001, 11002
	message := func(from rookery.UIN, text string) Message {
		return Message{From: from, To: to, Kind: rookery.KindMessage, Text: text}
	}
	told := func(message Message) SentMessage { return SentMessage{Message: message, Acknowledged: true} }
	one, two, three := message(a, "one"), message(a, "two"), message(b, "three")
	tests := []struct {
		name string
		sent []SentMessage
		got  []Message
		want []Fault
	}{
		{"all is there, in order", []SentMessage{told(one), told(two), told(three)}, []Message{one, two, three}, nil},
		{"different senders have no order", []SentMessage{told(one), told(three), told(two)},
			[]Message{three, one, two}, nil},
		{"an acknowledged message is lost", []SentMessage{told(one), told(two)}, []Message{one}, []Fault{{Lost, two}}},
		{"one that was not acknowledged may be lost", []SentMessage{{Message: one}, told(two)}, []Message{two}, nil},
		{"or be there", []SentMessage{{Message: one}, told(two)}, []Message{one, two}, nil},
		{"or be late", []SentMessage{{Message: one}, told(two)}, []Message{two, one}, nil},
		{"but not twice", []SentMessage{{Message: one}}, []Message{one, one}, []Fault{{Duplicated, one}}},
		{"an acknowledged message is there twice", []SentMessage{told(one)}, []Message{one, one},
			[]Fault{{Duplicated, one}}},
		{"two change places", []SentMessage{told(one), told(two)}, []Message{two, one}, []Fault{{Reordered, one}}},
		{"nobody sent it", []SentMessage{told(one)}, []Message{one, two}, []Fault{{Invented, two}}},
		{"half a text is there", []SentMessage{told(one)}, []Message{message(a, "on")},
			[]Fault{{Invented, message(a, "on")}, {Lost, one}}},
		{"it was for somebody else", []SentMessage{told(Message{From: a, To: other, Text: "x"})},
			[]Message{{From: a, To: other, Text: "x"}},
			[]Fault{{Invented, Message{From: a, To: other, Text: "x"}},
				{Lost, Message{From: a, To: other, Text: "x"}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := FindFaults(test.sent, map[rookery.UIN][]Message{to: test.got}); !slices.Equal(got, test.want) {
				t.Errorf("the faults are %v, want %v", got, test.want)
			}
		})
	}
}

func TestALedgerGivesBackWhatWasNoted(t *testing.T) {
	var l Ledger
	message, n := Message{From: 10001, To: 11001, Text: "m"}, Message{From: 10001, To: 11001, Text: "n"}
	l.RecordSending(message, "SEQ1")
	l.RecordSending(n, "SEQ2")
	l.RecordAcknowledged(n)
	l.RecordCollected(11001, []Message{n})
	sent, collected := l.Snapshot()
	if want := []SentMessage{{message, "SEQ1", false}, {n, "SEQ2", true}}; !slices.Equal(sent, want) {
		t.Errorf("sent is %v, want %v", sent, want)
	}
	if got := collected[11001]; !slices.Equal(got, []Message{n}) {
		t.Errorf("collected is %v", got)
	}
}
