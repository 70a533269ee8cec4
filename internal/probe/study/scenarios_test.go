package study_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/probetest"
	"github.com/rookery-im/rookery/internal/probe/study"
)

// runScenario studies a reference server with one scenario and the phase acquaintance.
func runScenario(t *testing.T, c probetest.Config, reset experiment.ResetKind, lines ...string) *finding.Study {
	t.Helper()
	file, l := server(t, httpQQ, c, enough)
	one := *file
	one.Reset.Kind = reset
	one.Scenarios = []experiment.Scenario{{Name: "tested scenario"}}
	for _, line := range lines {
		step, err := file.ParseStep(line)
		if err != nil {
			t.Fatal(err)
		}
		one.Scenarios[0].Steps = append(one.Scenarios[0].Steps, step)
	}
	l.File = &one
	others := slices.DeleteFunc(study.PhaseNames(),
		func(name string) bool { return name == "acquaintance" || name == "scenarios" })
	out, err := study.Run(context.Background(), study.Config{File: &one, Subject: l, MaxRequests: enough, Seed: 1,
		ConfirmFacts: true, SkippedPhases: others})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantFacts checks facts by ID: the value, and a part of the statement.
func wantFacts(t *testing.T, out *finding.Study, want map[string][2]string) {
	t.Helper()
	for id, w := range want {
		index := slices.IndexFunc(out.Facts, func(fact finding.Fact) bool { return fact.ID == id })
		switch {
		case index < 0:
			t.Errorf("the study has no fact %s", id)
		case out.Facts[index].Value != w[0] || !strings.Contains(out.Facts[index].Statement, w[1]):
			t.Errorf("%s: got %q and the statement %q", id, out.Facts[index].Value, out.Facts[index].Statement)
		}
	}
}

func TestScenarioComparesRequestsThatDifferInOneKey(t *testing.T) {
	t.Parallel()
	out := runScenario(t, probetest.Config{}, experiment.ResetURL,
		"a Login", "a Login M5=2", "a Login M5=3", "a Login M5=1 PS={secret}", "a Login M5=0 PS={secret}",
		"a Login -M5", "a Login -M5 M6=1", "a List TN=1 UN=1", "a List TN=1 UN=4294967295")
	wantFacts(t, out, map[string][2]string{
		"Login/parameter/M5/M5=0-against-M5=1,-with-PS={secret}": {
			"RES=0 RS=0, not RES=0 RS=1",
			"Login with PS={secret} is answered RES=0 RS=0 with M5=0, and RES=0 RS=1 with M5=1"},
		"Login/parameter/M6/M6=1-against-no-M6,-without-M5": {"alike",
			"gets the same answer with M6=1 and with no M6: RES=0 RS=1"},
		"List/parameter/UN/UN=4294967295-against-UN=1,-with-TN=1": {
			"SN=0 UN=, not SN=1 UN={b},",
			"List with TN=1 is answered with SN=0 UN= for UN=4294967295, and with SN=1 UN={b}, for UN=1"},
	})
	for _, fact := range out.Facts {
		if strings.Contains(fact.Claim, "M5=3 against M5=2") {
			t.Errorf("got a fact that follows from others: %s", fact.Statement)
		}
	}
	if listed := out.Scenarios[0].Facts; !slices.Contains(listed, "Login/parameter/M6/M6=1-against-no-M6,-without-M5") {
		t.Errorf("got the facts %q of the scenario", listed)
	}
}

func TestScenarioEndedByALockNamesItsUnsentSteps(t *testing.T) {
	t.Parallel()
	c := probetest.Config{Mutant: "lock-after-3"}
	out := runScenario(t, c, experiment.ResetCommands,
		"a Login", "a Login M5=2", "a Login M5=3", "a Login M5=2", "a Login", "a List", "a Login -M5", "a List TN=1")
	wantFacts(t, out, map[string][2]string{"Login/parameter/M5/with-M5=2": {"RES=0 RS=1", "with M5=2"}})
	if steps := out.Scenarios[0].Steps; len(steps) != 5 || steps[4].Step != "a Login" {
		t.Errorf("got %d steps, want 5 because of the lock", len(steps))
	}
	if !slices.ContainsFunc(out.Untested, func(item finding.UntestedItem) bool {
		return item.What == "a List; a Login -M5; a List TN=1" &&
			strings.Contains(item.Why, "a correct login is refused after wrong ones")
	}) {
		t.Errorf("the remaining steps are not recorded as untested: %+v", out.Untested)
	}
	for _, fact := range out.Facts {
		if strings.Contains(fact.Claim, "without M5") {
			t.Errorf("the step after the lock was run: %s", fact.Statement)
		}
	}
}
