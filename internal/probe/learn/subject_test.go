package learn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// system is a machine as a subject, with whatever can go wrong.
type system struct {
	m      *Machine
	rand   *rand.Rand
	wrong  float64 // how often an output is another one
	silent float64 // how often there is no answer; half of those requests were not heard
	// alternatives are outputs that an edge gives half of the time.
	alternatives map[edgeID]string
	budget       int // how many words are answered, all if it is 0
	asked        []string
}

type edgeID struct {
	state int
	input string
}

var errBudget = errors.New("no budget left")

func (s *system) Ask(_ context.Context, word []string) ([]string, error) {
	if s.budget > 0 && len(s.asked) == s.budget {
		return nil, errBudget
	}
	s.asked = append(s.asked, strings.Join(word, " "))
	at, outs := 0, []string(nil)
	for _, in := range word {
		transition := s.m.States[at].Edges[slices.Index(s.m.Inputs, in)]
		out, to := transition.Output, transition.To
		if other, ok := s.alternatives[edgeID{at, in}]; ok && s.rand.IntN(2) == 0 {
			out = other
		}
		if s.wrong > 0 && s.rand.Float64() < s.wrong {
			out = s.otherOutput(out)
		}
		if s.silent > 0 && s.rand.Float64() < s.silent {
			out = "no answer"
			if s.rand.IntN(2) == 0 {
				to = at
			}
		}
		outs, at = append(outs, out), to
	}
	return outs, nil
}

func (s *system) otherOutput(not string) string {
	var all []string
	for _, state := range s.m.States {
		for _, transition := range state.Edges {
			if transition.Output != not && !slices.Contains(all, transition.Output) {
				all = append(all, transition.Output)
			}
		}
	}
	return all[s.rand.IntN(len(all))]
}

func newSystem(m *Machine, seed uint64) *system {
	return &system{m: m, rand: rand.New(rand.NewPCG(seed, 7))}
}

// letters are names for inputs.
func letters(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("i%d", i)
	}
	return names
}

// blank is a machine in which each input has the output no and leads to what
// the function says.
func blank(states, inputs int, to func(state, input int) int) *Machine {
	m := &Machine{Inputs: letters(inputs)}
	for s := range states {
		edges := make([]Transition, inputs)
		for i := range edges {
			edges[i] = Transition{Output: "no", To: to(s, i)}
		}
		m.States = append(m.States, State{Edges: edges})
	}
	return m
}

// minimal draws machines until one has all its states and no two alike.
func minimal(seed uint64, draw func(r *rand.Rand) *Machine) *Machine {
	r := rand.New(rand.NewPCG(seed, 1))
	for {
		m := draw(r)
		small := m.inOrder()
		if len(small.States) != len(m.States) {
			continue
		}
		alike := false
		for p := range small.States {
			for q := range p {
				alike = alike || equivalent(small, p, small, q)
			}
		}
		if !alike {
			return small
		}
	}
}

// equivalent reports whether two states, of machines with the same inputs, answer
// all words alike.
func equivalent(a *Machine, p int, b *Machine, q int) bool {
	seen := map[[2]int]bool{{p, q}: true}
	for queue := [][2]int{{p, q}}; len(queue) > 0; queue = queue[1:] {
		for in := range a.Inputs {
			transition, f := a.States[queue[0][0]].Edges[in], b.States[queue[0][1]].Edges[in]
			if transition.Output != f.Output {
				return false
			}
			if next := [2]int{transition.To, f.To}; !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	return true
}

// same reports whether a machine that was learned is the one that there is.
func same(learned, m *Machine) bool {
	return learned != nil && len(learned.States) == len(m.States) && equivalent(learned, 0, m, 0)
}

// uniform draws all targets and outputs evenly.
func uniform(states, inputs, outputs int) func(*rand.Rand) *Machine {
	return func(r *rand.Rand) *Machine {
		m := blank(states, inputs, func(int, int) int { return r.IntN(states) })
		for _, state := range m.States {
			for i := range state.Edges {
				state.Edges[i].Output = fmt.Sprintf("o%d", r.IntN(outputs))
			}
		}
		return m
	}
}

// protocol draws machines like those of protocols: most inputs are refused and
// change nothing, the others lead anywhere.
func protocol(states, inputs, outputs int, refused float64) func(*rand.Rand) *Machine {
	return func(r *rand.Rand) *Machine {
		m := blank(states, inputs, func(s, _ int) int { return s })
		for s := range m.States {
			for i := range m.States[s].Edges {
				if r.Float64() >= refused {
					m.States[s].Edges[i] = Transition{Output: fmt.Sprintf("o%d", r.IntN(outputs)), To: r.IntN(states)}
				}
			}
		}
		return m
	}
}

// resets draws chains in which one input goes on, and is seen to, and each other
// one goes back to the beginning. Each input goes on in so many states.
func resets(states, inputs, each int) func(*rand.Rand) *Machine {
	return func(r *rand.Rand) *Machine {
		m := blank(states, inputs, func(int, int) int { return 0 })
		order := r.Perm(inputs * each)
		for s := range states - 1 {
			m.States[s].Edges[order[s]%inputs] = Transition{Output: "yes", To: s + 1}
		}
		m.States[states-1].Edges[order[states-1]%inputs].Output = "open"
		return m
	}
}

// lock draws protocols in which a word of the length, at one of the states, goes
// through states that cannot be told from a refusal until something else
// happens at its end.
func lock(states, inputs, outputs, hidden int) func(*rand.Rand) *Machine {
	return func(r *rand.Rand) *Machine {
		m := protocol(states-hidden, inputs, outputs, 0.6)(r)
		door := r.IntN(len(m.States))
		from := door
		for range hidden {
			state := State{Edges: slices.Clone(m.States[door].Edges)}
			m.States = append(m.States, state)
			m.States[from].Edges[r.IntN(inputs)] = Transition{Output: "no", To: len(m.States) - 1}
			from = len(m.States) - 1
		}
		m.States[from].Edges[r.IntN(inputs)].Output = "open"
		return m
	}
}

// status draws chains that one input at each state goes along silently; only one
// input tells where one is.
func status(states, inputs int) func(*rand.Rand) *Machine {
	return func(r *rand.Rand) *Machine {
		m := blank(states, inputs, func(s, _ int) int { return s })
		for s := range states {
			if s < states-1 {
				m.States[s].Edges[1+r.IntN(inputs-1)].To = s + 1
			}
			m.States[s].Edges[0].Output = fmt.Sprintf("at%d", s)
		}
		return m
	}
}
