// Package learn finds out the Mealy machine of a system that answers each
// input with one output and can be reset, by asking it. The algorithm is L#
// (Vaandrager, Garhewal, Rot, Wissmann: A New Approach for Active Automata
// Learning Based on Apartness): all that was ever seen is kept in a tree of
// observations, and states are told apart by what differs in the tree.
//
// # What it guarantees
//
// A hypothesis agrees with each observation that was kept, has as few states as
// those allow, and each of its transitions leads where it does because the
// observations rule out all other states. More than that is said only by
// [Result.Guarantee]: a suite that was finished makes a statement about all
// machines up to a size, random tests make none.
//
// # Systems that are not quite deterministic
//
// An observation that contradicts an earlier one is asked again until one
// output leads. What lost is cut from the tree with all that was seen behind
// it. If none leads, or a second one comes more often than errors do elsewhere,
// the edge is nondeterministic: it is not apart from anything that it ever gave,
// and nothing behind it is compared. A wrong output that was seen once
// contradicts nothing, so no state is added and no counterexample believed on a
// single observation. Once outputs have proved unreliable, what each transition
// rests on is asked twice before the end, and what each state rests on as often
// as the rate of errors wants.
package learn

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Subject is the system that is learned.
type Subject interface {
	// Ask resets the system, sends the inputs and returns one output for each.
	// The subject keeps neither slice. Whatever can be retried, a lost
	// connection say, is the subject's to retry, from a reset. Its error ends
	// the learning; the result holds what was learned until then.
	Ask(ctx context.Context, word []string) ([]string, error)
}

// Adaptive is a Subject that can choose each input by the outputs before it,
// which takes fewer questions and shorter ones.
type Adaptive interface {
	Subject
	// AskAdaptive resets the system and sends what next returns for the outputs
	// so far, until more is false; then it returns the outputs. Next depends on
	// nothing else, so that a retry from a reset is free to begin again with no
	// outputs.
	AskAdaptive(ctx context.Context, next func(outputs []string) (input string, more bool)) ([]string, error)
}

// Config says what to learn and how far to go.
type Config struct {
	// Inputs is the alphabet: at least one, each once.
	Inputs []string
	// Seed decides all that is random. With an equal configuration and equal
	// answers the same words are asked in the same order, so that learning that
	// was interrupted goes on where it was if the first answers come from a
	// record.
	Seed uint64
	// Traces are observations that were made before. They are believed as if
	// they were asked now, and never asked again unless others contradict them.
	// Each ends before the first input that is not in the alphabet.
	Traces []Trace
	// Scenarios are words that somebody thought of. They are the first tests of
	// each hypothesis.
	Scenarios [][]string
	// MaxStates is how many states a hypothesis may have, 60 if it is 0.
	MaxStates int
	// Tests is how many random tests in a row must find nothing, 300 if it is 0,
	// none if it is negative.
	Tests int
	// HSI asks the whole suite of harmonised state identifiers of the last
	// hypothesis. It finds all differences to machines that have up to Extra
	// states more; each further one makes it larger by the number of inputs.
	HSI   bool
	Extra int
	// Seen is how often each transition must have been seen, wherever it was, 3 if
	// it is 0. Only what comes again can show that it is not deterministic.
	Seen int
	// Margin is by how many observations an output must lead to decide a
	// conflict, 2 if it is 0; MostRuns how often a word is asked again for it, 9
	// if it is 0.
	Margin, MostRuns int
}

// Trace is what was observed from one reset on: an output for each input.
type Trace struct {
	Inputs, Outputs []string
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *int
		value int
	}{{&c.MaxStates, 60}, {&c.Tests, 300}, {&c.Seen, 3}, {&c.Margin, 2}, {&c.MostRuns, 9}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return c
}

func (c Config) check() error {
	if len(c.Inputs) == 0 {
		return errors.New("learn: no inputs")
	}
	for i, in := range c.Inputs {
		if slices.Contains(c.Inputs[:i], in) {
			return fmt.Errorf("learn: the input %q is given twice", in)
		}
	}
	for i, s := range c.Scenarios {
		for _, in := range s {
			if !slices.Contains(c.Inputs, in) {
				return fmt.Errorf("learn: scenario %d has %q, which is no input", i+1, in)
			}
		}
	}
	for i, t := range c.Traces {
		if len(t.Inputs) != len(t.Outputs) {
			return fmt.Errorf("learn: trace %d has %d inputs and %d outputs", i+1, len(t.Inputs), len(t.Outputs))
		}
	}
	if c.MaxStates < 1 || c.Extra < 0 || c.Margin < 1 || c.MostRuns < 1 {
		return errors.New("learn: MaxStates, Margin and MostRuns must be positive, Extra must not be negative")
	}
	return nil
}
