package learn

import (
	"container/heap"
	"slices"
)

// short is a test of two inputs behind a state, and something behind them that
// tells the state: what no transition of the tree has had yet.
type short struct {
	state  int32
	inputs [2]int32
	end    int32 // which of the ends of the state that follows
	when   float64
}

// shorts are the tests that are still to be made of a hypothesis, the next one
// first.
type shorts struct {
	list []short
	ends [][][]int // by state, what tells it
}

func (s *shorts) Len() int           { return len(s.list) }
func (s *shorts) Less(i, j int) bool { return s.list[i].when < s.list[j].when }
func (s *shorts) Swap(i, j int)      { s.list[i], s.list[j] = s.list[j], s.list[i] }
func (s *shorts) Push(x any)         { s.list = append(s.list, x.(short)) }
func (s *shorts) Pop() any {
	last := s.list[len(s.list)-1]
	s.list = s.list[:len(s.list)-1]
	return last
}

// nextShort returns the next short test that was not made yet, nil if all were.
func (l *learner) nextShort() []int {
	h := l.hypothesis
	if l.shorts == nil {
		l.shorts = l.listShorts()
	}
	for l.shorts.Len() > 0 {
		s := heap.Pop(l.shorts).(short)
		word := slices.Clone(h.access[s.state])
		at := int(s.state)
		for _, in := range s.inputs {
			word, at = append(word, int(in)), h.edges[at][in].to
		}
		if word = append(word, l.shorts.ends[at][s.end]...); l.root.find(word) == nil {
			return word
		}
	}
	return nil
}

// listShorts puts all short tests into a random order, those whose outputs tell
// more the earlier.
func (l *learner) listShorts() *shorts {
	h, telling := l.hypothesis, l.coverage.telling
	s := &shorts{ends: make([][][]int, len(h.edges))}
	worth := make([][]float64, len(h.edges)) // of the ends
	for q := range h.edges {
		// What identifies a state need not be what it alone does.
		s.ends[q] = append(slices.Clip(l.suffixes[q]), l.coverage.mostTelling(q))
		for _, end := range s.ends[q] {
			worth[q] = append(worth[q], 0.1+l.coverage.most(q, end))
		}
	}
	for q, row := range h.edges {
		for first, e := range row {
			if !e.certain() {
				continue
			}
			for second, f := range h.edges[e.to] {
				if !f.certain() {
					continue
				}
				both := telling[h.number(q, first)] * telling[h.number(e.to, second)]
				for end, w := range worth[f.to] {
					// Of exponential variables the first one is each with a
					// probability of its rate.
					when := l.rand.ExpFloat64() / (both * w)
					s.list = append(s.list, short{int32(q), [2]int32{int32(first), int32(second)}, int32(end), when})
				}
			}
		}
	}
	heap.Init(s)
	return s
}

// mostTelling is the input with the rarest output of a state.
func (c *coverage) mostTelling(q int) []int {
	from := c.h.number(q, 0)
	all := c.telling[from : from+c.h.inputs]
	return []int{slices.Index(all, slices.Max(all))}
}

// most is how much the most telling output of a word from a state tells.
func (c *coverage) most(q int, word []int) float64 {
	most := 0.0
	for _, in := range word {
		most = max(most, c.telling[c.h.number(q, in)])
		if !c.h.edges[q][in].certain() {
			break
		}
		q = c.h.edges[q][in].to
	}
	return most
}
