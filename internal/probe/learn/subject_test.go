package learn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// unreliableSystem simulates a machine with errors.
type unreliableSystem struct {
	machine         *Machine
	random          *rand.Rand
	wrongOutputRate float64 // probability of another output
	noAnswerRate    float64 // probability of no answer; half of these inputs have no effect
	// alternatives are outputs that a transition gives half of the time.
	alternatives map[edgeID]string
	maxQueries   int // 0 for no limit
	queries      []string
}

type edgeID struct {
	state int
	input string
}

var errBudget = errors.New("no budget left")

func (s *unreliableSystem) Ask(_ context.Context, word []string) ([]string, error) {
	if s.maxQueries > 0 && len(s.queries) == s.maxQueries {
		return nil, errBudget
	}
	s.queries = append(s.queries, strings.Join(word, " "))
	at, outputs := 0, []string(nil)
	for _, input := range word {
		transition := s.machine.States[at].Transitions[slices.Index(s.machine.Inputs, input)]
		output, target := transition.Output, transition.Target
		if other, ok := s.alternatives[edgeID{at, input}]; ok && s.random.IntN(2) == 0 {
			output = other
		}
		if s.wrongOutputRate > 0 && s.random.Float64() < s.wrongOutputRate {
			output = s.otherOutput(output)
		}
		if s.noAnswerRate > 0 && s.random.Float64() < s.noAnswerRate {
			output = "no answer"
			if s.random.IntN(2) == 0 {
				target = at
			}
		}
		outputs, at = append(outputs, output), target
	}
	return outputs, nil
}

func (s *unreliableSystem) otherOutput(not string) string {
	var all []string
	for _, state := range s.machine.States {
		for _, transition := range state.Transitions {
			if transition.Output != not && !slices.Contains(all, transition.Output) {
				all = append(all, transition.Output)
			}
		}
	}
	return all[s.random.IntN(len(all))]
}

func newSystem(other *Machine, seed uint64) *unreliableSystem {
	return &unreliableSystem{machine: other, random: rand.New(rand.NewPCG(seed, 7))}
}

func inputNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("i%d", i)
	}
	return names
}

// newMachine returns a machine with the output "no" everywhere. next returns the target states.
func newMachine(states, inputs int, to func(state, input int) int) *Machine {
	other := &Machine{Inputs: inputNames(inputs)}
	for s := range states {
		edges := make([]Transition, inputs)
		for i := range edges {
			edges[i] = Transition{Output: "no", Target: to(s, i)}
		}
		other.States = append(other.States, State{Transitions: edges})
	}
	return other
}

// drawMinimal draws machines until one has only reachable, pairwise distinguishable states.
func drawMinimal(seed uint64, draw func(random *rand.Rand) *Machine) *Machine {
	random := rand.New(rand.NewPCG(seed, 1))
	for {
		other := draw(random)
		small := other.renumberBreadthFirst()
		if len(small.States) != len(other.States) {
			continue
		}
		alike := false
		for p := range small.States {
			for state := range p {
				alike = alike || areEquivalentStates(small, p, small, state)
			}
		}
		if !alike {
			return small
		}
	}
}

// areEquivalentStates reports whether two states answer all words alike. Their machines have the
// same inputs.
func areEquivalentStates(a *Machine, p int, b *Machine, state int) bool {
	seen := map[[2]int]bool{{p, state}: true}
	for queue := [][2]int{{p, state}}; len(queue) > 0; queue = queue[1:] {
		for input := range a.Inputs {
			transition, f := a.States[queue[0][0]].Transitions[input], b.States[queue[0][1]].Transitions[input]
			if transition.Output != f.Output {
				return false
			}
			if next := [2]int{transition.Target, f.Target}; !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return true
}

// isEquivalent reports whether a learned machine equals the expected one.
func isEquivalent(learned, other *Machine) bool {
	return learned != nil && len(learned.States) == len(other.States) && areEquivalentStates(learned, 0, other, 0)
}

// uniformMachines draws targets and outputs evenly.
func uniformMachines(states, inputs, outputs int) func(*rand.Rand) *Machine {
	return func(random *rand.Rand) *Machine {
		other := newMachine(states, inputs, func(int, int) int { return random.IntN(states) })
		for _, state := range other.States {
			for i := range state.Transitions {
				state.Transitions[i].Output = fmt.Sprintf("o%d", random.IntN(outputs))
			}
		}
		return other
	}
}

// protocolMachines draws machines like those of protocols: most inputs are refused and change
// nothing, the others lead to any state.
func protocolMachines(states, inputs, outputs int, refused float64) func(*rand.Rand) *Machine {
	return func(random *rand.Rand) *Machine {
		other := newMachine(states, inputs, func(s, _ int) int { return s })
		for s := range other.States {
			for i := range other.States[s].Transitions {
				if random.Float64() >= refused {
					other.States[s].Transitions[i] = Transition{
						Output: fmt.Sprintf("o%d", random.IntN(outputs)),
						Target: random.IntN(states),
					}
				}
			}
		}
		return other
	}
}

// chainsWithResets draws chains in which one input advances visibly and each other input leads
// back to the start. Each input advances in the given number of states.
func chainsWithResets(states, inputs, each int) func(*rand.Rand) *Machine {
	return func(random *rand.Rand) *Machine {
		other := newMachine(states, inputs, func(int, int) int { return 0 })
		order := random.Perm(inputs * each)
		for s := range states - 1 {
			other.States[s].Transitions[order[s]%inputs] = Transition{Output: "yes", Target: s + 1}
		}
		other.States[states-1].Transitions[order[states-1]%inputs].Output = "open"
		return other
	}
}

// hiddenChains draws protocol machines with a word that passes through states whose outputs look
// like refusals, until its end shows another output.
func hiddenChains(states, inputs, outputs, hidden int) func(*rand.Rand) *Machine {
	return func(random *rand.Rand) *Machine {
		other := protocolMachines(states-hidden, inputs, outputs, 0.6)(random)
		door := random.IntN(len(other.States))
		from := door
		for range hidden {
			state := State{Transitions: slices.Clone(other.States[door].Transitions)}
			other.States = append(other.States, state)
			other.States[from].Transitions[random.IntN(inputs)] = Transition{
				Output: "no",
				Target: len(other.States) - 1,
			}
			from = len(other.States) - 1
		}
		other.States[from].Transitions[random.IntN(inputs)].Output = "open"
		return other
	}
}

// silentChains draws chains in which one input of each state advances without a visible change.
// Only input 0 shows the state.
func silentChains(states, inputs int) func(*rand.Rand) *Machine {
	return func(random *rand.Rand) *Machine {
		other := newMachine(states, inputs, func(s, _ int) int { return s })
		for s := range states {
			if s < states-1 {
				other.States[s].Transitions[1+random.IntN(inputs-1)].Target = s + 1
			}
			other.States[s].Transitions[0].Output = fmt.Sprintf("at%d", s)
		}
		return other
	}
}
