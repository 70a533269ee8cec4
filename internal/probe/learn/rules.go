package learn

import (
	"fmt"
	"slices"
)

// The rules of L# grow the observation tree until each node right behind the
// basis, the frontier, is apart from all states but one.

// frontier calls f for each input of each state that does not lead to a node of
// the basis; to is nil if it was not tried.
func (l *learner) frontier(f func(from *treeNode, in int, to *treeNode) (goOn bool)) {
	for _, b := range l.basis {
		for in := range l.Inputs {
			var to *treeNode
			if edgeOutput := b.after(in); edgeOutput != nil {
				to = edgeOutput.to
			}
			if (to == nil || to.state < 0) && !f(b, in, to) {
				return
			}
		}
	}
}

// candidates returns the states that a node may be: those it is not apart from.
func (l *learner) candidates(n *treeNode) []int {
	if n.revision != l.revision {
		n.revision, n.notState = l.revision, nil
	}
	for len(n.notState) < len(l.basis) {
		n.notState = append(n.notState, false)
	}
	var open []int
	for q, treeNode := range l.basis {
		if n.notState[q] = n.notState[q] || apart(n, treeNode); !n.notState[q] {
			open = append(open, q)
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
	l.frontier(func(from *treeNode, in int, to *treeNode) bool {
		if to == nil {
			if untried == nil {
				untried = append(from.word(), in)
			}
			return true
		}
		switch c := l.candidates(to); {
		case len(c) == 0:
			isolated = to
		case len(c) > 1 && unclear == nil:
			unclear, open = to, c
		}
		return isolated == nil
	})
	switch {
	case isolated != nil:
		return true, l.promote(isolated)
	case untried != nil:
		all := make([]int, len(l.basis))
		for q := range all {
			all[q] = q
		}
		return true, l.ask(append(untried, l.separator(all)...))
	case unclear != nil:
		return true, l.ask(append(unclear.word(), l.separator(open)...))
	}
	return false, nil
}

// promote makes a state of a node that is apart from all states (rule 1), once
// none of that rests on a single observation.
func (l *learner) promote(n *treeNode) error {
	for _, treeNode := range l.basis {
		if done, err := l.confirm(n, treeNode, margin); !done || err != nil {
			return err
		}
	}
	if len(l.basis) == l.MaxStates {
		return fmt.Errorf("%w: %d", ErrStates, l.MaxStates)
	}
	n.state = len(l.basis)
	l.basis = append(l.basis, n)
	return nil
}

// confirm asks for what tells a node from a state until that leads. It is not done
// if that turned out to be wrong.
func (l *learner) confirm(n, state *treeNode, lead int) (done bool, err error) {
	for {
		word, sure := witness(n, state, lead)
		if word == nil || sure {
			return sure, nil
		}
		for _, m := range []*treeNode{n, state} {
			before := m.find(word[:len(word)-1])
			if before.edges[word[len(word)-1]].lead() >= lead {
				continue
			}
			if err := l.query(slices.Concat(m.word(), word)); err != nil || l.turned {
				return false, err
			}
		}
	}
}

// separator is a word that tells two of some states (rule 3); it is asked right
// behind an input that was not tried yet, too (rule 2). It is empty if there is one.
func (l *learner) separator(states []int) []int {
	if len(states) < 2 {
		return nil
	}
	word, _ := witness(l.basis[states[0]], l.basis[states[1]], margin)
	return word
}

// build makes the hypothesis that the tree gives.
func (l *learner) build() {
	machine := &Machine{Inputs: slices.Clone(l.Inputs)}
	for _, treeNode := range l.basis {
		state := State{Access: l.names(treeNode.word())}
		for in := range l.Inputs {
			edgeOutput := treeNode.after(in)
			to := edgeOutput.to.state
			if to < 0 {
				to = l.candidates(edgeOutput.to)[0]
			}
			state.Edges = append(state.Edges, Transition{Output: edgeOutput.out, To: to})
		}
		machine.States = append(machine.States, state)
	}
	if l.hypothesis == nil || !machine.equal(l.hypothesis) {
		l.Result.Tests = 0
	}
	l.hypothesis = machine
}

// contradiction returns a shortest word of the tree that the hypothesis answers
// otherwise, nil if there is none.
func (l *learner) contradiction() []int {
	type place struct {
		n *treeNode
		q int
	}
	for queue := []place{{l.root, 0}}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		for in := range l.Inputs {
			edgeOutput := p.n.after(in)
			if edgeOutput == nil {
				continue
			}
			transition := l.hypothesis.States[p.q].Edges[in]
			if edgeOutput.out != transition.Output {
				return append(p.n.word(), in)
			}
			queue = append(queue, place{edgeOutput.to, transition.To})
		}
	}
	return nil
}

// learnFrom takes a word of the tree that contradicts the hypothesis, and asks
// until a node of the frontier is apart from the state that the hypothesis says it
// is: a binary search for the transition that leads elsewhere.
func (l *learner) learnFrom(word []int) error {
	last := len(word) - 1
	if l.root.find(word[:last]).edges[word[last]].lead() < margin {
		return l.query(word)
	}
	l.Counterexamples++
	way := word[:last]
	for {
		n := l.root.find(way)
		if n == nil || l.turned || n.state >= 0 || n.parent.state >= 0 {
			return nil
		}
		differs, _ := witness(n, l.basis[l.hypothesis.after(way)], margin)
		if differs == nil {
			return nil
		}
		first := 0 // where the way leaves the basis
		for treeNode := l.root; treeNode.state >= 0; first++ {
			treeNode = treeNode.after(way[first]).to
		}
		half := (first + len(way)) / 2
		q := l.basis[l.hypothesis.after(way[:half])]
		rest := slices.Concat(q.word(), way[half:])
		if err := l.ask(slices.Concat(rest, differs)); err != nil {
			return err
		}
		if treeNode := l.root.find(way[:half]); treeNode != nil && apart(treeNode, q) {
			way = way[:half]
		} else {
			way = rest
		}
	}
}
