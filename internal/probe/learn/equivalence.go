package learn

// testHypothesis approximates an equivalence query by scenarios and random words. It reports
// whether the hypothesis predicts all answers. If not, the counterexample is in the tree.
func (l *learner) testHypothesis() (holds bool, err error) {
	for _, scenario := range l.Scenarios {
		if holds, err := l.checkWord(l.toIndexes(scenario)); !holds || err != nil {
			return false, err
		}
	}
	for l.Result.PassedTests < l.Config.RandomTests {
		if holds, err := l.checkWord(l.randomTest()); !holds || err != nil {
			return false, err
		}
		l.Result.PassedTests++
	}
	return l.reconfirmTree()
}

// reconfirmTree repeats the queries that states and transitions depend on, if outputs contradicted
// each other at any time: further ones may then be wrong. It reports whether all were confirmed.
func (l *learner) reconfirmTree() (holds bool, err error) {
	if l.Conflicts == 0 {
		return true, nil
	}
	for state, node := range l.basis {
		for _, other := range l.basis[:state] {
			if done, err := l.confirmApartness(node, other, minLead+1); !done || err != nil {
				return false, err
			}
		}
	}
	holds = true
	l.visitFrontier(func(_ *treeNode, _ int, child *treeNode) bool {
		target := l.candidateStates(child)[0]
		for state, node := range l.basis {
			if holds = state == target; holds {
				continue
			}
			if holds, err = l.confirmApartness(child, node, minLead); !holds || err != nil {
				return false
			}
		}
		holds = true
		return true
	})
	return holds && err == nil, err
}

// checkWord asks a word, unless its answer is known. It reports whether the hypothesis predicts the
// answer and no earlier answer ceased to be believed.
func (l *learner) checkWord(word []int) (bool, error) {
	if err := l.ensureKnown(word); err != nil || l.beliefChanged {
		return false, err
	}
	node, state := l.root, 0
	for _, input := range word {
		outcome, transition := node.outcome(input), l.hypothesis.States[state].Transitions[input]
		if outcome.output != transition.Output {
			return false, nil
		}
		node, state = outcome.child, transition.Target
	}
	return true, nil
}

// randomTest returns a word that takes a transition outside the basis, continues at random, and
// ends with a word that distinguishes the expected state from another. Each output is drawn with
// the same probability, and then a transition with that output: most transitions have a common
// output such as a refusal, but the others are more likely to lead to new states.
func (l *learner) randomTest() []int {
	byOutput := make(map[string][]*treeNode)
	var outputs []string
	l.visitFrontier(func(parent *treeNode, input int, child *treeNode) bool {
		output := parent.outcome(input).output
		if byOutput[output] == nil {
			outputs = append(outputs, output)
		}
		byOutput[output] = append(byOutput[output], child)
		return true
	})
	nodes := byOutput[outputs[l.random.IntN(len(outputs))]]
	node := nodes[l.random.IntN(len(nodes))]
	word := append(node.accessWord(), l.random.IntN(len(l.Inputs)))
	for l.random.IntN(3) > 0 {
		word = append(word, l.random.IntN(len(l.Inputs)))
	}
	state, other := l.hypothesis.stateAfter(word), l.random.IntN(len(l.basis))
	if state != other {
		separating, _ := shortestWitness(l.basis[state], l.basis[other], minLead)
		word = append(word, separating...)
	}
	return word
}
