package learn

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func learnOnce(t *testing.T, s Subject, c Config) *Result {
	t.Helper()
	r, err := Learn(context.Background(), s, c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type kind struct {
	name string
	draw func(*rand.Rand) *Machine
}

var small = []kind{
	{"6 states, 15 inputs, 3 outputs", uniform(6, 15, 3)},
	{"6 states, 15 inputs, 4 outputs", uniform(6, 15, 4)},
	{"6 states, 15 inputs, 60 % refused", protocol(6, 15, 3, 0.6)},
	{"6 states, 15 inputs, 80 % refused", protocol(6, 15, 3, 0.8)},
}

var large = []kind{
	{"12 states, 16 inputs, 3 outputs", uniform(12, 16, 3)},
	{"12 states, 16 inputs, 60 % refused", protocol(12, 16, 3, 0.6)},
	{"12 states, 16 inputs, 80 % refused", protocol(12, 16, 3, 0.8)},
	{"12 states, 16 inputs, silent chain", status(12, 16)},
	{"12 states, 16 inputs, chain with resets", resets(12, 16, 1)},
}

// hard are those in which a state cannot be told from another until something
// particular happens.
var hard = []kind{
	{"12 states, 16 inputs, inputs come again", resets(12, 16, 2)},
	{"12 states, 16 inputs, lock of 1", lock(12, 16, 3, 1)},
	{"12 states, 16 inputs, counter to 5", counter(12, 16, 3, 4)},
}

// learnTen learns ten machines of each kind and wants all to be right; it
// returns how many queries it took on average for the costliest kind.
func learnTen(t *testing.T, kinds []kind, c Config, change func(s *system)) int {
	t.Helper()
	costliest := 0
	for _, k := range kinds {
		queries, symbols, most := 0, 0, 0
		for seed := range uint64(seeds) {
			m := minimal(seed, k.draw)
			s := newSystem(m, seed)
			if change != nil {
				change(s)
			}
			c.Inputs, c.Seed, c.HSI = m.Inputs, seed, true
			r := learnOnce(t, s, c)
			if !Isomorphic(r.Machine, m) || r.Stopped != nil {
				t.Errorf("%s, seed %d: %d states of %d; %s", k.name, seed, len(r.Machine.States), len(m.States), r.Guarantee())
			}
			if !r.HSI || r.CompleteUpTo != len(r.Machine.States)+c.Extra {
				t.Errorf("%s, seed %d: the suite was not finished: %+v", k.name, seed, r)
			}
			queries, symbols, most = queries+r.Queries, symbols+r.Symbols, max(most, r.Queries)
		}
		t.Logf("%-40s %5d queries, at most %5d, %6d inputs", k.name, queries/seeds, most, symbols/seeds)
		costliest = max(costliest, queries/seeds)
	}
	return costliest
}

func TestSmallMachinesAreRightTenTimesOfTenInSevenHundredQueries(t *testing.T) {
	if n := learnTen(t, small, Config{}, nil); n > 700 {
		t.Errorf("%d queries on average", n)
	}
}

func TestLargeMachinesAreRightTenTimesOfTen(t *testing.T) {
	if n := learnTen(t, large, Config{}, nil); n > 1100 {
		t.Errorf("%d queries on average", n)
	}
}

func TestWhereRandomWalksFailRepetitionAndASuiteWithAnExtraStateHelp(t *testing.T) {
	learnTen(t, hard, Config{Extra: 1}, nil)
}

func TestASuiteWithTwoExtraStatesFindsALockOfTwo(t *testing.T) {
	learnTen(t, []kind{{"6 states, 8 inputs, lock of 2", lock(6, 8, 3, 2)}}, Config{Extra: 2}, nil)
}

func TestOneWrongOutputInAHundredChangesNothing(t *testing.T) {
	wrong := func(s *system) { s.wrong = 0.01 }
	if n := learnTen(t, small, Config{}, wrong); n > 1000 {
		t.Errorf("%d queries on average", n)
	}
	if n := learnTen(t, large[:2], Config{}, wrong); n > 2000 {
		t.Errorf("%d queries on average", n)
	}
}

func TestOneLostAnswerInAHundredChangesNothing(t *testing.T) {
	lost := func(s *system) { s.silent = 0.01 }
	if n := learnTen(t, small, Config{}, lost); n > 1000 {
		t.Errorf("%d queries on average", n)
	}
	if n := learnTen(t, large[:2], Config{}, lost); n > 2000 {
		t.Errorf("%d queries on average", n)
	}
}

func TestASubjectThatIsNotAdaptiveIsLearnedToo(t *testing.T) {
	for _, k := range slices.Concat(small, large) {
		m := minimal(1, k.draw)
		r := learnOnce(t, preset{newSystem(m, 1)}, Config{Inputs: m.Inputs, Seed: 1, HSI: true})
		if !Isomorphic(r.Machine, m) {
			t.Errorf("%s: %d states", k.name, len(r.Machine.States))
		}
		t.Logf("%-40s %5d queries, %6d inputs", k.name, r.Queries, r.Symbols)
	}
}

func TestTheSameSeedAsksTheSameWords(t *testing.T) {
	m := minimal(3, protocol(8, 10, 3, 0.7))
	ask := func(seed uint64) []string {
		s := newSystem(m, 5)
		s.wrong = 0.01
		learnOnce(t, s, Config{Inputs: m.Inputs, Seed: seed, HSI: true})
		return s.asked
	}
	first := ask(1)
	if !slices.Equal(first, ask(1)) {
		t.Error("two runs with one seed differ")
	}
	if slices.Equal(first, ask(2)) {
		t.Error("two seeds ask the same")
	}
}

func TestWithoutErrorsOnlyConfirmationsAreAskedTwice(t *testing.T) {
	m := minimal(4, uniform(6, 15, 3))
	s := newSystem(m, 4)
	r := learnOnce(t, s, Config{Inputs: m.Inputs, HSI: true})
	seen, again := map[string]bool{}, 0
	for _, w := range s.asked {
		if seen[w] {
			again++
		}
		seen[w] = true
	}
	if again*10 > r.Queries {
		t.Errorf("%d of %d words were asked again", again, r.Queries)
	}
}

func TestWhenTheBudgetEndsTheResultHoldsWhatWasLearned(t *testing.T) {
	m := minimal(5, uniform(6, 15, 3))
	for _, budget := range []int{1, 10, 60, 120, 200, 300, 450} {
		s := newSystem(m, 5)
		s.budget = budget
		r := learnOnce(t, s, Config{Inputs: m.Inputs, HSI: true})
		if !errors.Is(r.Stopped, errBudget) || r.CompleteUpTo != 0 || r.HSI {
			t.Fatalf("after %d words: %+v", budget, r)
		}
		if !strings.Contains(r.Guarantee(), "not complete") {
			t.Errorf("after %d words: %s", budget, r.Guarantee())
		}
		known := 0
		for _, state := range r.Machine.States {
			if len(state.Edges) != len(m.Inputs) {
				t.Fatalf("after %d words a state has %d edges", budget, len(state.Edges))
			}
			for _, e := range state.Edges {
				if e.To != Unknown {
					known++
				}
			}
		}
		if known == 0 {
			t.Errorf("after %d words nothing is known", budget)
		}
		if budget >= 300 && !Isomorphic(r.Machine, m) {
			t.Errorf("after %d words the machine is still wrong", budget)
		}
	}
}

func TestAnEndedContextStopsLearning(t *testing.T) {
	m := minimal(5, uniform(6, 15, 3))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := Learn(ctx, newSystem(m, 1), Config{Inputs: m.Inputs})
	if err != nil || !errors.Is(r.Stopped, context.Canceled) || r.Queries != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestMoreStatesThanAllowedStopLearning(t *testing.T) {
	m := minimal(5, uniform(6, 15, 3))
	r := learnOnce(t, newSystem(m, 1), Config{Inputs: m.Inputs, MaxStates: 4})
	if !errors.Is(r.Stopped, ErrStates) || len(r.Machine.States) != 4 {
		t.Errorf("%d states, stopped by %v", len(r.Machine.States), r.Stopped)
	}
}

func TestAnEdgeThatIsNotDeterministicIsMarkedAndTheRestIsLearned(t *testing.T) {
	for seed := range uint64(seeds) {
		m := minimal(seed, uniform(6, 15, 3))
		s := newSystem(m, seed)
		at := edgeID{int(seed % 6), "i3"}
		s.alternatives = map[edgeID]string{at: "other"}
		r := learnOnce(t, s, Config{Inputs: m.Inputs, Seed: seed, HSI: true})
		if r.Stopped != nil {
			t.Errorf("seed %d: %v", seed, r.Stopped)
		}
		if len(r.Nondeterministic) != 1 || r.Nondeterministic[0].State != at.state || r.Nondeterministic[0].Input != at.input ||
			!slices.Contains(r.Nondeterministic[0].Outputs, "other") {
			t.Errorf("seed %d: not deterministic are %+v, not %v", seed, r.Nondeterministic, at)
		}
		if len(r.Machine.States) != 6 {
			t.Errorf("seed %d: %d states", seed, len(r.Machine.States))
		}
		if w, differs := Separate(r.Machine, m); differs {
			t.Errorf("seed %d: wrong after %v", seed, w)
		}
		t.Log(r.Queries, r.Guarantee())
	}
}

func TestTooManyEdgesThatAreNotDeterministicStopLearning(t *testing.T) {
	m := minimal(2, uniform(6, 15, 3))
	s := newSystem(m, 2)
	s.alternatives = map[edgeID]string{}
	for state := range 6 {
		s.alternatives[edgeID{state, "i1"}] = "x"
		s.alternatives[edgeID{state, "i2"}] = "y"
	}
	r := learnOnce(t, s, Config{Inputs: m.Inputs})
	if !errors.Is(r.Stopped, ErrNondeterministic) || !strings.Contains(r.Stopped.Error(), `" in s`) {
		t.Errorf("stopped by %v", r.Stopped)
	}
	t.Log(r.Queries, r.Stopped)
}

func TestTracesAreNotAskedAgain(t *testing.T) {
	m := minimal(6, uniform(6, 15, 3))
	s := newSystem(m, 6)
	first := learnOnce(t, s, Config{Inputs: m.Inputs, HSI: true})
	var traces []Trace
	for _, w := range s.asked {
		word := strings.Fields(w)
		traces = append(traces, Trace{word, m.Run(word)})
	}
	again := newSystem(m, 6)
	second := learnOnce(t, again, Config{Inputs: m.Inputs, HSI: true, Traces: traces})
	if !Isomorphic(second.Machine, m) {
		t.Error("with traces the machine is wrong")
	}
	// The random tests are made anew, the suite depends on them.
	if second.Queries > first.Queries-100 {
		t.Errorf("%d queries, without traces %d", second.Queries, first.Queries)
	}
	t.Log(first.Queries, second.Queries)
}

func TestATraceIsACounterexample(t *testing.T) {
	m := minimal(1, lock(8, 10, 3, 2))
	word := longestAccess(m)
	r := learnOnce(t, newSystem(m, 1), Config{Inputs: m.Inputs, Tests: -1, Traces: []Trace{{word, m.Run(word)}}})
	if got := r.Machine.Run(word); !slices.Equal(got, m.Run(word)) {
		t.Errorf("the machine says %q for a trace, which is %q", got, m.Run(word))
	}
}

func TestAWrongTraceIsRefuted(t *testing.T) {
	m := minimal(7, uniform(6, 15, 3))
	wrong := Trace{[]string{"i0", "i1", "i2"}, []string{"never", "never", "never"}}
	r := learnOnce(t, newSystem(m, 7), Config{Inputs: m.Inputs, HSI: true, Traces: []Trace{wrong}})
	if !Isomorphic(r.Machine, m) || r.Conflicts == 0 {
		t.Errorf("%d states, %d conflicts", len(r.Machine.States), r.Conflicts)
	}
}

func TestATraceEndsBeforeAnUnknownInput(t *testing.T) {
	m := minimal(7, uniform(6, 15, 3))
	trace := Trace{[]string{"i0", "elsewhere", "i2"}, []string{m.Run([]string{"i0"})[0], "x", "never"}}
	r := learnOnce(t, newSystem(m, 7), Config{Inputs: m.Inputs, HSI: true, Traces: []Trace{trace}})
	if !Isomorphic(r.Machine, m) || r.Conflicts != 0 {
		t.Errorf("%d states, %d conflicts", len(r.Machine.States), r.Conflicts)
	}
}

func TestScenariosAreTheFirstTests(t *testing.T) {
	m := minimal(1, lock(8, 10, 3, 2))
	word := longestAccess(m)
	r := learnOnce(t, newSystem(m, 1), Config{Inputs: m.Inputs, Tests: -1, Scenarios: [][]string{word}})
	if got := r.Machine.Run(word); !slices.Equal(got, m.Run(word)) {
		t.Errorf("the machine says %q for a scenario, which is %q", got, m.Run(word))
	}
	if r.TestsWithout != 0 || r.Guarantee() != "0 random tests without a counterexample" {
		t.Errorf("without tests it says %q", r.Guarantee())
	}
}

func longestAccess(m *Machine) []string {
	var longest []string
	for _, s := range m.States {
		if len(s.Access) > len(longest) {
			longest = s.Access
		}
	}
	return append(slices.Clone(longest), m.Inputs...)
}

func TestMistakesInTheConfigurationAreFoundBeforeAnythingIsAsked(t *testing.T) {
	for name, c := range map[string]Config{
		"no inputs":           {},
		"an input twice":      {Inputs: []string{"a", "b", "a"}},
		"an unknown scenario": {Inputs: []string{"a"}, Scenarios: [][]string{{"b"}}},
		"an uneven trace":     {Inputs: []string{"a"}, Traces: []Trace{{[]string{"a"}, nil}}},
		"fewer extra states":  {Inputs: []string{"a"}, Extra: -1},
	} {
		if r, err := Learn(context.Background(), nil, c); err == nil || r != nil {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

func TestAMachineOfOneStateNeedsNoSuffix(t *testing.T) {
	m := blank(1, 3, func(int, int) int { return 0 })
	r := learnOnce(t, newSystem(m, 1), Config{Inputs: m.Inputs, HSI: true, Extra: 1, Tests: 10})
	if !Isomorphic(r.Machine, m) || r.Guarantee() != "complete up to 2 states; 10 random tests without a counterexample" {
		t.Errorf("%d states: %s", len(r.Machine.States), r.Guarantee())
	}
}
