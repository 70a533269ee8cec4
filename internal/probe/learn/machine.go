package learn

import "slices"

// Machine is a Mealy machine: in each state, each input has an output and a next state.
type Machine struct {
	Inputs []string
	States []State // the first is the initial one
}

// State is a state of a Machine.
type State struct {
	// AccessWord leads from the initial state to this one. Learn returns a shortest one.
	AccessWord []string
	// Transitions has one element for each of the machine's inputs, in their order.
	Transitions []Transition
}

// Transition is the effect of an input in a state.
type Transition struct {
	Output string
	Target int // index of the next state
}

// Run returns the outputs for a word. It stops before the first unknown input.
func (m *Machine) Run(word []string) []string {
	outputs := make([]string, 0, len(word))
	at := 0
	for _, input := range word {
		i := slices.Index(m.Inputs, input)
		if i < 0 {
			break
		}
		edge := m.States[at].Transitions[i]
		outputs = append(outputs, edge.Output)
		at = edge.Target
	}
	return outputs
}

// stateAfter returns the state after a word of input indexes.
func (m *Machine) stateAfter(word []int) int {
	state := 0
	for _, input := range word {
		state = m.States[state].Transitions[input].Target
	}
	return state
}

func (m *Machine) hasEqualStates(other *Machine) bool {
	return slices.EqualFunc(
		m.States,
		other.States,
		func(state, t State) bool { return slices.Equal(state.Transitions, t.Transitions) },
	)
}

// renumberBreadthFirst returns the machine with its states numbered in breadth-first order.
func (m *Machine) renumberBreadthFirst() *Machine {
	number, order := map[int]int{0: 0}, []int{0}
	out := &Machine{Inputs: m.Inputs, States: []State{{}}}
	for at := 0; at < len(order); at++ {
		edges := slices.Clone(m.States[order[at]].Transitions)
		for i, transition := range edges {
			if _, ok := number[transition.Target]; !ok {
				number[transition.Target] = len(order)
				order = append(order, transition.Target)
				access := append(slices.Clone(out.States[at].AccessWord), m.Inputs[i])
				out.States = append(out.States, State{AccessWord: access})
			}
			edges[i].Target = number[transition.Target]
		}
		out.States[at].Transitions = edges
	}
	return out
}
