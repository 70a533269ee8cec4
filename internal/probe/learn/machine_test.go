package learn

import (
	"slices"
	"strings"
	"testing"
)

// newTableMachine returns a machine with the given rows of transitions, one for each input.
func newTableMachine(inputs string, rows ...[]Transition) *Machine {
	other := &Machine{Inputs: strings.Fields(inputs)}
	for _, r := range rows {
		other.States = append(other.States, State{Transitions: r})
	}
	return other
}

func TestDOTHasTheFormatOfLearningTools(t *testing.T) {
	other := newTableMachine("login say/all",
		[]Transition{{Output: "ok", Target: 1}, {Output: `no "one" hears`, Target: 0}},
		[]Transition{{Output: "a\\b\nc\x01", Target: 1}, {Output: "", Target: 0}},
		[]Transition{{Output: "no", Target: 1}, {Output: "ok", Target: 0}},
	)
	var b strings.Builder
	if err := other.WriteDOT(&b); err != nil {
		t.Fatal(err)
	}
	const want = `digraph g {
__start0 [label="" shape="none"];

s0 [shape="circle" label="s0"];
s1 [shape="circle" label="s1"];
s2 [shape="circle" label="s2"];

s0 -> s1 [label="login / ok"];
s0 -> s0 [label="say∕all / no \"one\" hears"];
s1 -> s1 [label="login / a\\b\\nc\\x01"];
s1 -> s0 [label="say∕all / "];
s2 -> s1 [label="login / no"];
s2 -> s0 [label="say∕all / ok"];

__start0 -> s0;
}
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

func TestRunStopsAtAnUnknownInput(t *testing.T) {
	other := newTableMachine("a b", []Transition{{Output: "x", Target: 1}, {Output: "y", Target: 0}},
		[]Transition{{Output: "z", Target: 1}, {Output: "w", Target: 0}})
	for _, c := range []struct {
		word, want string
	}{
		{"", ""},
		{"b a a", "y x z"},
		{"a b a", "x w x"},
		{"a c", "x"},
	} {
		if got := strings.Join(other.Run(strings.Fields(c.word)), " "); got != c.want {
			t.Errorf("Run(%s) = %s, want %s", c.word, got, c.want)
		}
	}
}

func TestAccessWordsLeadToTheirStates(t *testing.T) {
	other := drawMinimal(3, uniformMachines(9, 4, 2))
	for s, state := range other.States {
		at := 0
		for _, input := range state.AccessWord {
			at = other.States[at].Transitions[slices.Index(other.Inputs, input)].Target
		}
		if at != s {
			t.Errorf("%q leads to state %d, want %d", state.AccessWord, at, s)
		}
	}
}
