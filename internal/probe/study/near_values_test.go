package study_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/probetest"
	"github.com/rookery-im/rookery/internal/probe/study"
)

// studyPhases studies a reference server with a few phases.
func studyPhases(t *testing.T, mutant string, phases ...string) *finding.Study {
	t.Helper()
	const path = "../compare/testdata/reference.yaml"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := experiment.Parse(path, text, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	s, err := probetest.New(probetest.Config{Mutant: mutant})
	if err != nil {
		t.Fatal(err)
	}
	dial, stop := s.ServeInMemory()
	t.Cleanup(stop)
	l, err := lab.New(lab.Config{File: file, URL: "http://127.0.0.1/", Name: "a", MaxRequests: 3000, Salt: 1,
		Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	others := slices.DeleteFunc(study.PhaseNames(), func(name string) bool { return slices.Contains(phases, name) })
	out, err := study.Run(context.Background(), study.Config{
		File: file, Subject: l, MaxRequests: 3000, Seed: 1, SkippedPhases: others,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Near values, large counts and pipelined requests lead to facts about a correct server, and to
// other facts about a faulty one.
func TestFactsOfNearValuesAndCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ phase, mutant, says, saysOfMutant string }{
		{"near values", "password-last-ignored", "M5=0, with another last character, is refused",
			"M5=0, with another last character, is done"},
		{"near values", "md5-and-more-passes", "with one character appended, is refused",
			"with one character appended, is done"},
		{"near values", "seq-any-case", "the same but for the case of their letters, 2 arrive",
			"the same but for the case of their letters, 1 arrive"},
		{"near values", "text-cut-at-200", "A text of 2001 bytes, with one byte a character, arrives whole",
			"A text of 161 bytes, with one byte a character, arrives whole"},
		{"counts", "away-mailbox-of-20", "that wait at once, all arrive", "that wait at once, 20 of 100 arrive"},
		{"counts", "each-25th-list-refused", "List gets the same answer 54 times in a row",
			"List gets the same answer 24 times in a row, and then a different one"},
	} {
		for mutant, want := range map[string]string{"": c.says, c.mutant: c.saysOfMutant} {
			out := studyPhases(t, mutant, "acquaintance", c.phase)
			if !slices.ContainsFunc(out.Facts,
				func(fact finding.Fact) bool { return strings.Contains(fact.Statement, want) }) {
				t.Errorf("no fact of %q says %q", mutant, want)
			}
		}
	}
}
