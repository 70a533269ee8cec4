package learn

import (
	"fmt"
	"slices"
)

// Machine is a Mealy machine: in each state each input has an output and leads
// to a state.
type Machine struct {
	Inputs []string
	// States begins with the initial one.
	States []State
}

// State is a state of a Machine.
type State struct {
	// Access is a shortest word that leads here. In machines that were made by
	// hand it may be nil.
	Access []string
	// Edges has a transition for each input of the machine, in that order.
	Edges []Transition
}

// Unknown is the target of a transition of which nothing is known.
const Unknown = -1

// Transition is what an input does in a state.
type Transition struct {
	Output string
	// To is the number of the state that follows, or Unknown.
	To int
	// Nondeterministic says that other outputs were seen too; Output is the most
	// frequent one.
	Nondeterministic bool
	// Guess says that the observations allow other states than To: learning
	// ended too early to say, or what follows is itself not deterministic.
	Guess bool
}

func (t Transition) certain() bool { return t.To != Unknown && !t.Nondeterministic }

// open counts the edges of which it is not known where they lead.
func (m *Machine) open() int {
	n := 0
	for _, s := range m.States {
		for _, e := range s.Edges {
			if e.To == Unknown || e.Guess {
				n++
			}
		}
	}
	return n
}

// Run returns the outputs for a word. It is shorter than the word if an input is
// not the machine's, or what it does is unknown.
func (m *Machine) Run(word []string) []string {
	outputs := make([]string, 0, len(word))
	at := 0
	for _, in := range word {
		i := slices.Index(m.Inputs, in)
		if i < 0 || m.States[at].Edges[i].To == Unknown {
			break
		}
		edge := m.States[at].Edges[i]
		outputs = append(outputs, edge.Output)
		at = edge.To
	}
	return outputs
}

// Minimize returns the smallest machine that answers equally. Its states are
// numbered as they are reached, breadth first, inputs in their order.
func (m *Machine) Minimize() *Machine {
	m, _ = m.canonical(nil)
	m, _ = m.canonical(m.classes())
	return m
}

// classes numbers the states so that those that answer all words equally have
// equal numbers.
func (m *Machine) classes() []int {
	class, count := make([]int, len(m.States)), 1
	for {
		type row struct {
			class int
			edges string
		}
		rows, next := map[row]int{}, make([]int, len(m.States))
		for s := range m.States {
			var edges []byte
			for _, e := range m.States[s].Edges {
				edges = appendEdge(edges, e, class)
			}
			r := row{class[s], string(edges)}
			if _, ok := rows[r]; !ok {
				rows[r] = len(rows)
			}
			next[s] = rows[r]
		}
		if len(rows) == count {
			return next
		}
		class, count = next, len(rows)
	}
}

// canonical is the machine of the states that can be reached, numbered as they
// are reached. States of one class become one; without classes each is its own.
// Order says which state each was.
func (m *Machine) canonical(class []int) (out *Machine, order []int) {
	if class == nil {
		class = make([]int, len(m.States))
		for i := range class {
			class[i] = i
		}
	}
	number, access := map[int]int{class[0]: 0}, [][]string{nil}
	order = []int{0}
	out = &Machine{Inputs: slices.Clone(m.Inputs)}
	// A way that is certain is preferred to a shorter one that is not.
	for _, any := range []bool{false, true} {
		for at := 0; at < len(order); at++ {
			for i, e := range m.States[order[at]].Edges {
				if e.To == Unknown || !any && !e.certain() {
					continue
				}
				if _, ok := number[class[e.To]]; !ok {
					number[class[e.To]] = len(order)
					order = append(order, e.To)
					access = append(access, append(slices.Clone(access[at]), m.Inputs[i]))
				}
			}
		}
	}
	for at, s := range order {
		edges := slices.Clone(m.States[s].Edges)
		for i := range edges {
			if edges[i].To != Unknown {
				edges[i].To = number[class[edges[i].To]]
			}
		}
		out.States = append(out.States, State{Access: access[at], Edges: edges})
	}
	return out, order
}

// Isomorphic reports whether two machines with the same inputs, in whatever
// order, have the same states and transitions but for the states' numbers.
// States that cannot be reached do not count.
func Isomorphic(a, b *Machine) bool {
	if len(a.Inputs) != len(b.Inputs) {
		return false
	}
	inB := make([]int, len(a.Inputs))
	for i, in := range a.Inputs {
		if inB[i] = slices.Index(b.Inputs, in); inB[i] < 0 {
			return false
		}
	}
	there, back, queue := map[int]int{0: 0}, map[int]int{0: 0}, []int{0}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for i, e := range a.States[s].Edges {
			f := b.States[there[s]].Edges[inB[i]]
			if (e.To == Unknown) != (f.To == Unknown) {
				return false
			}
			if e.To == Unknown {
				continue
			}
			if e.Output != f.Output || e.Nondeterministic != f.Nondeterministic {
				return false
			}
			image, seen := there[e.To]
			origin, taken := back[f.To]
			if seen != taken || seen && (image != f.To || origin != e.To) {
				return false
			}
			if !seen {
				there[e.To], back[f.To] = f.To, e.To
				queue = append(queue, e.To)
			}
		}
	}
	return true
}

func appendEdge(b []byte, e Transition, class []int) []byte {
	if e.To == Unknown {
		return append(b, "?|"...)
	}
	return fmt.Appendf(b, "%d %t %q|", class[e.To], e.Nondeterministic, e.Output)
}
