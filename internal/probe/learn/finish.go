package learn

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// result is what there is to say at the end, or when err stopped the learning.
func (l *learner) result(err error) *Result {
	if l.revised != l.epoch {
		l.revise()
	}
	h := l.build()
	r := &Result{
		Machine: l.machine(h),
		Queries: l.queries, Symbols: l.symbols,
		Conflicts: l.conflicts, Counterexamples: l.counterexamples,
		Stopped: err,
	}
	if h.equal(l.hypothesis) {
		r.TestsWithout = l.tests
	}
	var order []int
	r.Machine, order = r.Machine.canonical(nil)
	r.Nondeterministic = l.wildEdges(order)
	if errors.Is(err, ErrNondeterministic) || err == nil && 20*len(r.Nondeterministic) > len(order)*l.width {
		r.Stopped = wildError(r.Nondeterministic)
	}
	if r.Stopped == nil && l.suite && r.Machine.open() == 0 {
		r.HSI, r.CompleteUpTo = true, len(h.edges)+l.config.Extra
	}
	return r
}

func (l *learner) machine(h *hypothesis) *Machine {
	m := &Machine{Inputs: slices.Clone(l.names.inputs)}
	for q, row := range h.edges {
		s := State{Edges: make([]Transition, len(row))}
		for in, e := range row {
			s.Edges[in] = Transition{To: e.to, Nondeterministic: e.wild, Guess: e.guess}
			if l.basis[q].kid(in) != nil {
				s.Edges[in].Output = l.outputs[e.out]
			}
		}
		m.States = append(m.States, s)
	}
	return m
}

// wildEdges are the edges of the basis without a definite output. order says
// which state of the basis each state of the machine is.
func (l *learner) wildEdges(order []int) []Edge {
	var edges []Edge
	for s, q := range order {
		for in := range l.width {
			k := l.basis[q].kid(in)
			if k == nil || !k.wild {
				continue
			}
			votes := slices.Clone(k.votes)
			slices.SortStableFunc(votes, func(a, b vote) int { return b.count - a.count })
			e := Edge{State: s, Input: l.names.inputs[in]}
			for _, v := range votes {
				e.Outputs = append(e.Outputs, l.outputs[v.out])
				e.Counts = append(e.Counts, v.count)
			}
			edges = append(edges, e)
		}
	}
	return edges
}

func wildError(edges []Edge) error {
	var which []string
	for _, e := range edges {
		which = append(which, fmt.Sprintf("%q in s%d", e.Input, e.State))
	}
	return fmt.Errorf("%w: %s", ErrNondeterministic, strings.Join(which, ", "))
}
