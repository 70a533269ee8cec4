package learn

import (
	"os"
	"slices"
	"sort"
	"testing"
	"time"
)

func TestStress(t *testing.T) {
	if os.Getenv("LEARN_STRESS") == "" {
		t.Skip("takes minutes")
	}
	for _, mode := range []struct {
		name          string
		wrong, silent float64
		wild          int
	}{{"clean", 0, 0, 0}, {"wrong 1", .01, 0, 0}, {"wrong 3", .03, 0, 0}, {"lost 1", 0, .01, 0}, {"lost 3", 0, .03, 0}, {"wild 1", 0, 0, 1}, {"wild 2", 0, 0, 2}, {"wild 1 lost 1", 0, 0.01, 1}, {"wild 1 wrong 1", 0.01, 0, 1}} {
		for _, k := range slices.Concat(small, large) {
			right, wildRight, states := 0, 0, 0
			var qs []int
			start := time.Now()
			stopped := 0
			for seed := range uint64(50) {
				m := minimal(seed, k.draw)
				s := newSystem(m, seed)
				s.wrong, s.silent = mode.wrong, mode.silent
				s.alternatives = map[edgeID]string{}
				for w := range mode.wild {
					s.alternatives[edgeID{(int(seed) + w) % len(m.States), m.Inputs[(3+int(seed)*w)%len(m.Inputs)]}] = "other"
				}
				r := learnOnce(t, s, Config{Inputs: m.Inputs, Seed: seed, HSI: true})
				_, differs := Separate(r.Machine, m)
				if !differs && r.Stopped == nil {
					right++
				}
				if r.Stopped != nil {
					stopped++
				}
				if len(r.Nondeterministic) == len(s.alternatives) {
					wildRight++
				}
				if len(r.Machine.States) == len(m.States) {
					states++
				}
				qs = append(qs, r.Queries)
			}
			sort.Ints(qs)
			t.Logf("%-16s %-40s right %d states %d wild %d stopped %d median %d max %v %v", mode.name, k.name, right, states, wildRight, stopped, qs[25], qs[47:], time.Since(start).Round(time.Millisecond))
		}
	}
}
