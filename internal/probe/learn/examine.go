package learn

import "slices"

// examine tests the hypothesis. It holds if all tests are done and found
// nothing; else the tree has changed and there may be another hypothesis.
func (l *learner) examine() (holds bool, err error) {
	for _, test := range []func() (bool, error){l.askScenarios, l.askRandom, l.askTwice, l.askSuite, l.askOften} {
		if holds, err := test(); !holds || err != nil {
			return false, err
		}
	}
	return true, nil
}

// agrees asks a word and reports whether the hypothesis still stands: neither
// does the answer contradict it, nor has a conflict changed the tree.
func (l *learner) agrees(word []int) (bool, error) {
	// A conflict on the way leaves the end of the word unknown.
	for first := true; first || l.root.find(word) == nil; first = false {
		if err := l.ask(word); err != nil {
			return false, err
		}
		if l.epoch != l.revised || len(l.suspects) > 0 {
			return false, nil
		}
	}
	n, q := l.root, 0
	for _, in := range word {
		e := l.hypothesis.edges[q][in]
		if n = n.kid(in); n == nil || n.wild || !e.certain() {
			break
		}
		if n.out != e.out {
			return false, nil
		}
		q = e.to
	}
	return true, nil
}

func (l *learner) askScenarios() (holds bool, err error) {
	for _, s := range l.config.Scenarios {
		word := make([]int, len(s))
		for i, in := range s {
			word[i] = l.inputNo[in]
		}
		if holds, err := l.agrees(word); !holds || err != nil {
			return false, err
		}
	}
	return true, nil
}

// askTwice asks again for what the hypothesis rests on, if it was seen only once
// and outputs have proved unreliable: first for what makes states of its states,
// then for its transitions.
func (l *learner) askTwice() (holds bool, err error) {
	if l.conflicts == 0 {
		return true, nil
	}
	for q, b := range l.basis {
		if holds, err := l.confirm(b, l.basis[:q], l.margin()); !holds || err != nil {
			return false, err
		}
	}
	for q, b := range l.basis {
		for in, e := range l.hypothesis.edges[q] {
			if !e.certain() {
				continue
			}
			n, others := b.kid(in), []*node(nil)
			if n.basis < 0 {
				others = slices.Delete(slices.Clone(l.basis), e.to, e.to+1)
			}
			if holds, err := l.confirm(n, others, 2); !holds || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// confirm asks until the output into a node, and what tells it from some states,
// lead by the margin. It does not hold if a conflict changed the tree.
func (l *learner) confirm(n *node, states []*node, margin int) (holds bool, err error) {
	for busy := true; busy; {
		if busy, err = l.confirmApart(n, states, margin); err != nil || l.epoch != l.revised {
			return false, err
		}
	}
	for n.parent != nil && !n.sure(margin) {
		if err := l.again(n.word()); err != nil || l.epoch != l.revised {
			return false, err
		}
	}
	return true, nil
}

// askOften asks again for transitions that were hardly ever seen.
func (l *learner) askOften() (holds bool, err error) {
	seen := make([]int, len(l.hypothesis.edges)*l.width)
	var count func(n *node, t track)
	count = func(n *node, t track) {
		for in, k := range n.kids {
			if k != nil {
				seen[l.hypothesis.number(t.at, in)] += k.seen()
				if next := t.step(in); next.ok && !k.wild {
					count(k, next)
				}
			}
		}
	}
	count(l.root, l.hypothesis.start())
	for no, times := range seen {
		q, in := no/l.width, no%l.width
		for ; times < l.config.Seen && l.hypothesis.edges[q][in].certain(); times++ {
			if err := l.again(append(l.basis[q].word(), in)); err != nil || l.epoch != l.revised {
				return false, err
			}
		}
	}
	return true, nil
}
