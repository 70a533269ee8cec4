package learn

import "slices"

// Machine is a Mealy machine: in each state, each input has an output and a next state.
type Machine struct {
	Inputs []string // the alphabet
	States []State  // the first is the initial one
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

// Run returns the outputs for a word, sent in the initial state. It stops before the first input
// outside the alphabet.
func (m *Machine) Run(word []string) []string {
	outputs := make([]string, 0, len(word))
	state := 0
	for _, input := range word {
		i := slices.Index(m.Inputs, input)
		if i < 0 {
			break
		}
		transition := m.States[state].Transitions[i]
		outputs = append(outputs, transition.Output)
		state = transition.Target
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

// hasEqualStates reports whether two machines have the same transitions, in the same numbering.
func (m *Machine) hasEqualStates(other *Machine) bool {
	return slices.EqualFunc(m.States, other.States,
		func(left, right State) bool { return slices.Equal(left.Transitions, right.Transitions) })
}

// renumberBreadthFirst returns an equal machine whose states are numbered in breadth-first order, so
// that access words are shortest. It drops unreachable states.
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
