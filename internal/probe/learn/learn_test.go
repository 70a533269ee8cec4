package learn

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func learn(t *testing.T, system SystemUnderTest, config Config) *Result {
	t.Helper()
	result, err := Learn(context.Background(), system, config)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

type machineKind struct {
	name string
	draw func(*rand.Rand) *Machine
}

var smallKinds = []machineKind{
	{"6 states, 15 inputs, 3 outputs", uniformMachines(6, 15, 3)},
	{"6 states, 15 inputs, 4 outputs", uniformMachines(6, 15, 4)},
	{"6 states, 15 inputs, 60 % refused", protocolMachines(6, 15, 3, 0.6)},
	{"6 states, 15 inputs, 80 % refused", protocolMachines(6, 15, 3, 0.8)},
}

var largeKinds = []machineKind{
	{"12 states, 16 inputs, 3 outputs", uniformMachines(12, 16, 3)},
	{"12 states, 16 inputs, 60 % refused", protocolMachines(12, 16, 3, 0.6)},
	{"12 states, 16 inputs, 80 % refused", protocolMachines(12, 16, 3, 0.8)},
	{"12 states, 16 inputs, silent chain", silentChains(12, 16)},
	{"12 states, 16 inputs, chain with resets", chainsWithResets(12, 16, 1)},
}

// checkMachinesOfKinds learns several machines of each kind, checks them, and returns the average
// number of queries for the costliest kind.
func checkMachinesOfKinds(t *testing.T, kinds []machineKind, config Config, change func(system *unreliableSystem)) int {
	t.Helper()
	costliest := 0
	for _, kind := range kinds {
		queries, symbols, most := 0, 0, 0
		for seed := range uint64(machinesPerKind) {
			other := drawMinimal(seed, kind.draw)
			system := newSystem(other, seed)
			if change != nil {
				change(system)
			}
			config.Inputs, config.Seed = other.Inputs, seed
			result := learn(t, system, config)
			if !isEquivalent(result.Machine, other) || result.StopErr != nil {
				t.Errorf("%s, seed %d: got %s, want a machine of %d states", kind.name, seed, result.Guarantee(),
					len(other.States))
			}
			queries, symbols, most = queries+result.Queries, symbols+result.SentInputs, max(most, result.Queries)
		}
		t.Logf("%-40s %5d queries, at most %5d, %6d inputs", kind.name, queries/machinesPerKind, most,
			symbols/machinesPerKind)
		costliest = max(costliest, queries/machinesPerKind)
	}
	return costliest
}

func TestLearnsSmallMachinesWithinSixHundredQueries(t *testing.T) {
	if n := checkMachinesOfKinds(t, smallKinds, Config{}, nil); n > 600 {
		t.Errorf("got %d queries on average", n)
	}
}

func TestLargeMachinesAreLearned(t *testing.T) {
	if n := checkMachinesOfKinds(t, largeKinds, Config{}, nil); n > 1200 {
		t.Errorf("got %d queries on average", n)
	}
}

func TestOneWrongOutputInAHundredChangesNothing(t *testing.T) {
	wrong := func(system *unreliableSystem) { system.wrongOutputRate = 0.01 }
	if n := checkMachinesOfKinds(t, smallKinds, Config{}, wrong); n > 900 {
		t.Errorf("got %d queries on average", n)
	}
	if n := checkMachinesOfKinds(t, largeKinds[:2], Config{}, wrong); n > 1700 {
		t.Errorf("got %d queries on average", n)
	}
}

func TestOneLostAnswerInAHundredChangesNothing(t *testing.T) {
	lost := func(system *unreliableSystem) { system.noAnswerRate = 0.01 }
	if n := checkMachinesOfKinds(t, smallKinds, Config{}, lost); n > 900 {
		t.Errorf("got %d queries on average", n)
	}
	if n := checkMachinesOfKinds(t, largeKinds[:2], Config{}, lost); n > 1700 {
		t.Errorf("got %d queries on average", n)
	}
}

func TestEqualSeedsGiveEqualQueries(t *testing.T) {
	other := drawMinimal(3, protocolMachines(8, 10, 3, 0.7))
	ask := func(seed uint64) []string {
		system := newSystem(other, 5)
		system.wrongOutputRate = 0.01
		learn(t, system, Config{Inputs: other.Inputs, Seed: seed})
		return system.queries
	}
	first := ask(1)
	if !slices.Equal(first, ask(1)) {
		t.Error("two runs with one seed differ")
	}
	if slices.Equal(first, ask(2)) {
		t.Error("two seeds have equal queries")
	}
}

func TestReliableSystemIsAskedTwiceOnlyToConfirm(t *testing.T) {
	other := drawMinimal(4, uniformMachines(6, 15, 3))
	system := newSystem(other, 4)
	result := learn(t, system, Config{Inputs: other.Inputs})
	seen, again := map[string]bool{}, 0
	for _, w := range system.queries {
		if seen[w] {
			again++
		}
		seen[w] = true
	}
	if again*10 > result.Queries {
		t.Errorf("Learn repeated %d of %d words", again, result.Queries)
	}
}

func TestSmallBudgetGivesMissingQueriesAndNoMachine(t *testing.T) {
	other := drawMinimal(5, uniformMachines(6, 15, 3))
	whole := learn(t, newSystem(other, 5), Config{Inputs: other.Inputs})
	before := 0
	for _, budget := range []int{1, 10, 60, 120, 200, 300} {
		system := newSystem(other, 5)
		system.maxQueries = budget
		result := learn(t, system, Config{Inputs: other.Inputs})
		if !errors.Is(result.StopErr, errBudget) || result.Machine != nil {
			t.Fatalf("with a budget of %d queries: got %+v", budget, result)
		}
		if !strings.Contains(result.Guarantee(), "not complete") {
			t.Errorf("with a budget of %d queries: got %s", budget, result.Guarantee())
		}
		if result.RemainingQueries < 1 || budget+result.RemainingQueries > whole.Queries*11/10 {
			t.Errorf("with a budget of %d queries: got %d remaining, learning takes %d", budget,
				result.RemainingQueries,
				whole.Queries)
		}
		if budget > 120 && result.RemainingQueries >= before {
			t.Errorf("with a budget of %d queries: got %d remaining, want fewer than %d", budget,
				result.RemainingQueries, before)
		}
		before = result.RemainingQueries
	}
}

func TestCancelledContextStopsLearning(t *testing.T) {
	other := drawMinimal(5, uniformMachines(6, 15, 3))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	result, err := Learn(ctx, newSystem(other, 1), Config{Inputs: other.Inputs})
	if err != nil || !errors.Is(result.StopErr, context.Canceled) || result.Queries != 0 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestTooManyStatesStopLearning(t *testing.T) {
	other := drawMinimal(5, uniformMachines(6, 15, 3))
	result := learn(t, newSystem(other, 1), Config{Inputs: other.Inputs, MaxStates: 4})
	if !errors.Is(result.StopErr, ErrTooManyStates) || result.Machine != nil {
		t.Errorf("%+v", result)
	}
}

func TestNondeterministicTransitionStopsLearning(t *testing.T) {
	for seed := range uint64(machinesPerKind) {
		other := drawMinimal(seed, uniformMachines(6, 15, 3))
		system := newSystem(other, seed)
		system.alternatives = map[edgeID]string{{int(seed % 6), "i3"}: "other"}
		result := learn(t, system, Config{Inputs: other.Inputs, Seed: seed})
		if !errors.Is(result.StopErr, ErrNondeterministic) || result.Machine != nil ||
			!strings.Contains(
				result.StopErr.Error(),
				`i3" is answered`,
			) || !strings.Contains(result.StopErr.Error(), `"other"`) {
			t.Errorf("seed %d: got the error %v", seed, result.StopErr)
		}
		t.Log(result.Queries, result.StopErr)
	}
}

func TestTracesSaveQueries(t *testing.T) {
	other := drawMinimal(6, uniformMachines(6, 15, 3))
	system := newSystem(other, 6)
	first := learn(t, system, Config{Inputs: other.Inputs})
	var traces []Trace
	for _, w := range system.queries {
		word := strings.Fields(w)
		traces = append(traces, Trace{word, other.Run(word)})
	}
	again := newSystem(other, 6)
	second := learn(t, again, Config{Inputs: other.Inputs, Traces: traces})
	if !isEquivalent(second.Machine, other) {
		t.Error("the machine learned with traces is wrong")
	}
	// The random tests are made anew.
	if second.Queries > first.Queries-100 {
		t.Errorf("got %d queries with traces, %d without", second.Queries, first.Queries)
	}
	t.Log(first.Queries, second.Queries)
}

func TestTraceCanBeACounterexample(t *testing.T) {
	other := drawMinimal(1, hiddenChains(8, 10, 3, 2))
	word := longestAccess(other)
	result := learn(t, newSystem(other, 1),
		Config{Inputs: other.Inputs, RandomTests: -1, Traces: []Trace{{word, other.Run(word)}}})
	if got := result.Machine.Run(word); !slices.Equal(got, other.Run(word)) {
		t.Errorf("got %q for a trace, want %q", got, other.Run(word))
	}
}

func TestWrongTraceIsRefuted(t *testing.T) {
	other := drawMinimal(7, uniformMachines(6, 15, 3))
	wrong := Trace{[]string{"i0", "i1", "i2"}, []string{"never", "never", "never"}}
	result := learn(t, newSystem(other, 7), Config{Inputs: other.Inputs, Traces: []Trace{wrong}})
	if !isEquivalent(result.Machine, other) || result.Conflicts == 0 {
		t.Errorf("got %s and %d conflicts", result.Guarantee(), result.Conflicts)
	}
}

func TestTraceEndsBeforeAnUnknownInput(t *testing.T) {
	other := drawMinimal(7, uniformMachines(6, 15, 3))
	trace := Trace{[]string{"i0", "elsewhere", "i2"}, []string{other.Run([]string{"i0"})[0], "x", "never"}}
	result := learn(t, newSystem(other, 7), Config{Inputs: other.Inputs, Traces: []Trace{trace}})
	if !isEquivalent(result.Machine, other) || result.Conflicts != 0 {
		t.Errorf("got %s and %d conflicts", result.Guarantee(), result.Conflicts)
	}
}

func TestScenariosAreTheFirstTests(t *testing.T) {
	other := drawMinimal(1, hiddenChains(8, 10, 3, 2))
	word := longestAccess(other)
	result := learn(t, newSystem(other, 1), Config{Inputs: other.Inputs, RandomTests: -1, Scenarios: [][]string{word}})
	if got := result.Machine.Run(word); !slices.Equal(got, other.Run(word)) {
		t.Errorf("got %q for a scenario, want %q", got, other.Run(word))
	}
	if result.PassedTests != 0 || !strings.HasSuffix(result.Guarantee(), "; 0 random tests without a counterexample") {
		t.Errorf("without tests: got the guarantee %q", result.Guarantee())
	}
}

func longestAccess(other *Machine) []string {
	var longest []string
	for _, state := range other.States {
		if len(state.AccessWord) > len(longest) {
			longest = state.AccessWord
		}
	}
	return append(slices.Clone(longest), other.Inputs...)
}

func TestLearnRefusesInvalidConfigurations(t *testing.T) {
	for name, config := range map[string]Config{
		"no inputs":           {},
		"an input twice":      {Inputs: []string{"a", "b", "a"}},
		"an unknown scenario": {Inputs: []string{"a"}, Scenarios: [][]string{{"b"}}},
		"an uneven trace":     {Inputs: []string{"a"}, Traces: []Trace{{[]string{"a"}, nil}}},
	} {
		if result, err := Learn(context.Background(), nil, config); err == nil || result != nil {
			t.Errorf("%s: %v, %v", name, result, err)
		}
	}
}

func TestMachineOfOneStateIsTested(t *testing.T) {
	other := newMachine(1, 3, func(int, int) int { return 0 })
	result := learn(t, newSystem(other, 1), Config{Inputs: other.Inputs, RandomTests: 10})
	if !isEquivalent(result.Machine, other) ||
		result.Guarantee() != "complete up to 1 state; 10 random tests without a counterexample" {
		t.Error(result.Guarantee())
	}
}
