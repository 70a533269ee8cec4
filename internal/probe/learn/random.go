package learn

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// askRandom goes on until enough random tests in a row have found nothing. A
// test that was made before is drawn again; if that happens all the time there
// is not much left to test, and it counts.
func (l *learner) askRandom() (holds bool, err error) {
	const mostDraws = 20
	for l.tests < l.config.Tests {
		word := l.randomTest()
		for draws := 1; draws < mostDraws && l.root.find(word) != nil; draws++ {
			word = l.randomTest()
		}
		if holds, err := l.agrees(word); !holds || err != nil {
			return false, err
		}
		l.coverage.walk(word)
		l.tests++
	}
	return true, nil
}

// randomTest goes to a state, does something random there, and then something
// that tells the state in which it should be now. There are three kinds, in turn:
// two inputs, which is what the tree has not looked at; a walk; and the same
// again and again, which finds what counts.
func (l *learner) randomTest() []int {
	switch l.tests % 4 {
	case 0, 2:
		if word := l.coverage.nextShort(l); word != nil {
			return word
		}
		fallthrough
	case 1:
		return l.walk()
	default:
		return l.repetition()
	}
}

func (l *learner) walk() []int {
	q := l.rand.IntN(len(l.hypothesis.edges))
	word := slices.Clone(l.hypothesis.access[q])
	t := l.hypothesis.start().along(word)
	for length := 0; length < 3 || l.rand.IntN(6) > 0; length++ {
		in := l.coverage.draw(t, l.rand)
		if in < 0 {
			break
		}
		word, t = append(word, in), t.step(in)
	}
	return l.withSuffix(word, t.at)
}

func (l *learner) withSuffix(word []int, q int) []int {
	if s := l.suffixes[q]; len(s) > 0 {
		word = append(word, s[l.rand.IntN(len(s))]...)
	}
	return word
}

// repetition repeats an input as long as that may find something; if it seems to
// change nothing, others too.
func (l *learner) repetition() []int {
	c, h := l.coverage, l.hypothesis
	q := c.leastRepeated()
	word := slices.Clone(h.access[q])
	for range 3 {
		in := c.drawRepetition(q, l.rand)
		if in < 0 {
			break
		}
		times := 6
		if c.telling[h.number(q, in)] > 1 {
			times = 11
		}
		from := q
		for ; times > 0 && h.edges[q][in].certain(); times-- {
			word, q = append(word, in), h.edges[q][in].to
		}
		if q != from {
			break
		}
	}
	return l.withSuffix(word, q)
}

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
	// shorts are tests that are still to be made; nil if they were not listed.
	shorts []short
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

// short is a test of two inputs behind a state.
type short struct {
	q      int
	word   []int // behind the access word
	chance float64
}

// nextShort returns the next test of two inputs and what tells the state behind
// them, nil if all were made. They come in a random order, those whose outputs
// tell more the earlier.
func (c *coverage) nextShort(l *learner) []int {
	if c.shorts == nil {
		c.shorts = []short{}
		for q := range c.h.edges {
			c.listShorts(q, q, nil, 1, l)
		}
		slices.SortStableFunc(c.shorts, func(a, b short) int { return cmp.Compare(a.chance, b.chance) })
	}
	for len(c.shorts) > 0 {
		s := c.shorts[0]
		c.shorts = c.shorts[1:]
		if word := slices.Concat(c.h.access[s.q], s.word); l.root.find(word) == nil {
			return word
		}
	}
	return nil
}

func (c *coverage) listShorts(q, at int, word []int, telling float64, l *learner) {
	if len(word) < 2 {
		for in, e := range c.h.edges[at] {
			if e.certain() {
				c.listShorts(q, e.to, append(slices.Clip(word), in), telling*c.telling[c.h.number(at, in)], l)
			}
		}
		return
	}
	// What identifies a state need not be what it alone does.
	for _, end := range append(slices.Clip(l.suffixes[at]), c.mostTelling(at)) {
		most := 0.0
		to := at
		for _, in := range end {
			e := c.h.edges[to][in]
			most = max(most, c.telling[c.h.number(to, in)])
			if !e.certain() {
				break
			}
			to = e.to
		}
		// The smallest of exponential variables with these rates is each with a
		// probability of its rate.
		chance := l.rand.ExpFloat64() / (telling * (0.1 + most))
		c.shorts = append(c.shorts, short{q, slices.Concat(word, end), chance})
	}
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

// mostTelling is the input with the rarest output of a state.
func (c *coverage) mostTelling(q int) []int {
	from := c.h.number(q, 0)
	all := c.telling[from : from+c.h.inputs]
	return []int{slices.Index(all, slices.Max(all))}
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
// before, and among that what tells more the likelier. It returns -1 if all were
// chosen and the tests have begun anew in this state.
func (c *coverage) drawRepetition(q int, r *rand.Rand) int {
	counts := c.repeated[q*c.h.inputs : (q+1)*c.h.inputs]
	least := slices.Min(counts)
	weights := make([]float64, len(counts))
	for in, n := range counts {
		if n == least && c.h.edges[q][in].certain() {
			weights[in] = c.telling[c.h.number(q, in)]
		}
	}
	in := pick(weights, r.Float64())
	if in >= 0 {
		counts[in]++
	}
	return in
}
