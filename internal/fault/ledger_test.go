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
	told := func(message Message) Sent { return Sent{Message: message, Acknowledged: true} }
	one, two, three := message(a, "one"), message(a, "two"), message(b, "three")
	tests := []struct {
		name string
		sent []Sent
		got  []Message
		want []Fault
	}{
		{"all is there, in order", []Sent{told(one), told(two), told(three)}, []Message{one, two, three}, nil},
		{"different senders have no order", []Sent{told(one), told(three), told(two)}, []Message{three, one, two}, nil},
		{"an acknowledged message is lost", []Sent{told(one), told(two)}, []Message{one}, []Fault{{Lost, two}}},
		{"one that was not acknowledged may be lost", []Sent{{Message: one}, told(two)}, []Message{two}, nil},
		{"or be there", []Sent{{Message: one}, told(two)}, []Message{one, two}, nil},
		{"or be late", []Sent{{Message: one}, told(two)}, []Message{two, one}, nil},
		{"but not twice", []Sent{{Message: one}}, []Message{one, one}, []Fault{{Twice, one}}},
		{"an acknowledged message is there twice", []Sent{told(one)}, []Message{one, one}, []Fault{{Twice, one}}},
		{"two change places", []Sent{told(one), told(two)}, []Message{two, one}, []Fault{{Reordered, one}}},
		{"nobody sent it", []Sent{told(one)}, []Message{one, two}, []Fault{{Invented, two}}},
		{"half a text is there", []Sent{told(one)}, []Message{message(a, "on")}, []Fault{{Invented, message(a, "on")}, {Lost, one}}},
		{"it was for somebody else", []Sent{told(Message{From: a, To: other, Text: "x"})}, []Message{{From: a, To: other, Text: "x"}},
			[]Fault{{Invented, Message{From: a, To: other, Text: "x"}}, {Lost, Message{From: a, To: other, Text: "x"}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Judge(test.sent, map[rookery.UIN][]Message{to: test.got}); !slices.Equal(got, test.want) {
				t.Errorf("the faults are %v, want %v", got, test.want)
			}
		})
	}
}

func TestALedgerGivesBackWhatWasNoted(t *testing.T) {
	var l Ledger
	message, n := Message{From: 10001, To: 11001, Text: "m"}, Message{From: 10001, To: 11001, Text: "n"}
	l.Sending(message, "SEQ1")
	l.Sending(n, "SEQ2")
	l.Acknowledged(n)
	l.Collected(11001, []Message{n})
	sent, collected := l.Entries()
	if want := []Sent{{message, "SEQ1", false}, {n, "SEQ2", true}}; !slices.Equal(sent, want) {
		t.Errorf("sent is %v, want %v", sent, want)
	}
	if got := collected[11001]; !slices.Equal(got, []Message{n}) {
		t.Errorf("collected is %v", got)
	}
}
