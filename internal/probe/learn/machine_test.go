package learn

import (
	"math/rand/v2"
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
		[]Transition{{Output: "a\\b\nc\x01", To: 1, Nondeterministic: true}, {Output: "", To: 0, Guess: true}},
		[]Transition{{To: Unknown}, {Output: "ok", To: 0}},
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
s1 -> s1 [label="login / a\\b\\nc\\x01" style="dashed"];
s1 -> s0 [label="say∕all / " style="dotted"];
s2 -> s0 [label="say∕all / ok"];

__start0 -> s0;
}
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

func TestRunEndsWhereTheMachineKnowsNothing(t *testing.T) {
	m := table("a b", []Transition{{Output: "x", To: 1}, {Output: "y", To: 0}}, []Transition{{Output: "z", To: 1}, {To: Unknown}})
	for _, c := range []struct {
		word, want string
	}{
		{"", ""},
		{"b a a", "y x z"},
		{"a b a", "x"},
		{"a c", "x"},
	} {
		if got := strings.Join(m.Run(strings.Fields(c.word)), " "); got != c.want {
			t.Errorf("Run(%s) = %s, not %s", c.word, got, c.want)
		}
	}
}

func TestMinimizeMergesStatesThatAnswerEqually(t *testing.T) {
	m := table("a b",
		[]Transition{{Output: "x", To: 3}, {Output: "y", To: 1}},
		[]Transition{{Output: "x", To: 2}, {Output: "y", To: 0}},
		[]Transition{{Output: "z", To: 0}, {Output: "y", To: 2}},
		[]Transition{{Output: "z", To: 1}, {Output: "y", To: 3}},
		[]Transition{{Output: "never", To: 4}, {Output: "never", To: 4}},
	)
	want := table("a b",
		[]Transition{{Output: "x", To: 1}, {Output: "y", To: 0}},
		[]Transition{{Output: "z", To: 0}, {Output: "y", To: 1}},
	)
	got := m.Minimize()
	if !Isomorphic(got, want) || len(got.States) != 2 {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(got.States[1].Access, []string{"a"}) {
		t.Errorf("the second state is reached by %q", got.States[1].Access)
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

func TestIsomorphicMachinesMayNumberStatesAndInputsInAnyOrder(t *testing.T) {
	for seed := range uint64(20) {
		m := minimal(seed, uniform(7, 5, 3))
		other := shuffled(m, rand.New(rand.NewPCG(seed, 2)))
		if !Isomorphic(m, other) || !Isomorphic(other, m) {
			t.Fatalf("seed %d: a renumbered machine is another", seed)
		}
		if _, differs := Separate(m, other); differs {
			t.Fatalf("seed %d: a renumbered machine answers otherwise", seed)
		}
		other.States[3].Edges[2].Output = "changed"
		if Isomorphic(m, other) {
			t.Fatalf("seed %d: a changed output goes unnoticed", seed)
		}
	}
}

// shuffled numbers inputs and all states but the first anew.
func shuffled(m *Machine, r *rand.Rand) *Machine {
	states, inputs := r.Perm(len(m.States)), r.Perm(len(m.Inputs))
	zero := slices.Index(states, 0)
	states[0], states[zero] = states[zero], states[0]
	out := &Machine{Inputs: make([]string, len(inputs)), States: make([]State, len(states))}
	for i, in := range m.Inputs {
		out.Inputs[inputs[i]] = in
	}
	for s := range m.States {
		edges := make([]Transition, len(inputs))
		for i, e := range m.States[s].Edges {
			e.To = states[e.To]
			edges[inputs[i]] = e
		}
		out.States[states[s]].Edges = edges
	}
	return out
}

func TestSeparateFindsAShortestWord(t *testing.T) {
	for seed := range uint64(20) {
		m := minimal(seed, protocol(8, 4, 2, 0.5))
		r := rand.New(rand.NewPCG(seed, 3))
		other := shuffled(m, rand.New(rand.NewPCG(seed, 4)))
		s, in := r.IntN(8), r.IntN(4)
		other.States[s].Edges[in].Output = "changed"
		word, differs := Separate(m, other)
		if !differs {
			t.Fatalf("seed %d: no difference", seed)
		}
		if got, want := len(word), len(other.Minimize().accessOf("changed", other.Inputs)); got != want {
			t.Errorf("seed %d: a word of %d inputs, %d are enough", seed, got, want)
		}
		if slices.Equal(m.Run(word), other.Run(word)) {
			t.Errorf("seed %d: %q shows nothing", seed, word)
		}
	}
}

// accessOf is a shortest word that ends with an output.
func (m *Machine) accessOf(output string, inputs []string) []string {
	var best []string
	for _, s := range m.States {
		for i, e := range s.Edges {
			if word := append(slices.Clone(s.Access), inputs[i]); e.Output == output && (best == nil || len(word) < len(best)) {
				best = word
			}
		}
	}
	return best
}

func TestDivergencesGoOnBehindEach(t *testing.T) {
	// login, then say; B calls the answer to login otherwise, and loses what is
	// said.
	a := table("login say",
		[]Transition{{Output: "ok", To: 1}, {Output: "no", To: 0}},
		[]Transition{{Output: "again", To: 1}, {Output: "said", To: 1}},
	)
	b := table("login say extra",
		[]Transition{{Output: "welcome", To: 1}, {Output: "no", To: 0}, {Output: "?", To: 0}},
		[]Transition{{Output: "again", To: 1}, {Output: "lost", To: 1}, {Output: "?", To: 0}},
	)
	got := Divergences(a, b)
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	first, second := got[0], got[1]
	if first.Input != "login" || first.OutputA != "ok" || first.OutputB != "welcome" || first.Behind || len(first.Word) != 1 {
		t.Errorf("first: %+v", first)
	}
	if second.Input != "say" || second.A != 1 || second.B != 1 || !second.Behind || !slices.Equal(second.Word, []string{"login", "say"}) {
		t.Errorf("second: %+v", second)
	}
}

func TestAPairThatCanBeReachedWithoutADivergenceIsReachedSo(t *testing.T) {
	// Both x and y y lead to the last state; x is answered differently.
	machine := func(x, last string) *Machine {
		return table("x y",
			[]Transition{{Output: x, To: 2}, {Output: "y", To: 1}},
			[]Transition{{Output: "x", To: 1}, {Output: "y", To: 2}},
			[]Transition{{Output: "x", To: 2}, {Output: last, To: 2}},
		)
	}
	got := Divergences(machine("1", "2"), machine("3", "4"))
	if len(got) != 2 || got[1].Behind || !slices.Equal(got[1].Word, []string{"y", "y", "y"}) {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsNotDefiniteDoesNotDiverge(t *testing.T) {
	a := table("a b", []Transition{{Output: "x", To: 0, Nondeterministic: true}, {Output: "y", To: 0}})
	b := table("a b", []Transition{{Output: "z", To: 0}, {Output: "", To: Unknown}})
	if word, differs := Separate(a, b); differs {
		t.Errorf("%q", word)
	}
}

func TestIdentifiersAreHarmonised(t *testing.T) {
	for _, k := range slices.Concat(small, large, hard) {
		m := minimal(2, k.draw)
		h := fromMachine(m)
		sets := h.identifiers()
		for p := range sets {
			for q := range p {
				if !shareSeparator(h, p, q, sets) {
					t.Errorf("%s: states %d and %d have no common word that separates them", k.name, p, q)
				}
			}
		}
	}
}

func fromMachine(m *Machine) *hypothesis {
	n := newNames(m.Inputs)
	h := &hypothesis{inputs: len(m.Inputs)}
	for _, s := range m.States {
		var row []hypEdge
		for _, e := range s.Edges {
			row = append(row, hypEdge{out: n.output(e.Output), to: e.To})
		}
		h.edges = append(h.edges, row)
	}
	return h
}

// shareSeparator reports whether a word of one and a word of the other have a
// common beginning that separates the states.
func shareSeparator(h *hypothesis, p, q int, sets [][][]int) bool {
	for _, v := range sets[p] {
		for _, w := range sets[q] {
			common := 0
			for common < len(v) && common < len(w) && v[common] == w[common] {
				common++
			}
			if h.differ(p, q, v[:common]) > 0 {
				return true
			}
		}
	}
	return false
}
