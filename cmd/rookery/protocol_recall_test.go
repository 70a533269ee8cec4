package main

import (
	"fmt"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/probetest/truth"
)

// compareWithProtocol holds what a study has found against what the server should do: recall
// is how many rows it states, and wrong are the facts stated as confirmed or observed that
// rows and rules contradict.
func compareWithProtocol(t *testing.T, facts []finding.Fact) (recall float64, wrong []string) {
	table, err := truth.Parse(protocolFacts)
	if err != nil {
		t.Fatal(err)
	}
	stated := make(map[string]finding.Fact)
	for _, f := range facts {
		if f.Grade == finding.Confirmed || f.Grade == finding.Observed {
			stated[f.ID] = f
		}
	}
	found, all, missing := 0, 0, ""
	for _, r := range table {
		if r.Rule {
			continue
		}
		all++
		if f, ok := stated[r.ID]; ok && r.Agrees(f.Value) {
			found++
		} else {
			missing += fmt.Sprintf("  %s = %s\n", r.ID, r.Value)
		}
	}
	wrong, unknown := table.Judge(facts)
	t.Logf("of %d facts of the protocol the prober states %d; of the %d that it states %d are wrong, and of %d the table says nothing",
		all, found, len(stated), len(wrong), len(unknown))
	t.Logf("not stated:\n%s", missing)
	return float64(found) / float64(all), wrong
}
