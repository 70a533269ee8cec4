package main

import (
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/probetest/truth"
)

// judgeFacts holds what a study states of the server against what the server should do. It
// returns how much of that is stated.
func judgeFacts(t *testing.T, facts []finding.Fact) (recall float64) {
	t.Helper()
	table, err := truth.Rookery()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range table.Judge(facts) {
		t.Error(problem)
	}
	missing, of := table.Missing(facts)
	t.Logf("of %d facts of the protocol %d are not stated", of, len(missing))
	for _, r := range missing {
		t.Logf("not stated: %s = %s", r.ID, r.Value)
	}
	return 1 - float64(len(missing))/float64(of)
}
