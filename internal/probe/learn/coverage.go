package learn

import (
	"math/rand/v2"
	"slices"
)

// track is a way through a hypothesis.
type track struct {
	h    *hypothesis
	at   int
	last int // the edge before, by number; -1 at the beginning
	ok   bool
}

func (h *hypothesis) start() track { return track{h: h, last: -1, ok: true} }

func (h *hypothesis) number(q, in int) int { return q*h.inputs + in }

// step goes on by an input; ok is false from the first edge on that is not
// certain.
func (t track) step(in int) track {
	e := t.h.edges[t.at][in]
	if !t.ok || !e.certain() {
		t.ok = false
		return t
	}
	t.at, t.last = e.to, t.h.number(t.at, in)
	return t
}

func (t track) along(word []int) track {
	for _, in := range word {
		t = t.step(in)
	}
	return t
}

// coverage counts what was tried on a hypothesis, in whatever order it came. A
// transition that leads to another state than it seems shows that in what
// follows it, so tests try first what has not followed yet.
type coverage struct {
	h *hypothesis
	// followed counts by edge how often each input came next.
	followed [][]int
	// fresh counts by edge the inputs that never came next.
	fresh []int
	// repeated is by edge how often a test did it again and again.
	repeated []int
	// telling is by edge how much its output says: a rare one is worth more tries
	// than what most edges give, which often is a refusal.
	telling []float64
}

func newCoverage(h *hypothesis, root *node) *coverage {
	edges := len(h.edges) * h.inputs
	c := &coverage{h: h, followed: make([][]int, edges), fresh: make([]int, edges), repeated: make([]int, edges), telling: make([]float64, edges)}
	share := map[int]int{}
	for _, row := range h.edges {
		for _, e := range row {
			share[e.out]++
		}
	}
	for q, row := range h.edges {
		for in, e := range row {
			no := h.number(q, in)
			c.followed[no], c.fresh[no] = make([]int, h.inputs), h.inputs
			usual := float64(edges) / float64(len(share))
			c.telling[no] = min(16, max(0.25, usual/float64(share[e.out])))
			if e.to != q {
				c.telling[no] *= 1.5
			}
		}
	}
	c.add(root, h.start())
	return c
}

// add counts all that is below a node of the tree.
func (c *coverage) add(n *node, t track) {
	for in, k := range n.kids {
		if k != nil && !k.wild {
			if next := c.count(t, in); next.ok {
				c.add(k, next)
			}
		}
	}
}

// walk counts a word.
func (c *coverage) walk(word []int) {
	t := c.h.start()
	for _, in := range word {
		t = c.count(t, in)
	}
}

func (c *coverage) count(t track, in int) track {
	if t.ok && t.last >= 0 {
		if c.followed[t.last][in]++; c.followed[t.last][in] == 1 {
			c.fresh[t.last]--
		}
	}
	return t.step(in)
}

// draw chooses an input that should come next: one that never did here, or one
// behind which there is much to try. It returns -1 if no edge is certain.
func (c *coverage) draw(t track, r *rand.Rand) int {
	weights := make([]float64, c.h.inputs)
	for in, e := range c.h.edges[t.at] {
		if !e.certain() {
			continue
		}
		no := c.h.number(t.at, in)
		weights[in] = 0.05 + 0.1*c.telling[no] + c.telling[no]*float64(c.fresh[no])/float64(c.h.inputs)
		if t.last >= 0 && c.followed[t.last][in] == 0 {
			weights[in]++
		}
	}
	return pick(weights, r.Float64())
}

// pick returns a position, each with a probability of its weight, or -1 if there
// is no weight. At is between 0 and 1.
func pick(weights []float64, at float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	at *= sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return -1
}

// leastRepeated is the state where the fewest inputs were repeated.
func (c *coverage) leastRepeated() int {
	least, state := 0, -1
	for q := range c.h.edges {
		sum := 0
		for _, n := range c.repeated[q*c.h.inputs : (q+1)*c.h.inputs] {
			sum += n
		}
		if state < 0 || sum < least {
			least, state = sum, q
		}
	}
	return state
}

// drawRepetition chooses what to do again and again: what was chosen least
// before, and among that what tells more and what stays where it is the likelier.
// It returns -1 if no edge is certain.
func (c *coverage) drawRepetition(q int, r *rand.Rand) int {
	counts := c.repeated[q*c.h.inputs : (q+1)*c.h.inputs]
	least := slices.Min(counts)
	weights := make([]float64, len(counts))
	for in, n := range counts {
		if n == least && c.h.edges[q][in].certain() {
			weights[in] = c.telling[c.h.number(q, in)]
			if c.h.edges[q][in].to == q {
				weights[in] *= 5
			}
		}
	}
	in := pick(weights, r.Float64())
	if in >= 0 {
		counts[in]++
	}
	return in
}
