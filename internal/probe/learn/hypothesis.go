package learn

import "slices"

// hypothesis is the machine that the tree gives, in numbers. State q stands for
// the node q of the basis.
type hypothesis struct {
	inputs int
	edges  [][]hypEdge
	access [][]int
}

type hypEdge struct {
	out, to     int // to is Unknown if nothing was seen
	wild, guess bool
}

func (e hypEdge) certain() bool { return e.to != Unknown && !e.wild && !e.guess }

// build makes a hypothesis of the tree. Where a node may be several states it
// takes the one to which the most transitions lead; where nothing was seen the
// edge is unknown.
func (l *learner) build() *hypothesis {
	l.countPopular()
	h := &hypothesis{inputs: l.width}
	for _, b := range l.basis {
		row := make([]hypEdge, l.width)
		for in := range row {
			row[in] = l.edge(b.kid(in))
		}
		h.edges = append(h.edges, row)
		h.access = append(h.access, b.word())
	}
	return h
}

func (l *learner) edge(n *node) hypEdge {
	if n == nil {
		return hypEdge{to: Unknown}
	}
	e := hypEdge{out: n.out, to: n.basis, wild: n.wild}
	if n.wild {
		e.out, _ = n.top()
	}
	if n.basis >= 0 {
		return e
	}
	open := l.candidates(n)
	e.guess = len(open) != 1
	if len(open) == 0 {
		// A new state that there was no time to confirm.
		e.to = Unknown
		return e
	}
	e.to = slices.MaxFunc(open, func(a, b int) int { return l.popular[a] - l.popular[b] })
	return e
}

func (h *hypothesis) equal(o *hypothesis) bool {
	if o == nil || len(h.edges) != len(o.edges) {
		return false
	}
	same := func(e, f hypEdge) bool {
		// What an edge without a definite output gives most often may change.
		return e == f || e.wild && f.wild && e.to == f.to && e.guess == f.guess
	}
	for q := range h.edges {
		if !slices.EqualFunc(h.edges[q], o.edges[q], same) || !slices.Equal(h.access[q], o.access[q]) {
			return false
		}
	}
	return true
}

// after returns the state after a word; ok is false if an edge on the way is not
// definite.
func (h *hypothesis) after(word []int) (q int, ok bool) {
	for _, in := range word {
		e := h.edges[q][in]
		if !e.certain() {
			return 0, false
		}
		q = e.to
	}
	return q, true
}

// contradiction returns a nearest node of the tree whose output is not the
// hypothesis's, nil if there is none.
func (l *learner) contradiction(h *hypothesis) *node {
	type place struct {
		n *node
		q int
	}
	queue := []place{{l.root, 0}}
	for at := 0; at < len(queue); at++ {
		p := queue[at]
		for in, k := range p.n.kids {
			if k == nil {
				continue
			}
			e := h.edges[p.q][in]
			if k.wild || e.wild || e.to == Unknown {
				continue
			}
			if k.out != e.out {
				return k
			}
			if !e.guess {
				queue = append(queue, place{k, e.to})
			}
		}
	}
	return nil
}

// learnFrom takes a node that contradicts the hypothesis and asks until a
// frontier node is seen to be another state than the hypothesis says. The search
// is binary, as in L#. What was seen only once is asked again first.
func (l *learner) learnFrom(h *hypothesis, bad *node) error {
	sure := l.sure(l.margin())
	if !sure(bad) {
		return l.again(bad.word())
	}
	if bad != l.last.node {
		l.last.node, l.last.times = bad, 0
		l.counterexamples++
	}
	if l.last.times++; l.last.times > mostTries {
		// Nothing that was asked explains it: that goes through an edge that is not
		// deterministic.
		bad.unproved = true
		l.makeWild(bad)
		return nil
	}
	path := bad.word()
	way, show := path[:len(path)-1], path[len(path)-1:]
	if q, _ := h.after(way); l.weak(l.basis[q].kid(show[0])) {
		return l.again(slices.Concat(h.access[q], show))
	}
	for !l.atFrontier(way) {
		inside := 0
		for n := l.root; n.basis >= 0; inside++ {
			n = n.kid(way[inside])
		}
		half := (inside + len(way)) / 2
		q, _ := h.after(way[:half])
		rest := slices.Concat(way[half:], show)
		word := slices.Concat(h.access[q], rest)
		if err := l.ask(word); err != nil {
			return err
		}
		there, here := l.root.find(way[:half]), l.root.find(word)
		if there == nil || here == nil || l.root.find(slices.Concat(way, show)) == nil || l.revised != l.epoch {
			// A conflict changed the tree.
			return nil
		}
		if w, _ := l.witness(there, l.basis[q], func(*node) bool { return true }); w != nil {
			way, show = slices.Clone(way[:half]), w
			continue
		}
		way = slices.Concat(h.access[q], way[half:])
	}
	return nil
}

// atFrontier reports whether a word leads right behind the basis.
func (l *learner) atFrontier(word []int) bool {
	n := l.root.find(word)
	return n == nil || n.basis >= 0 || n.parent.basis >= 0
}
