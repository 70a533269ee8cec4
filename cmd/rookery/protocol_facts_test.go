package main

import (
	"slices"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/probetest/truth"
)

// judgeFacts compares the facts that a study states with the table of what is true of
// the server. It returns the share of the table that the facts cover. version is the
// version of the experiment file's requests. The table has separate rows for facts that
// depend on it.
func judgeFacts(t *testing.T, facts []finding.Fact, version string) (recall float64) {
	t.Helper()
	facts = slices.Clone(facts)
	for i := range facts {
		if facts[i].ID == "*/transport/line-end-after-a-record/of-answers" && version != "1.4" {
			facts[i].ID += "/VER=" + version
		}
	}
	table, err := truth.Rookery()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range table.Judge(facts) {
		t.Error(problem)
	}
	missing, total := table.Missing(facts)
	t.Logf("%d of %d facts of the protocol are not stated", len(missing), total)
	for _, r := range missing {
		t.Logf("not stated: %s = %s", r.ID, r.Value)
	}
	return 1 - float64(len(missing))/float64(total)
}
