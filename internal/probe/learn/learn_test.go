package learn

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func learnOnce(t *testing.T, s SystemUnderTest, config Config) *Result {
	t.Helper()
	r, err := Learn(context.Background(), s, config)
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

// learnTen learns ten machines of each kind and wants all to be right; it
// returns how many queries it took on average for the costliest kind.
func learnTen(t *testing.T, kinds []kind, config Config, change func(s *system)) int {
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
			config.Inputs, config.Seed = m.Inputs, seed
			r := learnOnce(t, s, config)
			if !same(r.Machine, m) || r.Stopped != nil {
				t.Errorf("%s, seed %d: %s, of %d states", k.name, seed, r.Guarantee(), len(m.States))
			}
			queries, symbols, most = queries+r.Queries, symbols+r.Symbols, max(most, r.Queries)
		}
		t.Logf("%-40s %5d queries, at most %5d, %6d inputs", k.name, queries/seeds, most, symbols/seeds)
		costliest = max(costliest, queries/seeds)
	}
	return costliest
}

func TestSmallMachinesAreRightTenTimesOfTenInSixHundredQueries(t *testing.T) {
	if n := learnTen(t, small, Config{}, nil); n > 600 {
		t.Errorf("%d queries on average", n)
	}
}

func TestLargeMachinesAreRightTenTimesOfTen(t *testing.T) {
	if n := learnTen(t, large, Config{}, nil); n > 1200 {
		t.Errorf("%d queries on average", n)
	}
}

func TestOneWrongOutputInAHundredChangesNothing(t *testing.T) {
	wrong := func(s *system) { s.wrong = 0.01 }
	if n := learnTen(t, small, Config{}, wrong); n > 900 {
		t.Errorf("%d queries on average", n)
	}
	if n := learnTen(t, large[:2], Config{}, wrong); n > 1700 {
		t.Errorf("%d queries on average", n)
	}
}

func TestOneLostAnswerInAHundredChangesNothing(t *testing.T) {
	lost := func(s *system) { s.silent = 0.01 }
	if n := learnTen(t, small, Config{}, lost); n > 900 {
		t.Errorf("%d queries on average", n)
	}
	if n := learnTen(t, large[:2], Config{}, lost); n > 1700 {
		t.Errorf("%d queries on average", n)
	}
}

