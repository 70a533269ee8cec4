package learn

import (
	"context"
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
		asker: &asker{tree: newTree(len(c.Inputs)), names: newNames(c.Inputs), ctx: ctx, subject: s, config: c},
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
	shorts          *shorts // nil until they are needed
	tests           int     // random tests in a row that found nothing
	suite           bool    // the HSI suite of the hypothesis was finished
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
			l.coverage, l.shorts = newCoverage(h, l.root), nil
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
		if busy, err := l.applyRule(); err != nil {
			return nil, err
		} else if busy {
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
		if err := l.learnFrom(h, bad); err != nil {
			return nil, err
		}
	}
}

// applyRule applies the first rule that has something to do. Busy says that there
// was one; the tree may be another then.
func (l *learner) applyRule() (busy bool, err error) {
	for _, rule := range []func() (bool, error){l.proveWild, l.checkSuspects, l.promote, l.extend, l.identify} {
		if busy, err := rule(); busy || err != nil {
			return busy, err
		}
	}
	return false, nil
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
		if !slices.ContainsFunc(l.basis, func(o *node) bool { return !l.apart(o, b) }) {
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
			f.apart[q] = l.apart(n, b)
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
