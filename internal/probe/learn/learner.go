package learn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// minLead is by how many observations an output must lead over the next frequent one before a
// state or a counterexample may depend on it. A single observation may be an error.
const minLead = 2

// Learn queries the system until a machine explains all answers and passes the tests. It returns
// an error only for an invalid configuration, before the first query. A later error, such as one of
// the system or the end of ctx, is in Result.StopErr.
func Learn(ctx context.Context, system SystemUnderTest, config Config) (*Result, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	l := &learner{
		Config: config, ctx: ctx, system: system, inputIndexes: make(map[string]int),
		root: newNode(nil, 0, len(config.Inputs)), random: rand.New(rand.NewPCG(config.Seed, 0x6c23)),
	}
	for i, input := range config.Inputs {
		l.inputIndexes[input] = i
	}
	l.rebuildBasis()
	if l.StopErr = l.run(); l.StopErr != nil {
		l.RemainingQueries = l.remainingQueries()
	} else {
		l.Machine = l.hypothesis.renumberBreadthFirst()
	}
	return &l.Result, nil
}

// learner extends an observation tree until the tree determines a hypothesis, and then tests the
// hypothesis. In words, inputs are indexes into Config.Inputs.
type learner struct {
	Config
	Result
	ctx          context.Context
	system       SystemUnderTest
	inputIndexes map[string]int
	random       *rand.Rand
	root         *treeNode
	// basis holds nodes that are pairwise apart, one for each state of the hypothesis. The
	// index of a node is the number of its state. Parents come before their children.
	basis []*treeNode
	// beliefChanged reports that an output is no longer believed, so that the basis may be
	// wrong and must be rebuilt. revision counts the rebuilds.
	beliefChanged bool
	revision      int
	hypothesis    *Machine // nil until the first is built
}

// run learns until a hypothesis passes all tests, and returns nil, or until an error.
func (l *learner) run() error {
	for _, trace := range l.Traces {
		word := l.toIndexes(trace.Inputs)
		if err := l.resolveDispute(word, l.addObservation(word, trace.Outputs)); err != nil {
			return err
		}
	}
	for {
		if l.beliefChanged {
			l.rebuildBasis()
		}
		if busy, err := l.applyRule(); err != nil {
			return err
		} else if busy {
			continue
		}
		l.buildHypothesis()
		word := l.findContradiction()
		if word == nil {
			holds, err := l.testHypothesis()
			if holds || err != nil {
				return err
			}
			continue
		}
		if err := l.processCounterexample(word); err != nil {
			return err
		}
	}
}

// toIndexes returns the indexes of a word's inputs, up to the first unknown input.
func (l *learner) toIndexes(word []string) []int {
	var indexes []int
	for _, input := range word {
		index, ok := l.inputIndexes[input]
		if !ok {
			break
		}
		indexes = append(indexes, index)
	}
	return indexes
}

// ensureKnown asks a word until the tree holds an undisputed output for each of its inputs.
func (l *learner) ensureKnown(word []int) error {
	for !l.isKnown(word) {
		if err := l.queryAndResolve(word); err != nil {
			return err
		}
	}
	return nil
}

// isKnown reports whether the tree holds an undisputed output for each input of a word.
func (l *learner) isKnown(word []int) bool {
	node := l.root
	for _, input := range word {
		if node.outcome(input) == nil || node.edges[input].isDisputed() {
			return false
		}
		node = node.outcome(input).child
	}
	return true
}

// queryAndResolve asks a word, even if it is known, and resolves contradictions to earlier answers.
func (l *learner) queryAndResolve(word []int) error {
	disputed, err := l.queryOnce(word)
	if err != nil {
		return err
	}
	return l.resolveDispute(word, disputed)
}

// resolveDispute repeats a prefix of a word until its last output is no longer disputed, and then
// any further disputed prefix. disputed is the length of the prefix, 0 for none. It returns
// ErrNondeterministic if a dispute cannot be resolved.
func (l *learner) resolveDispute(word []int, disputed int) (err error) {
	for disputed > 0 && err == nil {
		word = word[:disputed]
		node := l.root.nodeAfter(word[:disputed-1])
		if edge := node.edges[word[disputed-1]]; edge.isNondeterministic() {
			return fmt.Errorf("%w: %q is answered %q %d times and %q %d times", ErrNondeterministic,
				strings.Join(l.toInputs(word), ", "), edge[0].output, edge[0].count, edge[1].output, edge[1].count)
		}
		disputed, err = l.queryOnce(word)
	}
	return err
}

// toInputs is the inverse of toIndexes.
func (l *learner) toInputs(word []int) []string {
	names := make([]string, len(word))
	for i, input := range word {
		names[i] = l.Inputs[input]
	}
	return names
}

// queryOnce asks a word and adds the answer to the tree. disputed is as in addObservation.
func (l *learner) queryOnce(word []int) (disputed int, err error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	l.Queries++
	outputs, err := l.system.Ask(l.ctx, l.toInputs(word))
	if err != nil {
		return 0, err
	}
	if len(outputs) != len(word) {
		return 0, fmt.Errorf("learn: the subject gave %d outputs for %d inputs", len(outputs), len(word))
	}
	l.SentInputs += len(word)
	return l.addObservation(word, outputs), nil
}

// addObservation adds an observation to the tree. It returns the length of the shortest prefix of
// word whose last output is disputed, or 0. After an output that is not believed, the remaining
// outputs go into the subtree of that output and have no effect on the hypothesis.
func (l *learner) addObservation(word []int, outputs []string) (disputed int) {
	node, believed := l.root, true
	for i, input := range word {
		if outcome := node.outcome(input); believed && outcome != nil && outcome.output != outputs[i] {
			l.Conflicts++
		}
		child, turned := node.addOutput(input, outputs[i])
		if believed {
			l.beliefChanged = l.beliefChanged || turned
			if disputed == 0 && node.edges[input].isDisputed() {
				disputed = i + 1
			}
			believed = node.edges[input][0].child == child
		}
		node = child
	}
	return disputed
}

// rebuildBasis removes the nodes that are no longer believed or apart from the basis, after another
// output became the believed one. The first call makes the root the only node.
func (l *learner) rebuildBasis() {
	l.beliefChanged = false
	l.revision++
	old := l.basis
	if old == nil {
		old = []*treeNode{l.root}
	}
	l.basis = nil
	for _, node := range old {
		node.state = -1
	}
	for _, node := range old {
		if !node.isBelieved() || node.parent != nil && node.parent.state < 0 {
			continue
		}
		if !slices.ContainsFunc(l.basis, func(other *treeNode) bool { return !areApart(other, node) }) {
			node.state = len(l.basis)
			l.basis = append(l.basis, node)
		}
	}
}

// remainingQueries estimates the missing queries: two for each untried transition, one for each
// state but one that a tried transition may lead to, and the outstanding random tests.
func (l *learner) remainingQueries() int {
	n := max(0, l.Config.RandomTests-l.Result.PassedTests)
	l.visitFrontier(func(_ *treeNode, _ int, child *treeNode) bool {
		if child == nil {
			n += 2
		} else {
			n += max(0, len(l.candidateStates(child))-1)
		}
		return true
	})
	return n
}
