package learn

import (
	"slices"
	"strings"
	"testing"
)

// table makes a machine of rows of "output to" pairs, one for each input.
func table(inputs string, rows ...[]Transition) *Machine {
	m := &Machine{Inputs: strings.Fields(inputs)}
	for _, r := range rows {
		m.States = append(m.States, State{Edges: r})
	}
	return m
}

func TestDOTIsWhatLearningToolsRead(t *testing.T) {
	m := table("login say/all",
		[]Transition{{Output: "ok", To: 1}, {Output: `no "one" hears`, To: 0}},
		[]Transition{{Output: "a\\b\nc\x01", To: 1}, {Output: "", To: 0}},
		[]Transition{{Output: "no", To: 1}, {Output: "ok", To: 0}},
	)
	var b strings.Builder
	if err := m.WriteDOT(&b); err != nil {
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

func TestRunEndsAtAnInputThatIsNotTheMachines(t *testing.T) {
	m := table("a b", []Transition{{Output: "x", To: 1}, {Output: "y", To: 0}}, []Transition{{Output: "z", To: 1}, {Output: "w", To: 0}})
	for _, c := range []struct {
		word, want string
	}{
		{"", ""},
		{"b a a", "y x z"},
		{"a b a", "x w x"},
		{"a c", "x"},
	} {
		if got := strings.Join(m.Run(strings.Fields(c.word)), " "); got != c.want {
			t.Errorf("Run(%s) = %s, not %s", c.word, got, c.want)
		}
	}
}

func TestAccessWordsLeadWhereTheySay(t *testing.T) {
	m := minimal(3, uniform(9, 4, 2))
	for s, state := range m.States {
		at := 0
		for _, in := range state.Access {
			at = m.States[at].Edges[slices.Index(m.Inputs, in)].To
		}
		if at != s {
			t.Errorf("%q leads to %d, not to %d", state.Access, at, s)
		}
	}
}
