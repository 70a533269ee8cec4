//go:build minutes

package learn

import (
	"slices"
	"testing"
)

// This takes some minutes, with go test -tags minutes -run Fifty; it is what the
// constants of this package were chosen by.
func TestOfFiftyMachinesHardlyOneIsWrongWhateverGoesWrong(t *testing.T) {
	for _, c := range []struct {
		name         string
		wrong, lost  float64
		alternatives int
		right        int
	}{
		{"nothing", 0, 0, 0, 49},
		{"1 % wrong", 0.01, 0, 0, 49},
		{"3 % wrong", 0.03, 0, 0, 48},
		{"1 % lost", 0, 0.01, 0, 49},
		{"3 % lost", 0, 0.03, 0, 48},
		{"an edge of two outputs", 0, 0, 1, 46},
		{"two edges of two outputs", 0, 0, 2, 40},
		{"an edge of two outputs, 1 % wrong", 0.01, 0, 1, 44},
		{"an edge of two outputs, 1 % lost", 0, 0.01, 1, 44},
	} {
		for _, k := range slices.Concat(small, large) {
			right, queries := 0, []int{}
			for seed := range uint64(50) {
				m := minimal(seed, k.draw)
				s := newSystem(m, seed)
				s.wrong, s.silent, s.alternatives = c.wrong, c.lost, map[edgeID]string{}
				for n := range c.alternatives {
					at := edgeID{(int(seed) + n) % len(m.States), m.Inputs[(3+int(seed)*n)%len(m.Inputs)]}
					s.alternatives[at] = "other"
				}
				r := learnOnce(t, s, Config{Inputs: m.Inputs, Seed: seed, HSI: true})
				if _, differs := Separate(r.Machine, m); !differs && r.Stopped == nil && len(r.Machine.States) == len(m.States) {
					right++
				}
				queries = append(queries, r.Queries)
			}
			slices.Sort(queries)
			t.Logf("%-34s %-40s right %d, queries %d, at most %d", c.name, k.name, right, queries[25], queries[49])
			if right < c.right {
				t.Errorf("%s, %s: only %d of 50 are right", c.name, k.name, right)
			}
		}
	}
}
