package learn

import "slices"

// treeNode is a node of the observation tree: it holds what was observed after a word.
type treeNode struct {
	parent *treeNode
	input  int // that leads here from the parent
	edges  []treeEdge
	state  int // index in the basis, or -1
	// apartFromState caches, by state, whether the node is apart. It is valid for revision.
	apartFromState []bool
	revision       int
}

// treeEdge holds the observed outputs of an input, the most frequent first. Only the first is
// believed.
type treeEdge []observedOutput

// observedOutput is an output, how often it was observed, and the subtree after it.
type observedOutput struct {
	output string
	count  int
	child  *treeNode
}

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

// isDisputed reports whether several outputs were observed and none leads.
func (e treeEdge) isDisputed() bool {
	return len(e) > 1 && (e.lead() < minLead || e.isNondeterministic())
}

// isNondeterministic reports whether a second output is too frequent to be an error.
func (e treeEdge) isNondeterministic() bool {
	const often, share = 4, 3
	if len(e) < 2 || e[1].count < often {
		return false
	}
	total := 0
	for _, outcome := range e {
		total += outcome.count
	}
	return e[1].count*share > total
}

// addOutput counts an output of an input. It returns the node after it, and whether another output
// is believed now.
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

// nodeAfter returns the node that a word leads to, or nil if that was not observed.
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

// areApart reports whether some word was observed at both nodes with different outputs.
func areApart(nodeA, node *treeNode) bool {
	for input := range nodeA.edges {
		outcomeA, outcomeB := nodeA.outcome(input), node.outcome(input)
		if outcomeA != nil && outcomeB != nil &&
			(outcomeA.output != outcomeB.output || areApart(outcomeA.child, outcomeB.child)) {
			return true
		}
	}
	return false
}

// shortestWitness returns a shortest word that distinguishes two nodes, or nil. Among words of
// that length it prefers one whose last output leads by lead at both nodes; sure reports this.
func shortestWitness(nodeA, node *treeNode, lead int) (word []int, sure bool) {
	type pair struct {
		a, b *treeNode
		word []int
	}
	for queue := []pair{{nodeA, node, nil}}; len(queue) > 0; queue = queue[1:] {
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
