package study_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/probetest"
	"github.com/rookery-im/rookery/internal/probe/study"
)

// studyNoisy studies a noisy reference server on a fake clock.
func studyNoisy(t *testing.T, path string, c probetest.Config, requests int, seed uint64) *finding.Study {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := experiment.Parse(path, text, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	var out *finding.Study
	synctest.Test(t, func(t *testing.T) {
		s, err := probetest.New(c)
		if err != nil {
			t.Fatal(err)
		}
		dial, stop := s.ServeInMemory()
		defer stop()
		l, err := lab.New(lab.Config{File: file, URL: "http://127.0.0.1/", Name: "a", MaxRequests: requests, Salt: seed,
			Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		out, err = study.Run(context.Background(), study.Config{
			File: file, Subject: l, MaxRequests: requests, Seed: seed, ConfirmFacts: true, Pause: time.Sleep,
		})
		if err != nil {
			t.Fatal(err)
		}
		out.Tries, out.Faults = l.Attempts(), l.TransportFaults()
	})
	return out
}

// A volatile field is reported as such and leads to no other fact.
func TestVolatileFieldLeadsToNoOtherFact(t *testing.T) {
	t.Parallel()
	for volatile, kind := range map[string]string{"time": "clock", "id": "fresh"} {
		out := studyNoisy(t, httpQQ, probetest.Config{TimeField: true, Noise: probetest.Noise{Volatile: volatile}},
			4500, 1)
		fields := 0
		for _, fact := range out.Facts {
			switch {
			case fact.Grade == finding.Contested:
				t.Errorf("%s: %s is contested: for it %v, against it %v", volatile, fact.ID, fact.Evidence,
					fact.Against)
			case fact.Name == "TM" && fact.Claim == "is":
				if fields++; fact.Value != kind {
					t.Errorf("%s: %s is %q, want %q", volatile, fact.ID, fact.Value, kind)
				}
			case fact.Claim != "order" && (fact.Name == "TM" || slices.Contains(strings.Fields(fact.Value), "TM")):
				t.Errorf("%s: %s = %s", volatile, fact.ID, fact.Value)
			}
		}
		if fields != len(out.Commands) {
			t.Errorf("%s: the field is known of %d commands, there are %d", volatile, fields, len(out.Commands))
		}
	}
}
