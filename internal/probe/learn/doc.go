// Package learn finds out the Mealy machine of a system under test: in goes
// something that resets it, sends inputs and returns an output for each; out
// comes the smallest machine that explains all that was seen, or why there is
// none. The algorithm is L# (Vaandrager, Garhewal, Rot, Wissmann: A New Approach
// for Active Automata Learning Based on Apartness).
//
// An output that contradicts an earlier one is asked for again until one leads
// by two; one that never does is nondeterministic, and ends the learning.
package learn

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// SystemUnderTest is the system under test.
type SystemUnderTest interface {
	// Ask resets the system, sends the inputs and returns one output for each: a
	// membership query. It keeps the slice no longer than that. Its error ends the
	// learning.
	Ask(ctx context.Context, word []string) ([]string, error)
}

// Config says what to learn and how far to go.
type Config struct {
	// Inputs is the alphabet: at least one, each once.
	Inputs []string
	// Seed decides all that is random: equal configurations and equal answers make
	// equal queries.
	Seed uint64
	// Traces are observations that were made before, each up to the first input that
	// is not in the alphabet. They are believed as if they were asked now.
	Traces []Trace
	// Scenarios are words that somebody thought of. They are the first tests of each
	// hypothesis.
	Scenarios [][]string
	// MaxStates is how many states a hypothesis may have, 60 if it is 0.
	MaxStates int
	// RandomTests is how many random tests in a row must find nothing, 300 if it is 0,
	// none if it is negative.
	RandomTests int
}

// Trace is what was observed from one reset on: an output for each input.
type Trace struct {
	Inputs, Outputs []string
}

// ErrTooManyStates says that the hypothesis would need more states than MaxStates.
var ErrTooManyStates = errors.New("more states than allowed")

// ErrNondeterministic says that one word is answered now so, now otherwise.
var ErrNondeterministic = errors.New("it is not deterministic")

// Result is what was learned.
type Result struct {
	// Machine is the hypothesis that passed all tests, nil if Stopped is not.
	Machine *Machine
	// StopErr says why learning did not come to its end.
	StopErr error
	// RemainingQueries is how many queries more it would have taken, at least.
	RemainingQueries int
	// Queries is how many words were asked, Symbols how many inputs were sent.
	Queries, SentInputs int
	// PassedTests is how many random tests in a row found no counterexample.
	PassedTests int
	// Conflicts is how often an output contradicted an earlier one, Counterexamples
	// how often a hypothesis was refuted.
	Conflicts, Counterexamples int
}

// Guarantee says in one sentence how sure the machine is. That no other machine
// of so many states gives the same answers is what L# ends with: its states are
// all apart, and each transition is apart from all states but one.
func (r *Result) Guarantee() string {
	if r.Machine == nil {
		return "not complete: " + r.StopErr.Error()
	}
	return fmt.Sprintf("complete up to %s; %s without a counterexample",
		formatCount(len(r.Machine.States), "state"), formatCount(r.PassedTests, "random test"))
}

func formatCount(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (c Config) withDefaults() Config {
	if c.MaxStates == 0 {
		c.MaxStates = 60
	}
	if c.RandomTests == 0 {
		c.RandomTests = 300
	}
	return c
}

func (c Config) validate() error {
	if len(c.Inputs) == 0 {
		return errors.New("learn: no inputs")
	}
	for i, input := range c.Inputs {
		if slices.Contains(c.Inputs[:i], input) {
			return fmt.Errorf("learn: the input %q is given twice", input)
		}
	}
	for i, scenario := range c.Scenarios {
		for _, input := range scenario {
			if !slices.Contains(c.Inputs, input) {
				return fmt.Errorf("learn: scenario %d has %q, which is no input", i+1, input)
			}
		}
	}
	for i, trace := range c.Traces {
		if len(trace.Inputs) != len(trace.Outputs) {
			return fmt.Errorf("learn: trace %d has %d inputs and %d outputs", i+1, len(trace.Inputs), len(trace.Outputs))
		}
	}
	return nil
}
