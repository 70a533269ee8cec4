package learn

import "slices"

// treeNode is a place in the observation tree: what is known after a word.
type treeNode struct {
	parent *treeNode
	input  int // the input that leads to it
	edges  []treeEdge
	state  int // the number of the state that it stands for in the basis, or -1
	// apartFromState is what it was found to be apart from, by state, as of revision.
	apartFromState []bool
	revision       int
}

// treeEdge is what was seen of an input at a node: each output, the one seen most
// first. Only that one is believed.
type treeEdge []observedOutput

// observedOutput is an output, how often it was seen, and what is known behind it.
type observedOutput struct {
	output string
	count  int
	child  *treeNode
}

func newNode(parent *treeNode, input, width int) *treeNode {
	return &treeNode{parent: parent, input: input, edges: make([]treeEdge, width), state: -1}
}

// lead is by how many sightings the first output is ahead.
func (e treeEdge) lead() int {
	switch len(e) {
	case 0:
		return 0
	case 1:
		return e[0].count
	}
	return e[0].count - e[1].count
}

// isDisputed reports whether several outputs were seen and none leads.
func (e treeEdge) isDisputed() bool {
	return len(e) > 1 && (e.lead() < minLead || e.isNondeterministic())
}

// isNondeterministic reports whether a second output came too often to be an error.
func (e treeEdge) isNondeterministic() bool {
	const often, share = 4, 3
	if len(e) < 2 || e[1].count < often {
		return false
	}
	sum := 0
	for _, outcome := range e {
		sum += outcome.count
	}
	return e[1].count*share > sum
}

// addOutput notes an output for an input and returns what is behind it. Turned says
// that another output is believed now.
func (n *treeNode) addOutput(input int, output string) (child *treeNode, turned bool) {
	edge := n.edges[input]
	i := slices.IndexFunc(edge, func(o observedOutput) bool { return o.output == output })
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

// outcome is the believed outcome of an input, nil if it was not tried.
func (n *treeNode) outcome(input int) *observedOutput {
	if len(n.edges[input]) == 0 {
		return nil
	}
	return &n.edges[input][0]
}

// nodeAfter returns the node after a word, nil if that is not known.
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

// accessWord is the path to the node.
func (n *treeNode) accessWord() []int {
	var w []int
	for ; n.parent != nil; n = n.parent {
		w = append(w, n.input)
	}
	slices.Reverse(w)
	return w
}

// isBelieved reports whether the node is where its word leads.
func (n *treeNode) isBelieved() bool {
	for ; n.parent != nil; n = n.parent {
		if n.parent.edges[n.input][0].child != n {
			return false
		}
	}
	return true
}

// areApart reports whether what is known behind two nodes tells them apart.
func areApart(nodeA, node *treeNode) bool {
	for input := range nodeA.edges {
		outcomeA, outcomeB := nodeA.outcome(input), node.outcome(input)
		if outcomeA != nil && outcomeB != nil && (outcomeA.output != outcomeB.output || areApart(outcomeA.child, outcomeB.child)) {
			return true
		}
	}
	return false
}

// shortestWitness returns a shortest word that tells two nodes apart, nil if none does.
// Of equals one that is sure comes first: its last output leads by so much at both.
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
