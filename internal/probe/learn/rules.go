package learn

import (
	"fmt"
	"slices"
)

// The rules of L# grow the observation tree until each node right behind the
// basis, the frontier, is apart from all states but one.

// visitFrontier calls f for each input of each state that does not lead to a node of
// the basis; to is nil if it was not tried.
func (l *learner) visitFrontier(f func(parent *treeNode, input int, child *treeNode) (goOn bool)) {
	for _, node := range l.basis {
		for input := range l.Inputs {
			var child *treeNode
			if outcome := node.outcome(input); outcome != nil {
				child = outcome.child
			}
			if (child == nil || child.state < 0) && !f(node, input, child) {
				return
			}
		}
	}
}

// candidateStates returns the states that a node may be: those it is not apart from.
func (l *learner) candidateStates(n *treeNode) []int {
	if n.revision != l.revision {
		n.revision, n.apartFromState = l.revision, nil
	}
	for len(n.apartFromState) < len(l.basis) {
		n.apartFromState = append(n.apartFromState, false)
	}
	var open []int
	for state, node := range l.basis {
		if n.apartFromState[state] = n.apartFromState[state] || areApart(n, node); !n.apartFromState[state] {
			open = append(open, state)
		}
	}
	return open
}

// applyRule does one thing that is to be done, the most important first. Busy
// says that there was something.
func (l *learner) applyRule() (busy bool, err error) {
	var isolated, unclear *treeNode
	var untried []int
	var open []int
	l.visitFrontier(func(parent *treeNode, input int, child *treeNode) bool {
		if child == nil {
			if untried == nil {
				untried = append(parent.accessWord(), input)
			}
			return true
		}
		switch c := l.candidateStates(child); {
		case len(c) == 0:
			isolated = child
		case len(c) > 1 && unclear == nil:
			unclear, open = child, c
		}
		return isolated == nil
	})
	switch {
	case isolated != nil:
		return true, l.promoteNode(isolated)
	case untried != nil:
		all := make([]int, len(l.basis))
		for state := range all {
			all[state] = state
		}
		return true, l.ensureKnown(append(untried, l.separatingWord(all)...))
	case unclear != nil:
		return true, l.ensureKnown(append(unclear.accessWord(), l.separatingWord(open)...))
	}
	return false, nil
}

// promoteNode makes a state of a node that is apart from all states (rule 1), once
// none of that rests on a single observation.
func (l *learner) promoteNode(n *treeNode) error {
	for _, node := range l.basis {
		if done, err := l.confirmApartness(n, node, minLead); !done || err != nil {
			return err
		}
	}
	if len(l.basis) == l.MaxStates {
		return fmt.Errorf("%w: %d", ErrTooManyStates, l.MaxStates)
	}
	n.state = len(l.basis)
	l.basis = append(l.basis, n)
	return nil
}

// confirmApartness asks for what tells a node from a state until that leads. It is not done
// if that turned out to be wrong.
func (l *learner) confirmApartness(node, state *treeNode, lead int) (done bool, err error) {
	for {
		word, sure := shortestWitness(node, state, lead)
		if word == nil || sure {
			return sure, nil
		}
		for _, side := range []*treeNode{node, state} {
			before := side.nodeAfter(word[:len(word)-1])
			if before.edges[word[len(word)-1]].lead() >= lead {
				continue
			}
			if err := l.queryAndResolve(slices.Concat(side.accessWord(), word)); err != nil || l.beliefChanged {
				return false, err
			}
		}
	}
}

// separatingWord is a word that tells two of some states (rule 3); it is asked right
// behind an input that was not tried yet, too (rule 2). It is empty if there is one.
func (l *learner) separatingWord(states []int) []int {
	if len(states) < 2 {
		return nil
	}
	word, _ := shortestWitness(l.basis[states[0]], l.basis[states[1]], minLead)
	return word
}

// buildHypothesis makes the hypothesis that the tree gives.
func (l *learner) buildHypothesis() {
	other := &Machine{Inputs: slices.Clone(l.Inputs)}
	for _, node := range l.basis {
		state := State{AccessWord: l.toInputs(node.accessWord())}
		for input := range l.Inputs {
			outcome := node.outcome(input)
			to := outcome.child.state
			if to < 0 {
				to = l.candidateStates(outcome.child)[0]
			}
			state.Transitions = append(state.Transitions, Transition{Output: outcome.output, Target: to})
		}
		other.States = append(other.States, state)
	}
	if l.hypothesis == nil || !other.hasEqualStates(l.hypothesis) {
		l.Result.PassedTests = 0
	}
	l.hypothesis = other
}

// findContradiction returns a shortest word of the tree that the hypothesis answers
// otherwise, nil if there is none.
func (l *learner) findContradiction() []int {
	type place struct {
		n *treeNode
		q int
	}
	for queue := []place{{l.root, 0}}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		for input := range l.Inputs {
			outcome := p.n.outcome(input)
			if outcome == nil {
				continue
			}
			transition := l.hypothesis.States[p.q].Transitions[input]
			if outcome.output != transition.Output {
				return append(p.n.accessWord(), input)
			}
			queue = append(queue, place{outcome.child, transition.Target})
		}
	}
	return nil
}

// processCounterexample takes a word of the tree that contradicts the hypothesis, and asks
// until a node of the frontier is apart from the state that the hypothesis says it
// is: a binary search for the transition that leads elsewhere.
func (l *learner) processCounterexample(word []int) error {
	last := len(word) - 1
	if l.root.nodeAfter(word[:last]).edges[word[last]].lead() < minLead {
		return l.queryAndResolve(word)
	}
	l.Counterexamples++
	way := word[:last]
	for {
		node := l.root.nodeAfter(way)
		if node == nil || l.beliefChanged || node.state >= 0 || node.parent.state >= 0 {
			return nil
		}
		differs, _ := shortestWitness(node, l.basis[l.hypothesis.stateAfter(way)], minLead)
		if differs == nil {
			return nil
		}
		first := 0 // where the way leaves the basis
		for node := l.root; node.state >= 0; first++ {
			node = node.outcome(way[first]).child
		}
		half := (first + len(way)) / 2
		q := l.basis[l.hypothesis.stateAfter(way[:half])]
		rest := slices.Concat(q.accessWord(), way[half:])
		if err := l.ensureKnown(slices.Concat(rest, differs)); err != nil {
			return err
		}
		if node := l.root.nodeAfter(way[:half]); node != nil && areApart(node, q) {
			way = way[:half]
		} else {
			way = rest
		}
	}
}
