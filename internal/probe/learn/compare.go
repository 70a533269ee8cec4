package learn

import "slices"

// Divergence is a pair of states, reached by the same word in two machines, that
// answer an input differently.
type Divergence struct {
	// A and B are the states before the input.
	A, B  int
	Input string
	// Word is a shortest one that shows it; it ends in Input.
	Word             []string
	OutputA, OutputB string
	// Behind says that each such word already shows another divergence before.
	Behind bool
}

// Separate returns a shortest word that the machines answer differently. Inputs
// that only one of them has are left out, and so is all that is unknown or not
// deterministic in one of them.
func Separate(a, b *Machine) (word []string, differs bool) {
	p := newProduct(a, b)
	p.walk(func(d Divergence) bool {
		word, differs = d.Word, true
		return false
	})
	return word, differs
}

// Divergences returns all pairs of states and inputs that the machines answer
// differently, also those behind other divergences, with a shortest word for
// each. Pairs that can be reached without a divergence are reached so, even
// where the word is longer: there a word shows one divergence only. What
// Separate leaves out is left out.
func Divergences(a, b *Machine) []Divergence {
	var all []Divergence
	newProduct(a, b).walk(func(d Divergence) bool {
		all = append(all, d)
		return true
	})
	return all
}

// product walks two machines in step.
type product struct {
	a, b *Machine
	// inputs are the common ones, as positions in a and b.
	inputs [][2]int
}

func newProduct(a, b *Machine) *product {
	p := &product{a: a, b: b}
	for i, in := range a.Inputs {
		if j := slices.Index(b.Inputs, in); j >= 0 {
			p.inputs = append(p.inputs, [2]int{i, j})
		}
	}
	return p
}

type pair struct {
	a, b   int
	word   []string
	behind bool
}

// walk goes breadth first, and goes on behind divergences only when all that
// can be reached without one has been seen.
func (p *product) walk(found func(Divergence) bool) {
	type states struct{ a, b int }
	seen := map[states]bool{{0, 0}: true}
	queue, behind := []pair{{}}, []pair(nil)
	for len(queue) > 0 || len(behind) > 0 {
		if len(queue) == 0 {
			queue, behind = behind, nil
			queue = slices.DeleteFunc(queue, func(at pair) bool {
				s := states{at.a, at.b}
				if seen[s] {
					return true
				}
				seen[s] = true
				return false
			})
			continue
		}
		at := queue[0]
		queue = queue[1:]
		for _, in := range p.inputs {
			e, f := p.a.States[at.a].Edges[in[0]], p.b.States[at.b].Edges[in[1]]
			if !e.certain() || !f.certain() {
				continue
			}
			word := append(slices.Clone(at.word), p.a.Inputs[in[0]])
			next := pair{e.To, f.To, word, at.behind || e.Output != f.Output}
			if e.Output != f.Output {
				d := Divergence{at.a, at.b, p.a.Inputs[in[0]], word, e.Output, f.Output, at.behind}
				if !found(d) {
					return
				}
				behind = append(behind, next)
				continue
			}
			if s := (states{e.To, f.To}); !seen[s] {
				seen[s] = true
				queue = append(queue, next)
			}
		}
	}
}
