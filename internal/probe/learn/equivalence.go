package learn

// test asks the equivalence query as far as that can be asked: words for which
// the hypothesis says what comes back. It holds if none is a counterexample.
func (l *learner) test() (holds bool, err error) {
	for _, s := range l.Scenarios {
		if holds, err := l.agrees(l.numbers(s)); !holds || err != nil {
			return false, err
		}
	}
	for l.Result.Tests < l.Config.Tests {
		if holds, err := l.agrees(l.randomTest()); !holds || err != nil {
			return false, err
		}
		l.Result.Tests++
	}
	return l.confirmAll()
}

// confirmAll asks again for what states and transitions rest on, if outputs have
// proved unreliable.
func (l *learner) confirmAll() (holds bool, err error) {
	if l.Conflicts == 0 {
		return true, nil
	}
	for q, treeNode := range l.basis {
		for _, other := range l.basis[:q] {
			if done, err := l.confirm(treeNode, other, margin+1); !done || err != nil {
				return false, err
			}
		}
	}
	holds = true
	l.frontier(func(_ *treeNode, _ int, to *treeNode) bool {
		is := l.candidates(to)[0]
		for q, treeNode := range l.basis {
			if holds = q == is; holds {
				continue
			}
			if holds, err = l.confirm(to, treeNode, margin); !holds || err != nil {
				return false
			}
		}
		holds = true
		return true
	})
	return holds && err == nil, err
}

// agrees asks a word and reports whether the hypothesis still stands: neither
// does the answer contradict it, nor is an earlier one no longer believed.
func (l *learner) agrees(word []int) (bool, error) {
	if err := l.ask(word); err != nil || l.turned {
		return false, err
	}
	treeNode, q := l.root, 0
	for _, in := range word {
		edgeOutput, transition := treeNode.after(in), l.hypothesis.States[q].Edges[in]
		if edgeOutput.out != transition.Output {
			return false, nil
		}
		treeNode, q = edgeOutput.to, transition.To
	}
	return true, nil
}

// randomTest is a word that takes a transition, goes anywhere from there, and ends
// with what tells the state where it should be from another. Each output has as
// many of the tests: most transitions give what is usual, a refusal say, and the
// others lead on.
func (l *learner) randomTest() []int {
	byOutput := make(map[string][]*treeNode)
	var outputs []string
	l.frontier(func(from *treeNode, in int, to *treeNode) bool {
		out := from.after(in).out
		if byOutput[out] == nil {
			outputs = append(outputs, out)
		}
		byOutput[out] = append(byOutput[out], to)
		return true
	})
	nodes := byOutput[outputs[l.rand.IntN(len(outputs))]]
	n := nodes[l.rand.IntN(len(nodes))]
	word := append(n.word(), l.rand.IntN(len(l.Inputs)))
	for l.rand.IntN(3) > 0 {
		word = append(word, l.rand.IntN(len(l.Inputs)))
	}
	q, other := l.hypothesis.after(word), l.rand.IntN(len(l.basis))
	if q != other {
		differs, _ := witness(l.basis[q], l.basis[other], margin)
		word = append(word, differs...)
	}
	return word
}
