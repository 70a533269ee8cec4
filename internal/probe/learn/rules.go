package learn

import (
	"fmt"
	"slices"
)

// The basis is the set of tree nodes that stand for states. The frontier is the set of their
// children that are not in the basis. The rules of L# extend the observation tree until each
// frontier node is apart from all states but one, which is then the target of its transition.

// visitFrontier calls visit for each input of a basis node that leads to the frontier or was not
// tried, until visit returns false. child is nil if the input was not tried.
func (l *learner) visitFrontier(visit func(parent *treeNode, input int, child *treeNode) (goOn bool)) {
	for _, node := range l.basis {
		for input := range l.Inputs {
			var child *treeNode
			if outcome := node.outcome(input); outcome != nil {
				child = outcome.child
			}
			if (child == nil || child.state < 0) && !visit(node, input, child) {
				return
			}
		}
	}
}

// candidateStates returns the numbers of the states that a node may stand for, because no word was
// observed that distinguishes them. n caches which states it is apart from.
func (l *learner) candidateStates(n *treeNode) []int {
	if n.revision != l.revision {
		n.revision, n.apartFromState = l.revision, nil
	}
	for len(n.apartFromState) < len(l.basis) {
		n.apartFromState = append(n.apartFromState, false)
	}
	var candidates []int
	for state, node := range l.basis {
		if n.apartFromState[state] = n.apartFromState[state] || areApart(n, node); !n.apartFromState[state] {
			candidates = append(candidates, state)
		}
	}
	return candidates
}

// applyRule applies the first of these rules that is applicable, and reports whether one was:
//   - a frontier node that is apart from all states becomes a state
//   - an untried input of a state is asked
//   - a frontier node with several candidate states is asked a word that separates two of them
func (l *learner) applyRule() (busy bool, err error) {
	var isolated, unclear *treeNode
	var untried []int       // word that ends with an untried input
	var unclearStates []int // candidate states of unclear
	l.visitFrontier(func(parent *treeNode, input int, child *treeNode) bool {
		if child == nil {
			if untried == nil {
				untried = append(parent.accessWord(), input)
			}
			return true
		}
		switch candidates := l.candidateStates(child); {
		case len(candidates) == 0:
			isolated = child
		case len(candidates) > 1 && unclear == nil:
			unclear, unclearStates = child, candidates
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
		return true, l.ensureKnown(append(unclear.accessWord(), l.separatingWord(unclearStates)...))
	}
	return false, nil
}

// promoteNode adds a node that is apart from all states to the basis. Before that, it makes sure
// that no apartness depends on a single observation.
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

// confirmApartness repeats the queries that distinguish a node from a state until the different
// outputs lead by lead observations. done is false if the two are no longer apart, or if a repeat
// changed which outputs are believed.
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

// separatingWord returns a word that distinguishes the first two of several states, or nil for
// fewer than two.
func (l *learner) separatingWord(states []int) []int {
	if len(states) < 2 {
		return nil
	}
	word, _ := shortestWitness(l.basis[states[0]], l.basis[states[1]], minLead)
	return word
}

// buildHypothesis derives the hypothesis from the tree. A new hypothesis must pass all tests anew.
func (l *learner) buildHypothesis() {
	machine := &Machine{Inputs: slices.Clone(l.Inputs)}
	for _, node := range l.basis {
		state := State{AccessWord: l.toInputs(node.accessWord())}
		for input := range l.Inputs {
			outcome := node.outcome(input)
			target := outcome.child.state
			if target < 0 {
				target = l.candidateStates(outcome.child)[0]
			}
			state.Transitions = append(state.Transitions, Transition{Output: outcome.output, Target: target})
		}
		machine.States = append(machine.States, state)
	}
	if l.hypothesis == nil || !machine.hasEqualStates(l.hypothesis) {
		l.Result.PassedTests = 0
	}
	l.hypothesis = machine
}

// findContradiction returns a shortest word of the tree for which the hypothesis predicts another
// output, or nil.
func (l *learner) findContradiction() []int {
	type nodeInState struct {
		node  *treeNode
		state int
	}
	for queue := []nodeInState{{l.root, 0}}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		for input := range l.Inputs {
			outcome := p.node.outcome(input)
			if outcome == nil {
				continue
			}
			transition := l.hypothesis.States[p.state].Transitions[input]
			if outcome.output != transition.Output {
				return append(p.node.accessWord(), input)
			}
			queue = append(queue, nodeInState{outcome.child, transition.Target})
		}
	}
	return nil
}

// processCounterexample finds the wrong transition behind a word that contradicts the hypothesis.
// A binary search shortens the word until a frontier node is apart from the state that is the
// target of its transition. If the last output of the word was observed only once, the word is
// asked again instead, because the output may be an error.
func (l *learner) processCounterexample(word []int) error {
	last := len(word) - 1
	if l.root.nodeAfter(word[:last]).edges[word[last]].lead() < minLead {
		return l.queryAndResolve(word)
	}
	l.Counterexamples++
	prefix := word[:last]
	for {
		node := l.root.nodeAfter(prefix)
		if node == nil || l.beliefChanged || node.state >= 0 || node.parent.state >= 0 {
			return nil
		}
		separating, _ := shortestWitness(node, l.basis[l.hypothesis.stateAfter(prefix)], minLead)
		if separating == nil {
			return nil
		}
		first := 0 // length of the shortest prefix that leaves the basis
		for node := l.root; node.state >= 0; first++ {
			node = node.outcome(prefix[first]).child
		}
		half := (first + len(prefix)) / 2
		state := l.basis[l.hypothesis.stateAfter(prefix[:half])]
		remaining := slices.Concat(state.accessWord(), prefix[half:])
		if err := l.ensureKnown(slices.Concat(remaining, separating)); err != nil {
			return err
		}
		if node := l.root.nodeAfter(prefix[:half]); node != nil && areApart(node, state) {
			prefix = prefix[:half]
		} else {
			prefix = remaining
		}
	}
}
