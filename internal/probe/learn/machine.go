package learn

import "slices"

// Machine is a Mealy machine: in each state each input has an output and leads
// to a state.
type Machine struct {
	Inputs []string
	// States begins with the initial one.
	States []State
}

// State is a state of a Machine.
type State struct {
	// Access is a word that leads here, a shortest one in what Learn returns.
	Access []string
	// Edges has a transition for each input of the machine, in that order.
	Edges []Transition
}

// Transition is what an input does in a state.
type Transition struct {
	Output string
	// To is the number of the state that follows.
	To int
}

// Run returns the outputs for a word. It is shorter than the word if an input is
// not the machine's.
func (m *Machine) Run(word []string) []string {
	outputs := make([]string, 0, len(word))
	at := 0
	for _, in := range word {
		i := slices.Index(m.Inputs, in)
		if i < 0 {
			break
		}
		edge := m.States[at].Edges[i]
		outputs = append(outputs, edge.Output)
		at = edge.To
	}
	return outputs
}

// after returns the state after a word.
func (m *Machine) after(word []int) int {
	q := 0
	for _, in := range word {
		q = m.States[q].Edges[in].To
	}
	return q
}

func (m *Machine) equal(machine *Machine) bool {
	return slices.EqualFunc(m.States, machine.States, func(s, t State) bool { return slices.Equal(s.Edges, t.Edges) })
}

// inOrder is the machine with its states numbered as they are reached, breadth
// first, inputs in their order.
func (m *Machine) inOrder() *Machine {
	number, order := map[int]int{0: 0}, []int{0}
	out := &Machine{Inputs: m.Inputs, States: []State{{}}}
	for at := 0; at < len(order); at++ {
		edges := slices.Clone(m.States[order[at]].Edges)
		for i, transition := range edges {
			if _, ok := number[transition.To]; !ok {
				number[transition.To] = len(order)
				order = append(order, transition.To)
				access := append(slices.Clone(out.States[at].Access), m.Inputs[i])
				out.States = append(out.States, State{Access: access})
			}
			edges[i].To = number[transition.To]
		}
		out.States[at].Edges = edges
	}
	return out
}
