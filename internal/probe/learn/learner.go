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
const margin = 2

// Learn asks the subject until a machine explains all it said and the tests find
// nothing more. An error is a mistake in the configuration, found before
// anything was asked. Whatever ends the learning later is in the result.
func Learn(ctx context.Context, s SystemUnderTest, config Config) (*Result, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	l := &learner{
		Config: config, ctx: ctx, subject: s, inputNo: make(map[string]int),
		root: newNode(nil, 0, len(config.Inputs)), rand: rand.New(rand.NewPCG(config.Seed, 0x6c23)),
	}
	for i, in := range config.Inputs {
		l.inputNo[in] = i
	}
	l.revise()
	if l.Stopped = l.run(); l.Stopped != nil {
		l.Remaining = l.remaining()
	} else {
		l.Machine = l.hypothesis.inOrder()
	}
	return &l.Result, nil
}

// learner grows the observation tree until it gives a hypothesis, and tests that.
type learner struct {
	Config
	Result
	ctx     context.Context
	subject SystemUnderTest
	inputNo map[string]int
	rand    *rand.Rand
	root    *treeNode
	// basis are nodes that are pairwise apart: each stands for a state. Parents come
	// before their children.
	basis []*treeNode
	// turned says that an output is no longer believed, which the basis may rest on;
	// revision counts how often that was.
	turned     bool
	revision   int
	hypothesis *Machine // nil before the first
}

func (l *learner) run() error {
	for _, trace := range l.Traces {
		word := l.numbers(trace.Inputs)
		if err := l.settle(word, l.enter(word, trace.Outputs)); err != nil {
			return err
		}
	}
	for {
		if l.turned {
			l.revise()
		}
		if busy, err := l.applyRule(); err != nil {
			return err
		} else if busy {
			continue
		}
		l.build()
		word := l.contradiction()
		if word == nil {
			holds, err := l.test()
			if holds || err != nil {
				return err
			}
			continue
		}
		if err := l.learnFrom(word); err != nil {
			return err
		}
	}
}

// numbers gives a word's inputs as numbers, up to the first that is none.
func (l *learner) numbers(word []string) []int {
	var nos []int
	for _, in := range word {
		no, ok := l.inputNo[in]
		if !ok {
			break
		}
		nos = append(nos, no)
	}
	return nos
}

// ask makes sure that the tree knows what comes back for the word.
func (l *learner) ask(word []int) error {
	for !l.known(word) {
		if err := l.query(word); err != nil {
			return err
		}
	}
	return nil
}

// known reports whether it is known what comes back for a word.
func (l *learner) known(word []int) bool {
	treeNode := l.root
	for _, in := range word {
		if treeNode.after(in) == nil || treeNode.edges[in].disputed() {
			return false
		}
		treeNode = treeNode.after(in).to
	}
	return true
}

// query asks a word whether or not it is known, and settles what contradicts
// earlier observations.
func (l *learner) query(word []int) error {
	disputed, err := l.send(word)
	if err != nil {
		return err
	}
	return l.settle(word, disputed)
}

// settle asks the beginning of a word, whose last output is disputed, until one
// leads.
func (l *learner) settle(word []int, disputed int) (err error) {
	for disputed > 0 && err == nil {
		word = word[:disputed]
		treeNode := l.root.find(word[:disputed-1])
		if treeEdge := treeNode.edges[word[disputed-1]]; treeEdge.nondeterministic() {
			return fmt.Errorf("%w: %q is answered %q %d times and %q %d times", ErrNondeterministic,
				strings.Join(l.names(word), ", "), treeEdge[0].out, treeEdge[0].seen, treeEdge[1].out, treeEdge[1].seen)
		}
		disputed, err = l.send(word)
	}
	return err
}

func (l *learner) names(word []int) []string {
	names := make([]string, len(word))
	for i, in := range word {
		names[i] = l.Inputs[in]
	}
	return names
}

// send asks the subject and enters what it says.
func (l *learner) send(word []int) (disputed int, err error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	l.Queries++
	outs, err := l.subject.Ask(l.ctx, l.names(word))
	if err != nil {
		return 0, err
	}
	if len(outs) != len(word) {
		return 0, fmt.Errorf("learn: the subject gave %d outputs for %d inputs", len(outs), len(word))
	}
	l.Symbols += len(word)
	return l.enter(word, outs), nil
}

// enter puts an observation into the tree. It returns how long the beginning of
// the word is whose last output is disputed now, 0 if none is. What follows an
// output that is not believed waits behind that.
func (l *learner) enter(word []int, outs []string) (disputed int) {
	treeNode, believed := l.root, true
	for i, in := range word {
		if edgeOutput := treeNode.after(in); believed && edgeOutput != nil && edgeOutput.out != outs[i] {
			l.Conflicts++
		}
		to, turned := treeNode.enter(in, outs[i])
		if believed {
			l.turned = l.turned || turned
			if disputed == 0 && treeNode.edges[in].disputed() {
				disputed = i + 1
			}
			believed = treeNode.edges[in][0].to == to
		}
		treeNode = to
	}
	return disputed
}

// revise looks which states of the basis are still apart, after an output turned
// out to be wrong.
func (l *learner) revise() {
	l.turned = false
	l.revision++
	old := l.basis
	if old == nil {
		old = []*treeNode{l.root}
	}
	l.basis = nil
	for _, treeNode := range old {
		treeNode.state = -1
	}
	for _, b := range old {
		if !b.believed() || b.parent != nil && b.parent.state < 0 {
			continue
		}
		if !slices.ContainsFunc(l.basis, func(o *treeNode) bool { return !apart(o, b) }) {
			b.state = len(l.basis)
			l.basis = append(l.basis, b)
		}
	}
}

// remaining is how many queries there still are to make, as far as that is known:
// one for each transition that was not tried, one to tell each pair of states that
// a transition may lead to, and the tests.
func (l *learner) remaining() int {
	n := max(0, l.Config.Tests-l.Result.Tests)
	l.frontier(func(_ *treeNode, _ int, to *treeNode) bool {
		if to == nil {
			n += 2
		} else {
			n += max(0, len(l.candidates(to))-1)
		}
		return true
	})
	return n
}
