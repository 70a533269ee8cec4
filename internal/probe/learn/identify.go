package learn

import "slices"

// candidate is a state that a node may be, and where in the tree the inputs
// since then have led from it.
type candidate struct {
	at    *node
	state int
}

// tell asks prefix and behind it inputs that tell apart the states that it may
// lead to. n is where it leads in the tree, nil if that is not known yet. A
// subject that is not adaptive is asked what would be asked if the most likely
// outputs came.
func (l *learner) tell(prefix []int, n *node, open []int) error {
	if len(l.popular) != len(l.basis) {
		l.countPopular()
	}
	start := make([]candidate, len(open))
	for i, q := range open {
		start[i] = candidate{l.basis[q], q}
	}
	if in, _ := l.choose(n, start, mostAhead); n != nil && in < 0 {
		// What tells them is further away than choose looks.
		w, _ := l.witness(l.basis[open[0]], l.basis[open[1]], func(*node) bool { return true })
		return l.ask(slices.Concat(prefix, w))
	}
	if l.adaptive == nil {
		return l.ask(append(slices.Clone(prefix), l.likelyPath(n, start)...))
	}
	word, outs, err := l.sendAdaptive(l.adaptive, prefix, func(word, outs []int) int {
		here, left := n, start
		for i := len(prefix); i < len(word); i++ {
			here, left = here.kid(word[i]), l.follow(left, word[i], outs[i])
		}
		in, _ := l.choose(here, left, mostAhead)
		return in
	})
	if err != nil {
		return err
	}
	return l.enter(word, outs)
}

// likelyPath is the word that choose gives if the most likely outputs come.
func (l *learner) likelyPath(n *node, left []candidate) []int {
	var word []int
	for {
		in, _ := l.choose(n, left, mostAhead)
		if in < 0 {
			return word
		}
		word = append(word, in)
		if k := n.kid(in); k != nil {
			n, left = k, l.follow(left, in, k.out)
			continue
		}
		n = nil
		likely, best := 0, 0
		for _, g := range l.split(left, in) {
			if g.weight > best {
				likely, best = g.out, g.weight
			}
		}
		left = l.follow(left, in, likely)
	}
}

// follow keeps the candidates for which the input is known to give the output.
func (l *learner) follow(left []candidate, in, out int) []candidate {
	var kept []candidate
	for _, c := range left {
		if k := c.at.kid(in); k != nil && !k.wild && !l.weak(k) && k.out == out {
			kept = append(kept, candidate{k, c.state})
		}
	}
	return kept
}

// group are the candidates that give one output.
type group struct {
	out, weight int
	members     []candidate
}

// split groups the candidates for which it is known what an input gives; it does
// not care for fewer than two.
func (l *learner) split(left []candidate, in int) []group {
	known := 0
	for _, c := range left {
		if c.at.kid(in) != nil {
			known++
		}
	}
	if known < 2 {
		return nil
	}
	var groups []group
	for _, c := range left {
		k := c.at.kid(in)
		if k == nil || k.wild || l.weak(k) {
			continue
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.out == k.out })
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{out: k.out})
		}
		groups[i].weight += l.popular[c.state] + 1
		groups[i].members = append(groups[i].members, candidate{k, c.state})
	}
	return groups
}

const (
	// mostAhead is how many inputs choose looks ahead.
	mostAhead = 8
	// symbolCost is what an input costs, in candidates: enough to prefer the
	// shorter of two words that tell as much.
	symbolCost = 0.02
)

// choose returns the input after which the most candidates are expected to be
// ruled out, further inputs included, or -1 if none can be. A state to which
// many transitions lead is the likelier one. n is the node itself; what is known
// of it rules out nothing more.
func (l *learner) choose(n *node, left []candidate, ahead int) (in int, gain float64) {
	in = -1
	if len(left) < 2 || ahead == 0 {
		return in, 0
	}
	for i := range l.width {
		k := n.kid(i)
		switch {
		case k == nil:
		case k.wild:
			continue
		case l.weak(k):
			// As if it was not known.
			k = nil
		}
		if g := l.gain(k, left, i, ahead) - symbolCost; g > gain {
			in, gain = i, g
		}
	}
	return in, gain
}

// gain is how many candidates are expected to be ruled out by an input and those
// after it. k is where it leads from the node, nil if that is not known.
func (l *learner) gain(k *node, left []candidate, in, ahead int) (sum float64) {
	groups := l.split(left, in)
	known, weight := 0, 0
	for _, g := range groups {
		known += len(g.members)
		weight += g.weight
	}
	for _, g := range groups {
		if k == nil {
			_, later := l.choose(nil, g.members, ahead-1)
			sum += float64(g.weight) / float64(weight) * (float64(known-len(g.members)) + later)
		} else if g.out == k.out {
			_, sum = l.choose(k, g.members, ahead-1)
		}
	}
	return sum
}
