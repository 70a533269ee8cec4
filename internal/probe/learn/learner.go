package learn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// margin is by how much an output must lead before a state or a counterexample
// rests on it: one observation may be an error.
const minLead = 2

// Learn asks the subject until a machine explains all it said and the tests find
// nothing more. An error is a mistake in the configuration, found before
// anything was asked. Whatever ends the learning later is in the result.
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

// learner grows the observation tree until it gives a hypothesis, and tests that.
type learner struct {
	Config
	Result
	ctx          context.Context
	system       SystemUnderTest
	inputIndexes map[string]int
	random       *rand.Rand
	root         *treeNode
	// basis are nodes that are pairwise apart: each stands for a state. Parents come
	// before their children.
	basis []*treeNode
	// beliefChanged says that an output is no longer believed, which the basis may rest on;
	// revision counts how often that was.
	beliefChanged bool
	revision      int
	hypothesis    *Machine // nil before the first
}

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

// toIndexes gives a word's inputs as numbers, up to the first that is none.
func (l *learner) toIndexes(word []string) []int {
	var nos []int
	for _, input := range word {
		no, ok := l.inputIndexes[input]
		if !ok {
			break
		}
		nos = append(nos, no)
	}
	return nos
}

// ensureKnown makes sure that the tree knows what comes back for the word.
func (l *learner) ensureKnown(word []int) error {
	for !l.isKnown(word) {
		if err := l.queryAndResolve(word); err != nil {
			return err
		}
	}
	return nil
}

// isKnown reports whether it is known what comes back for a word.
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

// queryAndResolve asks a word whether or not it is known, and settles what contradicts
// earlier observations.
func (l *learner) queryAndResolve(word []int) error {
	disputed, err := l.queryOnce(word)
	if err != nil {
		return err
	}
	return l.resolveDispute(word, disputed)
}

// resolveDispute asks the beginning of a word, whose last output is disputed, until one
// leads.
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

func (l *learner) toInputs(word []int) []string {
	names := make([]string, len(word))
	for i, input := range word {
		names[i] = l.Inputs[input]
	}
	return names
}

// queryOnce asks the subject and enters what it says.
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

// addObservation puts an observation into the tree. It returns how long the beginning of
// the word is whose last output is disputed now, 0 if none is. What follows an
// output that is not believed waits behind that.
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

// rebuildBasis looks which states of the basis are still apart, after an output turned
// out to be wrong.
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
		if !slices.ContainsFunc(l.basis, func(o *treeNode) bool { return !areApart(o, node) }) {
			node.state = len(l.basis)
			l.basis = append(l.basis, node)
		}
	}
}

// remainingQueries is how many queries there still are to make, as far as that is known:
// one for each transition that was not tried, one to tell each pair of states that
// a transition may lead to, and the tests.
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
