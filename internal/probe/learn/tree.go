package learn

import "slices"

// treeNode is a node of the observation tree: it holds what was observed after a word.
type treeNode struct {
	parent *treeNode
	input  int        // that leads here from the parent
	edges  []treeEdge // by input
	state  int        // index in the basis, or -1
	// apartFromState caches, by state, whether the node is apart from it. The cache is valid
	// while revision equals learner.revision.
	apartFromState []bool
	revision       int
}

// treeEdge holds the outputs that were observed for one input, the most frequent first. The first
// is believed: it is taken for the system's real output. The others are taken for errors.
type treeEdge []observedOutput

// observedOutput is an output, how often it was observed, and the subtree after it.
type observedOutput struct {
	output string
	count  int
	child  *treeNode
}

// newNode returns a node without observations. width is the size of the alphabet.
func newNode(parent *treeNode, input, width int) *treeNode {
	return &treeNode{parent: parent, input: input, edges: make([]treeEdge, width), state: -1}
}

// lead returns by how many observations the first output is ahead of the second.
func (e treeEdge) lead() int {
	switch len(e) {
	case 0:
		return 0
	case 1:
		return e[0].count
	}
	return e[0].count - e[1].count
}

// isDisputed reports whether several outputs were observed and the first does not lead by minLead,
// or another is too frequent to be an error.
func (e treeEdge) isDisputed() bool {
	return len(e) > 1 && (e.lead() < minLead || e.isNondeterministic())
}

// isNondeterministic reports whether the second output is too frequent to be an error: it came at
// least four times and in more than a third of the observations.
func (e treeEdge) isNondeterministic() bool {
	const minCount, share = 4, 3
	if len(e) < 2 || e[1].count < minCount {
		return false
	}
	total := 0
	for _, outcome := range e {
		total += outcome.count
	}
	return e[1].count*share > total
}

// addOutput counts an output of an input. It returns the node after the output, and whether the
// output replaced another one as the believed output of the input.
func (n *treeNode) addOutput(input int, output string) (child *treeNode, turned bool) {
	edge := n.edges[input]
	i := slices.IndexFunc(edge, func(observed observedOutput) bool { return observed.output == output })
	if i < 0 {
		i = len(edge)
		edge = append(edge, observedOutput{output: output, child: newNode(n, input, len(n.edges))})
	}
	edge[i].count++
	child = edge[i].child
	for ; i > 0 && edge[i].count > edge[i-1].count; i-- {
		edge[i], edge[i-1] = edge[i-1], edge[i]
		turned = turned || i == 1
	}
	n.edges[input] = edge
	return child, turned
}

// outcome returns the believed output of an input, or nil if it was not tried.
func (n *treeNode) outcome(input int) *observedOutput {
	if len(n.edges[input]) == 0 {
		return nil
	}
	return &n.edges[input][0]
}

// nodeAfter returns the node that a word leads to from n, along believed outputs. It returns nil if
// the word was not observed.
func (n *treeNode) nodeAfter(word []int) *treeNode {
	for _, input := range word {
		outcome := n.outcome(input)
		if outcome == nil {
			return nil
		}
		n = outcome.child
	}
	return n
}

// accessWord returns the word that leads from the root to the node.
func (n *treeNode) accessWord() []int {
	var word []int
	for ; n.parent != nil; n = n.parent {
		word = append(word, n.input)
	}
	slices.Reverse(word)
	return word
}

// isBelieved reports whether all outputs on the way to the node are believed.
func (n *treeNode) isBelieved() bool {
	for ; n.parent != nil; n = n.parent {
		if n.parent.edges[n.input][0].child != n {
			return false
		}
	}
	return true
}

// areApart reports whether some word was observed at both nodes with different outputs. Nodes that
// are apart cannot stand for the same state.
func areApart(nodeA, nodeB *treeNode) bool {
	for input := range nodeA.edges {
		outcomeA, outcomeB := nodeA.outcome(input), nodeB.outcome(input)
		if outcomeA != nil && outcomeB != nil &&
			(outcomeA.output != outcomeB.output || areApart(outcomeA.child, outcomeB.child)) {
			return true
		}
	}
	return false
}

// shortestWitness returns a shortest word that distinguishes two nodes, or (nil, false) if they are
// not apart. Among words of that length it prefers one whose last outputs lead by at least lead
// observations at both nodes. sure reports whether it found such a word.
func shortestWitness(nodeA, nodeB *treeNode, lead int) (word []int, sure bool) {
	type pair struct {
		a, b *treeNode
		word []int
	}
	for queue := []pair{{nodeA, nodeB, nil}}; len(queue) > 0; queue = queue[1:] {
		p := queue[0]
		if word != nil && len(p.word) >= len(word) {
			break
		}
		for input := range p.a.edges {
			outcomeA, outcomeB := p.a.outcome(input), p.b.outcome(input)
			switch {
			case outcomeA == nil || outcomeB == nil:
			case outcomeA.output == outcomeB.output:
				queue = append(queue, pair{outcomeA.child, outcomeB.child, append(slices.Clip(p.word), input)})
			default:
				sure = p.a.edges[input].lead() >= lead && p.b.edges[input].lead() >= lead
				if word == nil || sure {
					word = append(slices.Clip(p.word), input)
				}
				if sure {
					return word, true
				}
			}
		}
	}
	return word, false
}
