package learn

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// names turns inputs and outputs into numbers and back.
type names struct {
	inputs   []string
	inputNo  map[string]int
	outputs  []string
	outputNo map[string]int
}

func newNames(inputs []string) *names {
	n := &names{inputs: inputs, inputNo: map[string]int{}, outputNo: map[string]int{}}
	for i, in := range inputs {
		n.inputNo[in] = i
	}
	return n
}

func (n *names) output(s string) int {
	no, ok := n.outputNo[s]
	if !ok {
		no = len(n.outputs)
		n.outputs = append(n.outputs, s)
		n.outputNo[s] = no
	}
	return no
}

func (n *names) outputNos(s []string) []int {
	out := make([]int, len(s))
	for i := range s {
		out[i] = n.output(s[i])
	}
	return out
}

func (n *names) word(w []int) []string {
	out := make([]string, len(w))
	for i, in := range w {
		out[i] = n.inputs[in]
	}
	return out
}

// asker asks the subject and keeps what it says in the tree.
type asker struct {
	*tree
	*names
	ctx     context.Context
	subject Subject
	config  Config
	// wildAt reports whether the last hypothesis knows that the last input of a
	// word is not deterministic.
	wildAt func(word []int) bool
	// suspects are the edges that were found not to be deterministic lately.
	suspects []*node

	queries, symbols, conflicts int
}

// ask makes sure that the tree knows what comes back for the word. After a
// conflict it may still not.
func (a *asker) ask(word []int) error {
	if a.settled(word) {
		return nil
	}
	return a.again(word)
}

// again asks a word whether or not it is known.
func (a *asker) again(word []int) error {
	outs, err := a.send(word)
	if err != nil {
		return err
	}
	return a.enter(word, outs)
}

// send asks the subject.
func (a *asker) send(word []int) ([]int, error) {
	if err := a.ctx.Err(); err != nil {
		return nil, err
	}
	a.queries++
	outs, err := a.subject.Ask(a.ctx, a.word(word))
	if err != nil {
		return nil, err
	}
	if len(outs) != len(word) {
		return nil, fmt.Errorf("learn: the subject gave %d outputs for %d inputs", len(outs), len(word))
	}
	a.symbols += len(word)
	return a.outputNos(outs), nil
}

// sendAdaptive asks prefix and then whatever next chooses, until it is below
// zero. It returns what was asked too.
func (a *asker) sendAdaptive(s Adaptive, prefix []int, next func(word, outs []int) int) (word, outs []int, err error) {
	if err := a.ctx.Err(); err != nil {
		return nil, nil, err
	}
	a.queries++
	got, err := s.AskAdaptive(a.ctx, func(outputs []string) (string, bool) {
		if now := a.outputNos(outputs); len(now) < len(outs) || !slices.Equal(now[:len(outs)], outs) || word == nil {
			// A retry: all is chosen anew.
			word, outs = slices.Clone(prefix), now
		} else {
			outs = now
		}
		for len(word) <= len(outs) {
			in := next(word, outs[:len(word)])
			if in < 0 {
				break
			}
			word = append(word, in)
		}
		if len(outs) >= len(word) {
			return "", false
		}
		return a.inputs[word[len(outs)]], true
	})
	if err != nil {
		return nil, nil, err
	}
	if len(got) != len(word) {
		return nil, nil, fmt.Errorf("learn: the subject gave %d outputs for %d inputs", len(got), len(word))
	}
	a.symbols += len(word)
	if outs = a.outputNos(got); len(outs) == 0 {
		return nil, nil, errors.New("learn: the subject asked nothing")
	}
	return word, outs, nil
}

// enter puts an observation into the tree. Where it contradicts the tree, the
// conflict is decided first; if the tree was right, what follows in the
// observation is not believed.
func (a *asker) enter(word, outs []int) error {
	n := a.root
	for i, in := range word {
		k := n.kid(in)
		if k == nil {
			n = a.add(n, in, outs[i])
			continue
		}
		a.cast(k, outs[i])
		if outs[i] != k.out && !k.wild {
			a.conflicts++
			if err := a.decide(k); err != nil {
				return err
			}
			if k.dead || k.out != outs[i] && !k.wild {
				return nil
			}
		}
		n = k
	}
	return nil
}

// decide asks for the edge into n until an output leads, and cuts what was
// believed if that lost.
func (a *asker) decide(n *node) error {
	word := n.word()
	if a.wildAt(word) {
		n.unproved = true
		a.makeWild(n)
		return nil
	}
	for runs := 0; ; runs++ {
		out, lead := n.top()
		switch {
		case lead < a.config.Margin && runs == a.config.MostRuns, a.disputed(n):
			a.makeWild(n)
			return nil
		case lead >= a.config.Margin:
			if out != n.out {
				n.out = out
				a.cut(n)
			}
			return nil
		}
		outs, err := a.send(word)
		if err != nil {
			return err
		}
		if err := a.recount(n, word, outs); err != nil || n.dead {
			return err
		}
	}
}

// recount enters a run that was made for the edge into n, the last of the word.
func (a *asker) recount(n *node, word, outs []int) error {
	at := a.root
	for i, in := range word[:len(word)-1] {
		at = at.kid(in)
		a.cast(at, outs[i])
		if outs[i] != at.out && !at.wild {
			a.conflicts++
			if err := a.decide(at); err != nil || n.dead {
				return err
			}
			if outs[i] != at.out && !at.wild {
				return nil
			}
		}
	}
	a.cast(n, outs[len(outs)-1])
	return nil
}
