package learn

import "fmt"

// promote makes a state of a frontier node that is apart from all states, once
// that does not rest on a single observation. Busy says that the tree changed.
func (l *learner) promote() (busy bool, err error) {
	var found *node
	l.eachFrontier(func(q, in int, n *node) bool {
		if n != nil && len(l.candidates(n)) == 0 {
			found = n
		}
		return found == nil
	})
	if found == nil {
		return false, nil
	}
	if busy, err := l.confirmApart(found, l.basis, l.margin()); busy || err != nil {
		return true, err
	}
	if len(l.basis) == l.config.MaxStates {
		return false, fmt.Errorf("%w: %d", ErrStates, l.config.MaxStates)
	}
	found.basis = len(l.basis)
	l.basis = append(l.basis, found)
	return true, nil
}

// margin is by how much an output must lead before something is built on it: a
// single observation is not enough. Where outputs have proved unreliable it is
// such that among some thousand edges hardly one has so many errors.
func (l *learner) margin() int {
	if l.conflicts == 0 {
		return 2
	}
	errors := min(0.2, l.errorRate(nil))
	margin, chance := 3, errors*errors*errors
	for chance > 4e-6 {
		margin, chance = margin+1, chance*errors
	}
	return margin
}

// sure says which edges lead by the margin. Of an input that is not
// deterministic somewhere more is wanted: it may not be elsewhere.
func (l *learner) sure(margin int) func(*node) bool {
	return func(n *node) bool {
		switch {
		case n.wild:
			return true
		case l.wildInputs[n.in]:
			return n.sure(2 * margin)
		}
		return n.sure(margin)
	}
}

// confirmApart asks once more for one of the observations that tell n from the
// states, if any does not lead by the margin. It chooses the longest word: that
// repeats the most.
func (l *learner) confirmApart(n *node, states []*node, margin int) (busy bool, err error) {
	var longest, from []int
	sure := l.sure(margin)
	for _, b := range states {
		w, certain := l.witness(n, b, sure)
		if certain || len(w) <= len(longest) {
			continue
		}
		longest, from = w, b.word()
		if !sure(n.find(w)) {
			from = n.word()
		}
	}
	if longest == nil {
		return false, nil
	}
	return true, l.again(append(from, longest...))
}

// extend asks for an input that was not tried yet in some state, and right
// behind it for what tells the state that follows.
func (l *learner) extend() (busy bool, err error) {
	var prefix []int
	l.eachFrontier(func(q, in int, n *node) bool {
		if n == nil {
			prefix = append(l.basis[q].word(), in)
		}
		return n != nil
	})
	if prefix == nil {
		return false, nil
	}
	all := make([]int, len(l.basis))
	for q := range all {
		all[q] = q
	}
	return true, l.tell(prefix, nil, all)
}

// mostTries is how often a node is asked about without progress before it is
// left ambiguous. It takes an output that is not deterministic to get there.
const mostTries = 6

// identify asks what tells apart two states that a frontier node may be.
func (l *learner) identify() (busy bool, err error) {
	var found *node
	var open []int
	l.countPopular()
	l.eachFrontier(func(q, in int, n *node) bool {
		if c := l.candidates(n); len(c) > 1 && n.front.tries < mostTries {
			found, open = n, c
		}
		return found == nil
	})
	if found == nil {
		return false, nil
	}
	found.front.tries++
	if err := l.tell(found.word(), found, open); err != nil {
		return false, err
	}
	switch {
	case found.dead:
	case len(l.candidates(found)) < len(open):
		found.front.tries = 0
	case found.front.tries == mostTries:
		return true, l.doubt(open)
	}
	return true, nil
}

// doubt asks more often for what tells states apart that could not be told from a
// third: it may rest on an output that is not deterministic.
func (l *learner) doubt(states []int) error {
	const margin = 8
	for _, q := range states[1:] {
		for busy := true; busy; {
			var err error
			busy, err = l.confirmApart(l.basis[q], []*node{l.basis[states[0]]}, margin)
			if err != nil || l.revised != l.epoch {
				return err
			}
		}
	}
	return nil
}

// countPopular counts how many transitions lead to each state.
func (l *learner) countPopular() {
	l.popular = make([]int, len(l.basis))
	l.eachFrontier(func(q, in int, n *node) bool {
		if n != nil {
			if c := l.candidates(n); len(c) == 1 {
				l.popular[c[0]]++
			}
		}
		return true
	})
}
