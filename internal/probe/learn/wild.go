package learn

import "slices"

// A wild edge is one that is not deterministic: several outputs come again and
// again where the same was done before.

// disputed reports whether a second output came so often that errors, as often
// as they are elsewhere, do not explain it.
func (a *asker) disputed(n *node) bool {
	most, second, sum := 0, 0, 0
	for _, v := range n.votes {
		most, second, sum = max(most, v.count), max(second, min(most, v.count)), sum+v.count
	}
	if second < 4 {
		return false
	}
	errors, chance := a.errorRate(n), 1.0
	for i := range second {
		chance *= errors * float64(sum-i) / float64(i+1)
	}
	return chance < 1e-8
}

// errorRate estimates how often an output is an error, from all edges but n. It
// is not less than what would hardly have shown yet.
func (a *asker) errorRate(n *node) float64 {
	votes, minority := a.votes, a.minority
	if n != nil {
		for _, v := range n.votes {
			votes -= v.count
			if v.out != n.out {
				minority -= v.count
			}
		}
	}
	return float64(max(0, minority)+1) / float64(max(0, votes)+100)
}

// makeWild marks an edge as not deterministic. It counts no longer for how often
// there are errors.
func (a *asker) makeWild(n *node) {
	for _, v := range n.votes {
		a.votes = max(0, a.votes-v.count)
		if v.out != n.out {
			a.minority = max(0, a.minority-v.count)
		}
	}
	n.wild = true
	n.out, _ = n.top()
	a.epoch++
	a.wildInputs[n.in] = true
	if !n.unproved {
		a.suspects = append(a.suspects, n)
	}
}

// tame takes back that the edge into n has no definite output. What was seen
// behind it may be of several states.
func (t *tree) tame(n *node) {
	n.wild, n.unproved = false, false
	n.out, _ = n.top()
	t.cut(n)
}

// contradict reports whether two edges cannot be of one state. One that is not
// deterministic contradicts only an output that it never had; of a weak one it
// is not known yet whether it is.
func (t *tree) contradict(x, y *node) bool {
	switch {
	case x.out == y.out || x.wild && y.wild || t.weak(x) || t.weak(y):
		return false
	case x.wild:
		return x.never(y.out)
	case y.wild:
		return y.never(x.out)
	}
	return true
}

// weak reports whether an edge may turn out not to be deterministic: its input
// is not elsewhere, and it was not seen often enough to say that it is here.
func (t *tree) weak(n *node) bool {
	const enough = 4
	return t.wildInputs[n.in] && !n.wild && !n.sure(enough)
}

// never reports whether an edge that is proved to be not deterministic never had
// the output.
func (n *node) never(out int) bool {
	const enough = 8
	return !n.unproved && n.seen() >= enough && !slices.ContainsFunc(n.votes, func(v vote) bool { return v.out == out })
}

// checkSuspects asks again for the edges of the basis that stand for an edge
// that was found not to be deterministic, so that it is found out there too.
func (l *learner) checkSuspects() (busy bool, err error) {
	if len(l.suspects) == 0 || l.hypothesis == nil {
		return false, nil
	}
	n := l.suspects[0]
	l.suspects = l.suspects[1:]
	if n.dead {
		return true, nil
	}
	q, ok := l.hypothesis.after(n.parent.word())
	if !ok || q >= len(l.basis) {
		return true, nil
	}
	e := l.basis[q].kid(n.in)
	for runs := 0; e != nil && e != n && !e.dead && !e.wild && runs < l.config.MostRuns; runs++ {
		if err := l.again(e.word()); err != nil {
			return false, err
		}
	}
	return true, nil
}

// proveWild asks for an edge of the basis that is held to be not deterministic
// because others are, until that shows or it is not.
func (l *learner) proveWild() (busy bool, err error) {
	const enough = 24
	for _, b := range l.basis {
		for _, k := range b.kids {
			if k == nil || !k.wild || !k.unproved {
				continue
			}
			for !l.disputed(k) {
				if k.seen() >= enough {
					l.tame(k)
					return true, nil
				}
				if err := l.again(k.word()); err != nil || k.dead {
					return true, err
				}
			}
			k.unproved = false
			return true, nil
		}
	}
	return false, nil
}

// spread marks all edges of the tree as not deterministic that the hypothesis
// says are. Otherwise what they happened to give would tell states apart that
// are the same.
func (l *learner) spread(h *hypothesis) (changed bool) {
	var down func(n *node, q int)
	down = func(n *node, q int) {
		for in, k := range n.kids {
			e := h.edges[q][in]
			switch {
			case k == nil:
			case e.wild && !k.wild:
				k.wild, k.unproved, changed = true, true, true
			case e.certain() && !k.wild:
				down(k, e.to)
			}
		}
	}
	down(l.root, 0)
	if changed {
		l.epoch++
	}
	return changed
}

// knownWild reports whether the hypothesis knows the last input of a word to be
// nondeterministic.
func (l *learner) knownWild(word []int) bool {
	if l.hypothesis == nil {
		return false
	}
	q, ok := l.hypothesis.after(word[:len(word)-1])
	return ok && l.hypothesis.edges[q][word[len(word)-1]].wild
}

// tooWild reports whether learning cannot go on: more than one edge in twenty is
// not deterministic. A small machine may still grow, so that a few always pass
// until the end.
func (l *learner) tooWild() bool {
	const few = 4
	wild := 0
	for _, b := range l.basis {
		for _, k := range b.kids {
			if k != nil && k.wild {
				wild++
			}
		}
	}
	return wild > few && 20*wild > len(l.basis)*l.width
}
