package learn

import (
	"fmt"
	"os"
	"testing"
)

func TestDebugNoise(t *testing.T) {
	if os.Getenv("LEARN_STRESS") == "" {
		t.Skip()
	}
	for _, k := range []kind{small[3], large[4], small[1]} {
		for seed := range uint64(50) {
			m := minimal(seed, k.draw)
			s := newSystem(m, seed)
			s.alternatives = map[edgeID]string{}
			at := edgeID{int(seed) % len(m.States), m.Inputs[3]}
			s.alternatives[at] = "other"
			r := learnOnce(t, s, Config{Inputs: m.Inputs, Seed: seed, HSI: true})
			w, differs := Separate(r.Machine, m)
			if !differs && len(r.Nondeterministic) == 1 && len(r.Machine.States) == len(m.States) {
				continue
			}
			t.Log(k.name, seed, at, m.States[at.state].Access, m.States[at.state].Edges[3], w, len(r.Machine.States), r.Counterexamples, r.Conflicts, r.Guarantee(), r.Queries, fmt.Sprint(r.Nondeterministic))
		}
	}
}
