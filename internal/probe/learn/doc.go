// Package learn infers a Mealy machine from a system under test. The caller supplies the alphabet
// and a system that can be reset, takes inputs and returns one output for each. A word is a
// sequence of inputs, sent after a reset. [Learn] returns the smallest machine that explains all
// observations, or the reason why there is none. The algorithm is L# (Vaandrager, Garhewal, Rot,
// Wissmann: A New Approach for Active Automata Learning Based on Apartness). It keeps all
// observations in a tree and tells states apart by words with different outputs.
//
// Outputs may be wrong occasionally. If an output contradicts an earlier one, the word is asked
// again until one output has at least two observations more than any other; that one is believed.
// If a second output stays frequent, the system is nondeterministic and learning ends.
package learn

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// SystemUnderTest answers membership queries.
type SystemUnderTest interface {
	// Ask resets the system, sends the inputs of word and returns one output for each. It must not
	// keep word. Its error ends the learning.
	Ask(ctx context.Context, word []string) ([]string, error)
}

// Config holds the alphabet and the limits of learning.
type Config struct {
	// Inputs is the alphabet. It must not be empty or contain duplicates.
	Inputs []string
	// Seed determines all random choices: equal configurations and equal answers lead to
	// equal queries.
	Seed uint64
	// Traces are earlier observations, treated like answers to queries. Of each, only the part
	// before the first input outside the alphabet is used.
	Traces []Trace
	// Scenarios are the first tests of each hypothesis, before the random ones.
	Scenarios [][]string
	// MaxStates limits the states of the hypothesis. The default is 60.
	MaxStates int
	// RandomTests is how many random tests in a row must find no counterexample. The default
	// is 300; a negative number means none.
	RandomTests int
}

// Trace is an observation from one reset on: an output for each input.
type Trace struct {
	Inputs, Outputs []string
}

// ErrTooManyStates reports that the hypothesis would exceed MaxStates.
var ErrTooManyStates = errors.New("more states than allowed")

// ErrNondeterministic reports that the same word got different outputs too often.
var ErrNondeterministic = errors.New("it is not deterministic")

// Result holds the learned machine and the cost of learning it.
type Result struct {
	// Machine is the hypothesis that passed all tests. It is nil if StopErr is set.
	Machine *Machine
	// StopErr says why learning ended early.
	StopErr error
	// RemainingQueries is how many more queries would be needed at least, by estimate, if
	// learning ended early.
	RemainingQueries int
	// Queries counts the answered and failed calls of Ask, SentInputs the inputs of answered ones.
	Queries, SentInputs int
	// PassedTests is how many random tests in a row found no counterexample.
	PassedTests int
	// Conflicts counts the outputs that contradicted an earlier one, Counterexamples the
	// refuted hypotheses.
	Conflicts, Counterexamples int
}

// Guarantee says in one sentence how certain the machine is. L# ends only when no other machine
// with as many states gives the same answers: all states are pairwise apart, and each transition's
// target is apart from all states but one.
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
			return fmt.Errorf("learn: trace %d has %d inputs and %d outputs", i+1, len(trace.Inputs),
				len(trace.Outputs))
		}
	}
	return nil
}
