package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

const (
	labelLines  = 3  // inputs that a label names, before "+ n more"
	inputCells  = 30 // of a label's line, in characters
	outputCells = 14
	manyLead    = 3 // states that lead to a sink, from which on no lines are drawn
)

// A graph is a machine made ready for drawing: transitions between the same
// states are one edge, those that stay or end in a sink are lists in the box of
// the state.
type graph struct {
	nodes []node
	edges []edge
}

type node struct {
	name  string
	sink  bool
	stays list   // what leaves it where it is
	sinks []list // what leads to a sink that has no lines
	// from is how many states lead to this sink without lines.
	from int
}

type edge struct {
	from, to int
	list     list
}

// A list is what several transitions say.
type list struct {
	to     string
	lines  []string // at most labelLines, and one that counts the rest
	all    string   // all of them, for a title
	unsure bool
}

func graphOf(m finding.Machine) graph {
	var g graph
	at := map[string]int{}
	node := func(name string) int {
		i, ok := at[name]
		if !ok {
			i = len(g.nodes)
			at[name] = i
			g.nodes = append(g.nodes, newNode(name))
		}
		return i
	}
	for _, s := range m.States {
		node(s.Name)
	}
	groups := map[[2]int][]finding.Transition{}
	var order [][2]int
	for _, t := range m.Transitions {
		pair := [2]int{node(t.From), node(t.To)}
		if groups[pair] == nil {
			order = append(order, pair)
		}
		groups[pair] = append(groups[pair], t)
	}
	g.markSinks(order)
	for _, pair := range order {
		from, to := pair[0], pair[1]
		l := newList(g.nodes[to].name, groups[pair])
		switch {
		case from == to:
			g.nodes[from].stays = l
		case g.nodes[to].from > 0:
			g.nodes[from].sinks = append(g.nodes[from].sinks, l)
		default:
			g.edges = append(g.edges, edge{from, to, l})
		}
	}
	return g
}

func newNode(name string) node { return node{name: name} }

// markSinks finds the states that nothing leads out of, and counts what leads to
// those of them that many others lead to.
func (g *graph) markSinks(pairs [][2]int) {
	leads := make([]int, len(g.nodes))
	leaves := make([]bool, len(g.nodes))
	entered := make([]bool, len(g.nodes))
	for _, p := range pairs {
		if p[0] == p[1] {
			entered[p[0]] = true
			continue
		}
		leads[p[1]]++
		leaves[p[0]] = true
		entered[p[1]] = true
	}
	for i := 1; i < len(g.nodes); i++ {
		n := &g.nodes[i]
		n.sink = entered[i] && !leaves[i]
		if n.sink && leads[i] >= manyLead {
			n.from = leads[i]
		}
	}
}

func newList(to string, transitions []finding.Transition) list {
	l := list{to: to}
	var all []string
	for i, t := range transitions {
		sign := ""
		if t.Unsure {
			sign = " ?"
			l.unsure = true
		}
		all = append(all, t.Input+" / "+t.Output+sign)
		if i < labelLines {
			l.lines = append(l.lines, cut(t.Input, inputCells)+" / "+cut(t.Output, outputCells)+sign)
		}
	}
	if rest := len(transitions) - labelLines; rest > 0 {
		l.lines = append(l.lines, fmt.Sprintf("+ %d more", rest))
	}
	l.all = strings.Join(all, "\n")
	return l
}

// cut shortens a text to a number of cells.
func cut(s string, most int) string {
	s = strings.ReplaceAll(s, "\n", " ")
	if cells(s) <= most {
		return s
	}
	used := 0
	for i, r := range s {
		if used+runeCells(r) > most-1 {
			return strings.TrimRight(s[:i], " ") + "…"
		}
		used += runeCells(r)
	}
	return s
}

// cells is how wide a text is in a font of fixed width.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

// runeCells takes all that may be wide for wide: a box that is too large hurts
// nobody.
func runeCells(r rune) int {
	if r < 0x1100 || r >= 0x2000 && r < 0x2e80 {
		return 1
	}
	return 2
}

func longest(lines []string) int {
	if len(lines) == 0 {
		return 0
	}
	return cells(slices.MaxFunc(lines, func(a, b string) int { return cells(a) - cells(b) }))
}
