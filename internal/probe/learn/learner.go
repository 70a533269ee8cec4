package learn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Learn asks the subject until a machine explains all it said and the tests find
// nothing more. An error is a mistake in the configuration, found before
// anything was asked. Whatever ends the learning later is in the result, which
// then holds the best machine so far.
func Learn(ctx context.Context, s Subject, c Config) (*Result, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	l := &learner{
		asker: &asker{tree: newTree(len(c.Inputs)), names: newNames(c.Inputs), ctx: ctx, subject: s, config: c, wildInputs: make([]bool, len(c.Inputs))},
		rand:  rand.New(rand.NewPCG(c.Seed, 0x6c23)),
	}
	l.adaptive, _ = s.(Adaptive)
	l.root.basis = 0
	l.basis = []*node{l.root}
	l.wildAt = l.knownWild
	return l.result(l.run()), nil
}

// learner grows the tree until it gives a hypothesis, and tests that.
type learner struct {
	*asker
	adaptive Adaptive // nil if the subject is not
	rand     *rand.Rand

	// basis are nodes that are pairwise apart: each stands for a state. Parents
	// come before their children.
	basis []*node
	// revised is the epoch for which the basis was last looked through.
	revised uint64
	// popular counts for each state the transitions that are known to lead to it.
	popular []int

	hypothesis      *hypothesis // nil before the first
	suffixes        [][][]int   // what identifies its states
	coverage        *coverage
	tests           int  // random tests in a row that found nothing
	suite           bool // the HSI suite of the hypothesis was finished
	counterexamples int
	// last is the last contradiction and how often it came again.
	last struct {
		node  *node
		times int
	}
}

func (l *learner) run() error {
	for _, t := range l.config.Traces {
		var word []int
		for _, in := range t.Inputs {
			no, ok := l.inputNo[in]
			if !ok {
				break
			}
			word = append(word, no)
		}
		if err := l.enter(word, l.outputNos(t.Outputs[:len(word)])); err != nil {
			return err
		}
	}
	for {
		h, err := l.refine()
		if err != nil {
			return err
		}
		if !h.equal(l.hypothesis) {
			l.tests, l.suite = 0, false
			l.hypothesis, l.suffixes = h, h.identifiers()
			l.coverage = newCoverage(h, l.root)
		}
		if holds, err := l.examine(); holds || err != nil {
			return err
		}
	}
}

// refine applies the rules of L# until the tree gives a hypothesis that agrees
// with it.
func (l *learner) refine() (*hypothesis, error) {
	for {
		if l.revised != l.epoch {
			l.revise()
		}
		if l.tooWild() {
			return nil, ErrNondeterministic
		}
		if err := l.proveWild(); err != nil {
			return nil, err
		}
		if l.revised != l.epoch {
			continue
		}
		if busy, err := l.checkSuspects(); busy || err != nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		if busy, err := l.promote(); busy || err != nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		if busy, err := l.extend(); busy || err != nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		if busy, err := l.identify(); busy || err != nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		h := l.build()
		if l.spread(h) {
			continue
		}
		bad := l.contradiction(h)
		if bad == nil {
			return h, nil
		}
		if bad == l.last.node {
			l.last.times++
		} else {
			l.last.node, l.last.times = bad, 0
		}
		if l.last.times > 4*mostTries {
			// Nothing that was asked explains it.
			l.makeWild(bad)
			continue
		}
		if err := l.learnFrom(h, bad); err != nil {
			return nil, err
		}
	}
}

// revise looks whether all states of the basis are still apart, after something
// was taken from the tree.
func (l *learner) revise() {
	old := l.basis
	l.basis = nil
	for _, b := range old {
		b.basis = -1
	}
	for _, b := range old {
		if b.dead || b.parent != nil && b.parent.basis < 0 {
			continue
		}
		if !slices.ContainsFunc(l.basis, func(o *node) bool { return !apart(o, b) }) {
			b.basis = len(l.basis)
			l.basis = append(l.basis, b)
		}
	}
	if len(l.basis) < len(old) {
		// The states have other numbers now.
		l.epoch++
		l.hypothesis = nil
	}
	l.revised = l.epoch
}

// candidates returns the states that a node may be: those it is not apart from.
func (l *learner) candidates(n *node) []int {
	f := &n.front
	if f.epoch != l.epoch {
		*f = frontier{epoch: l.epoch}
	}
	for len(f.apart) < len(l.basis) {
		f.apart = append(f.apart, false)
		f.checked = append(f.checked, 0)
	}
	var open []int
	for q, b := range l.basis {
		if f.apart[q] {
			continue
		}
		if last := max(n.changed, b.changed); f.checked[q] < last {
			f.checked[q] = last
			f.apart[q] = apart(n, b)
		}
		if !f.apart[q] {
			open = append(open, q)
		}
	}
	return open
}

// eachFrontier calls f for each node right behind the basis; n is nil if it was
// not seen yet.
func (l *learner) eachFrontier(f func(q, in int, n *node) (goOn bool)) {
	for q, b := range l.basis {
		for in := range l.width {
			if n := b.kid(in); (n == nil || n.basis < 0) && !f(q, in, n) {
				return
			}
		}
	}
}

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
		if l.wildInputs[n.in] {
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
		w, certain := witness(n, b, sure)
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
const mostTries = 5

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
	if !found.dead && len(l.candidates(found)) < len(open) {
		found.front.tries = 0
	}
	return true, nil
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

// proveWild asks for the edges of the basis that are held to be not
// deterministic because others are, until that shows or they are not.
func (l *learner) proveWild() error {
	const enough = 24
	for _, b := range l.basis {
		for _, k := range b.kids {
			if k == nil || !k.wild || !k.unproved {
				continue
			}
			for !l.disputed(k) {
				if k.seen() >= enough {
					l.tame(k)
					return nil
				}
				if err := l.again(k.word()); err != nil || k.dead {
					return err
				}
			}
			k.unproved = false
		}
	}
	return nil
}
