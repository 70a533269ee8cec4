package learn

import (
	"errors"
	"fmt"
	"strings"
)

// ErrStates says that the hypothesis would need more states than MaxStates.
var ErrStates = errors.New("learn: more states than allowed")

// ErrNondeterministic says that more than one edge in twenty has no definite
// output.
var ErrNondeterministic = errors.New("learn: too much is not deterministic")

// Edge is a transition of which several outputs were seen.
type Edge struct {
	State int
	Input string
	// Outputs were seen so often as Counts says, most frequent first.
	Outputs []string
	Counts  []int
}

// Result is what was learned and how sure it is.
type Result struct {
	// Machine is the last hypothesis. If learning was stopped it may have
	// transitions that are unknown or guessed.
	Machine *Machine
	// Queries is how many words were asked, Symbols how many inputs were sent.
	Queries, Symbols int
	// TestsWithout is how many random tests in a row found no counterexample to
	// Machine.
	TestsWithout int
	// HSI says that the whole suite was asked and found no counterexample.
	HSI bool
	// CompleteUpTo is 0, or the number of states: no other machine of that many
	// states or fewer gives the same answers. It needs the whole suite.
	CompleteUpTo int
	// Nondeterministic are the edges of Machine without a definite output.
	Nondeterministic []Edge
	// Conflicts is how often an observation contradicted an earlier one,
	// Counterexamples how often a hypothesis was refuted.
	Conflicts, Counterexamples int
	// Stopped is nil if learning came to its end, else why it did not.
	Stopped error
}

// Guarantee says in one sentence how sure the machine is.
func (r *Result) Guarantee() string {
	parts := []string{count(r.TestsWithout, "random test") + " without a counterexample"}
	if r.CompleteUpTo > 0 {
		parts = append([]string{"complete up to " + count(r.CompleteUpTo, "state")}, parts...)
	}
	if n := len(r.Nondeterministic); n > 0 {
		parts = append(parts, "nothing is said of what follows "+count(n, "nondeterministic edge"))
	}
	if n := r.Machine.open(); n > 0 {
		parts = append(parts, count(n, "edge")+" guessed or unknown")
	}
	if r.Stopped != nil {
		parts = append(parts, "not complete: "+r.Stopped.Error())
	}
	return strings.Join(parts, "; ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
