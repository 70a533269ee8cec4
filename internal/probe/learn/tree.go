package learn

import "slices"

// node is a place in the tree of observations: what is known after a word. It
// carries the edge that leads to it.
type node struct {
	parent *node
	in     int // the input on the edge into it
	out    int // the output on that edge: the one with the most votes
	votes  []vote
	// wild says that the edge has no definite output. Nothing is compared by it
	// or behind it.
	wild bool
	// unproved says that it is only wild because another edge is.
	unproved bool
	// dead says that the node was cut from the tree.
	dead bool
	kids []*node // by input; nil if there are none

	// changed is when something was last added below.
	changed uint64
	// basis is the number of the state that the node stands for, or -1.
	basis int
	front frontier
}

// vote counts how often an output was seen on an edge.
type vote struct{ out, count int }

// frontier is what is known of which states a node cannot be. It holds while
// the tree only grows, so it is kept for one epoch.
type frontier struct {
	epoch   uint64
	apart   []bool   // by state
	checked []uint64 // when the state was last compared
	tries   int      // how often it was asked about in vain
}

// tree holds all observations that were kept. Inputs and outputs are numbers.
type tree struct {
	root  *node
	width int // how many inputs there are
	// clock counts what was added; epoch what was taken away.
	clock, epoch uint64
	// votes counts the votes on edges that were known before, minority those
	// against the output of their edge; wild edges do not count.
	votes, minority int
	// wildInputs are those that were found not to be deterministic somewhere.
	wildInputs []bool
}

func newTree(width int) *tree {
	return &tree{root: &node{basis: -1}, width: width, epoch: 1, wildInputs: make([]bool, width)}
}

// kid is the node after an input, nil if that was not seen or n itself was not.
func (n *node) kid(in int) *node {
	if n == nil || n.kids == nil {
		return nil
	}
	return n.kids[in]
}

// word is the path to the node.
func (n *node) word() []int {
	var w []int
	for ; n.parent != nil; n = n.parent {
		w = append(w, n.in)
	}
	slices.Reverse(w)
	return w
}

// find returns the node after a word, nil if that was never seen.
func (n *node) find(word []int) *node {
	for _, in := range word {
		if n = n.kid(in); n == nil {
			return nil
		}
	}
	return n
}

// add puts a new edge below n.
func (t *tree) add(n *node, in, out int) *node {
	if n.kids == nil {
		n.kids = make([]*node, t.width)
	}
	k := &node{parent: n, in: in, out: out, votes: []vote{{out, 1}}, basis: -1}
	n.kids[in] = k
	t.touch(n)
	return k
}

// touch says that what is known below n is other than before.
func (t *tree) touch(n *node) {
	t.clock++
	for ; n != nil; n = n.parent {
		n.changed = t.clock
	}
}

// cut takes away all that was seen behind the edge into n.
func (t *tree) cut(n *node) {
	var bury func(*node)
	bury = func(n *node) {
		for _, k := range n.kids {
			if k != nil {
				k.dead = true
				bury(k)
			}
		}
	}
	bury(n)
	n.kids = nil
	t.epoch++
}

// cast counts an output for the edge into n.
func (t *tree) cast(n *node, out int) {
	if t.wildInputs[n.in] {
		// How often it was seen decides what it says.
		t.touch(n.parent)
		if out != n.out && !n.wild {
			t.epoch++
		}
	}
	if !n.wild {
		t.votes++
		if out != n.out {
			t.minority++
		}
	}
	for i := range n.votes {
		if n.votes[i].out == out {
			n.votes[i].count++
			return
		}
	}
	n.votes = append(n.votes, vote{out, 1})
}

// top returns the output with the most votes and by how many it leads. Of equals
// the one that was believed before comes first.
func (n *node) top() (out, lead int) {
	best, second := vote{out: n.out}, 0
	for _, v := range n.votes {
		if v.count > best.count || v.count == best.count && v.out == n.out {
			best, second = v, best.count
		} else if v.count > second {
			second = v.count
		}
	}
	return best.out, best.count - second
}

// seen is how often something was seen on the edge into n.
func (n *node) seen() int {
	sum := 0
	for _, v := range n.votes {
		sum += v.count
	}
	return sum
}

// sure reports whether the output leads by a margin.
func (n *node) sure(margin int) bool {
	_, lead := n.top()
	return lead >= margin
}

// settled reports whether it is known what comes back for a word.
func (t *tree) settled(word []int) bool {
	n := t.root
	for _, in := range word {
		if n = n.kid(in); n == nil || t.weak(n) {
			return false
		}
	}
	return true
}

// apart reports whether the observations below a and b contradict each other.
func (t *tree) apart(a, b *node) bool {
	if a.kids == nil || b.kids == nil {
		return false
	}
	for i, x := range a.kids {
		y := b.kids[i]
		if x == nil || y == nil {
			continue
		}
		if t.contradict(x, y) || !x.wild && !y.wild && t.apart(x, y) {
			return true
		}
	}
	return false
}

// witness returns a word that tells a and b apart: if there is one, the
// shortest whose outputs are sure on both sides, else the shortest. It is nil
// if they are not apart.
func (t *tree) witness(a, b *node, sure func(*node) bool) (word []int, certain bool) {
	type step struct {
		a, b *node
		from int // position in the queue
		in   int
	}
	queue := []step{{a, b, -1, -1}}
	path := func(at int) []int {
		var w []int
		for ; queue[at].from >= 0; at = queue[at].from {
			w = append(w, queue[at].in)
		}
		slices.Reverse(w)
		return w
	}
	for at := 0; at < len(queue); at++ {
		s := queue[at]
		if s.a.kids == nil || s.b.kids == nil {
			continue
		}
		for i, x := range s.a.kids {
			y := s.b.kids[i]
			if x == nil || y == nil {
				continue
			}
			if !t.contradict(x, y) {
				if !x.wild && !y.wild {
					queue = append(queue, step{x, y, at, i})
				}
				continue
			}
			both := sure(x) && sure(y)
			if word == nil || both {
				word = append(path(at), i)
			}
			if both {
				return word, true
			}
		}
	}
	return word, false
}
