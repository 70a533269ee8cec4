package report

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// randomMachine has that many states; of its transitions most stay where they
// are, as those of servers do.
func randomMachine(seed uint64, states, inputs int) finding.Machine {
	rnd := rand.New(rand.NewPCG(seed, 7))
	m := finding.Machine{Aspect: fmt.Sprintf("random %d", seed)}
	for i := range inputs {
		m.Inputs = append(m.Inputs, fmt.Sprintf("a Command%d KEY=%d", i, i*i*i))
	}
	for i := range states {
		m.States = append(m.States, finding.State{Name: fmt.Sprintf("s%d", i)})
	}
	for i := range states {
		for j, input := range m.Inputs {
			to := i
			if rnd.IntN(4) == 0 {
				to = rnd.IntN(states)
			}
			if j == 0 {
				to = min(i+1, states-1)
			}
			m.Transitions = append(m.Transitions, finding.Transition{
				From: m.States[i].Name, Input: input, Output: fmt.Sprintf("RES=%d", rnd.IntN(21)), To: m.States[to].Name,
			})
		}
	}
	return m
}

func TestNothingInADiagramLiesOnAnything(t *testing.T) {
	for seed := range uint64(30) {
		m := randomMachine(seed, 1+int(seed)%13, 1+int(seed*5)%17)
		d := diagramOf(m, 0)
		type area struct{ x, y, w, h float64 }
		var areas []area
		for _, b := range d.Boxes {
			areas = append(areas, area{b.X, b.Y, b.W, b.H})
		}
		for _, l := range d.Labels {
			areas = append(areas, area{l.X, l.Y, l.W, l.H})
		}
		for i, a := range areas {
			if a.x < 0 || a.y < 0 || a.x+a.w > d.Width || a.y+a.h > d.Height {
				t.Errorf("seed %d: %+v lies outside of %v x %v", seed, a, d.Width, d.Height)
			}
			for _, b := range areas[i+1:] {
				if a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h {
					t.Errorf("seed %d: %+v and %+v overlap", seed, a, b)
				}
			}
		}
	}
}

// Lines bend between layers only, so it is enough to look at where they pass
// layers.
func TestNoLineRunsThroughABoxOrALabel(t *testing.T) {
	for seed := range uint64(30) {
		m := randomMachine(seed, 1+int(seed)%13, 1+int(seed*5)%17)
		g := graphOf(m)
		boxes, labels := g.sizes()
		l := layOut(g, boxes, labels)
		for _, layer := range l.layers {
			for i := 1; i < len(layer); i++ {
				a, b := l.spots[layer[i-1]], l.spots[layer[i]]
				if a.x+a.width/2 > b.x-b.width/2 {
					t.Errorf("seed %d: in layer %d, %+v and %+v touch", seed, a.layer, a, b)
				}
			}
		}
		for i := 1; i < len(l.layers); i++ {
			if len(l.layers[i-1]) == 0 || len(l.layers[i]) == 0 {
				continue
			}
			_, bottom := l.bounds(i - 1)
			if top, _ := l.bounds(i); top <= bottom {
				t.Errorf("seed %d: layers %d and %d overlap", seed, i-1, i)
			}
		}
	}
}
