package learn

import "slices"

// treeNode is a place in the observation tree: what is known after a word.
type treeNode struct {
	parent *treeNode
	in     int // the input that leads to it
	edges  []treeEdge
	state  int // the number of the state that it stands for in the basis, or -1
	// notState is what it was found to be apart from, by state, as of revision.
	notState []bool
	revision int
}

// treeEdge is what was seen of an input at a node: each output, the one seen most
// first. Only that one is believed.
type treeEdge []edgeOutput

// edgeOutput is an output, how often it was seen, and what is known behind it.
type edgeOutput struct {
	out  string
	seen int
	to   *treeNode
}

func newNode(parent *treeNode, in, width int) *treeNode {
	return &treeNode{parent: parent, in: in, edges: make([]treeEdge, width), state: -1}
}

// lead is by how many sightings the first output is ahead.
func (e treeEdge) lead() int {
	switch len(e) {
	case 0:
		return 0
	case 1:
		return e[0].seen
	}
	return e[0].seen - e[1].seen
}

// disputed reports whether several outputs were seen and none leads.
func (e treeEdge) disputed() bool { return len(e) > 1 && (e.lead() < margin || e.nondeterministic()) }

// nondeterministic reports whether a second output came too often to be an error.
func (e treeEdge) nondeterministic() bool {
	const often, share = 4, 3
	if len(e) < 2 || e[1].seen < often {
		return false
	}
	sum := 0
	for _, edgeOutput := range e {
		sum += edgeOutput.seen
	}
	return e[1].seen*share > sum
}

// enter notes an output for an input and returns what is behind it. Turned says
// that another output is believed now.
func (n *treeNode) enter(in int, out string) (to *treeNode, turned bool) {
	treeEdge := n.edges[in]
	i := slices.IndexFunc(treeEdge, func(o edgeOutput) bool { return o.out == out })
	if i < 0 {
		i = len(treeEdge)
		treeEdge = append(treeEdge, edgeOutput{out: out, to: newNode(n, in, len(n.edges))})
	}
	treeEdge[i].seen++
	to = treeEdge[i].to
	for ; i > 0 && treeEdge[i].seen > treeEdge[i-1].seen; i-- {
		treeEdge[i], treeEdge[i-1] = treeEdge[i-1], treeEdge[i]
		turned = turned || i == 1
	}
	n.edges[in] = treeEdge
	return to, turned
}

// after is the believed outcome of an input, nil if it was not tried.
func (n *treeNode) after(in int) *edgeOutput {
	if len(n.edges[in]) == 0 {
		return nil
	}
	return &n.edges[in][0]
}

// find returns the node after a word, nil if that is not known.
func (n *treeNode) find(word []int) *treeNode {
	for _, in := range word {
		edgeOutput := n.after(in)
		if edgeOutput == nil {
			return nil
		}
		n = edgeOutput.to
	}
	return n
}

// word is the path to the node.
func (n *treeNode) word() []int {
	var w []int
	for ; n.parent != nil; n = n.parent {
		w = append(w, n.in)
	}
	slices.Reverse(w)
	return w
}

// believed reports whether the node is where its word leads.
func (n *treeNode) believed() bool {
	for ; n.parent != nil; n = n.parent {
		if n.parent.edges[n.in][0].to != n {
			return false
		}
	}
	return true
}

// apart reports whether what is known behind two nodes tells them apart.
func apart(a, b *treeNode) bool {
	for in := range a.edges {
		x, y := a.after(in), b.after(in)
		if x != nil && y != nil && (x.out != y.out || apart(x.to, y.to)) {
			return true
		}
	}
	return false
}

// witness returns a shortest word that tells two nodes apart, nil if none does.
// Of equals one that is sure comes first: its last output leads by so much at both.
func witness(a, b *treeNode, lead int) (word []int, sure bool) {
	type pair struct {
		a, b *treeNode
		word []int
	}
	for queue := []pair{{a, b, nil}}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if word != nil && len(p.word) >= len(word) {
			break
		}
		for in := range p.a.edges {
			x, y := p.a.after(in), p.b.after(in)
			switch {
			case x == nil || y == nil:
			case x.out == y.out:
				queue = append(queue, pair{x.to, y.to, append(slices.Clip(p.word), in)})
			default:
				sure = p.a.edges[in].lead() >= lead && p.b.edges[in].lead() >= lead
				if word == nil || sure {
					word = append(slices.Clip(p.word), in)
				}
				if sure {
					return word, true
				}
			}
		}
	}
	return word, false
}