func TestTheSameSeedAsksTheSameWords(t *testing.T) {
	m := minimal(3, protocol(8, 10, 3, 0.7))
	ask := func(seed uint64) []string {
		s := newSystem(m, 5)
		s.wrong = 0.01
		learnOnce(t, s, Config{Inputs: m.Inputs, Seed: seed})
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
	r := learnOnce(t, s, Config{Inputs: m.Inputs})
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

func TestWhenTheBudgetEndsNoMachineIsGivenButHowMuchIsMissing(t *testing.T) {
	m := minimal(5, uniform(6, 15, 3))
	whole := learnOnce(t, newSystem(m, 5), Config{Inputs: m.Inputs})
	before := 0
	for _, budget := range []int{1, 10, 60, 120, 200, 300} {
		s := newSystem(m, 5)
		s.budget = budget
		r := learnOnce(t, s, Config{Inputs: m.Inputs})
		if !errors.Is(r.Stopped, errBudget) || r.Machine != nil {
			t.Fatalf("after %d words: %+v", budget, r)
		}
		if !strings.Contains(r.Guarantee(), "not complete") {
			t.Errorf("after %d words: %s", budget, r.Guarantee())
		}
		if r.Remaining < 1 || budget+r.Remaining > whole.Queries*11/10 {
			t.Errorf("after %d words %d are missing, the whole takes %d", budget, r.Remaining, whole.Queries)
		}
		if budget > 120 && r.Remaining >= before {
			t.Errorf("after %d words %d are missing, before %d", budget, r.Remaining, before)
		}
		before = r.Remaining
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
	if !errors.Is(r.Stopped, ErrStates) || r.Machine != nil {
		t.Errorf("%+v", r)
	}
}

func TestAnEdgeThatIsNotDeterministicStopsLearningAndIsNamed(t *testing.T) {
	for seed := range uint64(seeds) {
		m := minimal(seed, uniform(6, 15, 3))
		s := newSystem(m, seed)
		s.alternatives = map[edgeID]string{{int(seed % 6), "i3"}: "other"}
		r := learnOnce(t, s, Config{Inputs: m.Inputs, Seed: seed})
		if !errors.Is(r.Stopped, ErrNondeterministic) || r.Machine != nil ||
			!strings.Contains(r.Stopped.Error(), `i3" is answered`) || !strings.Contains(r.Stopped.Error(), `"other"`) {
			t.Errorf("seed %d: stopped by %v", seed, r.Stopped)
		}
		t.Log(r.Queries, r.Stopped)
	}
}

func TestTracesAreNotAskedAgain(t *testing.T) {
	m := minimal(6, uniform(6, 15, 3))
	s := newSystem(m, 6)
	first := learnOnce(t, s, Config{Inputs: m.Inputs})
	var traces []Trace
	for _, w := range s.asked {
		word := strings.Fields(w)
		traces = append(traces, Trace{word, m.Run(word)})
	}
	again := newSystem(m, 6)
	second := learnOnce(t, again, Config{Inputs: m.Inputs, Traces: traces})
	if !same(second.Machine, m) {
		t.Error("with traces the machine is wrong")
	}
	// The random tests are made anew.
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
	r := learnOnce(t, newSystem(m, 7), Config{Inputs: m.Inputs, Traces: []Trace{wrong}})
	if !same(r.Machine, m) || r.Conflicts == 0 {
		t.Errorf("%s, %d conflicts", r.Guarantee(), r.Conflicts)
	}
}

func TestATraceEndsBeforeAnUnknownInput(t *testing.T) {
	m := minimal(7, uniform(6, 15, 3))
	trace := Trace{[]string{"i0", "elsewhere", "i2"}, []string{m.Run([]string{"i0"})[0], "x", "never"}}
	r := learnOnce(t, newSystem(m, 7), Config{Inputs: m.Inputs, Traces: []Trace{trace}})
	if !same(r.Machine, m) || r.Conflicts != 0 {
		t.Errorf("%s, %d conflicts", r.Guarantee(), r.Conflicts)
	}
}

func TestScenariosAreTheFirstTests(t *testing.T) {
	m := minimal(1, lock(8, 10, 3, 2))
	word := longestAccess(m)
	r := learnOnce(t, newSystem(m, 1), Config{Inputs: m.Inputs, Tests: -1, Scenarios: [][]string{word}})
	if got := r.Machine.Run(word); !slices.Equal(got, m.Run(word)) {
		t.Errorf("the machine says %q for a scenario, which is %q", got, m.Run(word))
	}
	if r.Tests != 0 || !strings.HasSuffix(r.Guarantee(), "; 0 random tests without a counterexample") {
		t.Errorf("without tests it says %q", r.Guarantee())
	}
}

func longestAccess(m *Machine) []string {
	var longest []string
	for _, state := range m.States {
		if len(state.Access) > len(longest) {
			longest = state.Access
		}
	}
	return append(slices.Clone(longest), m.Inputs...)
}

func TestMistakesInTheConfigurationAreFoundBeforeAnythingIsAsked(t *testing.T) {
	for name, config := range map[string]Config{
		"no inputs":           {},
		"an input twice":      {Inputs: []string{"a", "b", "a"}},
		"an unknown scenario": {Inputs: []string{"a"}, Scenarios: [][]string{{"b"}}},
		"an uneven trace":     {Inputs: []string{"a"}, Traces: []Trace{{[]string{"a"}, nil}}},
	} {
		if r, err := Learn(context.Background(), nil, config); err == nil || r != nil {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

func TestAMachineOfOneStateIsTested(t *testing.T) {
	m := blank(1, 3, func(int, int) int { return 0 })
	r := learnOnce(t, newSystem(m, 1), Config{Inputs: m.Inputs, Tests: 10})
	if !same(r.Machine, m) || r.Guarantee() != "complete up to 1 state; 10 random tests without a counterexample" {
		t.Error(r.Guarantee())
	}
}
