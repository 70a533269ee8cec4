package probe_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/probetest"
	"github.com/rookery-im/rookery/internal/probe/report"
)

// studied is what a study of the reference server has found, as protocol.json has
// it.
func studied(t testing.TB) *finding.Study {
	t.Helper()
	o := options(t, serve(t, probetest.Config{}))
	run(t, o)
	study, err := report.Read(strings.NewReader(files(t, o.Folder)["protocol.json"]))
	if err != nil {
		t.Fatal(err)
	}
	return study
}

func factCheck(t testing.TB, study *finding.Study, url string, only ...string) *probe.CheckSummary {
	t.Helper()
	experiment, err := probe.ExperimentOfStudy(study, journal.Overrides{}, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	r, err := probe.Check(context.Background(), probe.CheckOptions{Experiment: experiment, ServerURL: url,
		RecordedStudy: study, FactIDs: only})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFactsHoldOnTheirServer(t *testing.T) {
	study := studied(t)
	r := factCheck(t, study, serve(t, probetest.Config{}))
	if r.StopReason != "" || len(r.Results) != len(study.Facts) {
		t.Errorf("%d of %d facts, stopped: %s", len(r.Results), len(study.Facts), r.StopReason)
	}
	if tried := len(r.Results) - r.CountSkipped(); tried < 50 {
		t.Errorf("only %d facts were tried", tried)
	}
	for _, result := range r.Results {
		if !result.Passed && !result.Skipped {
			t.Errorf("%s: %s", result.Fact.ID, result.Message)
		}
	}
}

func TestCheckReportsAFactThatDoesNotHold(t *testing.T) {
	study := studied(t)
	r := factCheck(t, study, serve(t, probetest.Config{Mutant: "list-descending"}))
	failed := 0
	for _, result := range r.Results {
		if result.Passed || result.Skipped {
			continue
		}
		failed++
		if !strings.Contains(result.Message, " is answered ") {
			t.Errorf("%s: %s", result.Fact.ID, result.Message)
		}
	}
	if failed == 0 || failed != r.CountFailed() || failed > len(r.Results)/2 {
		t.Errorf("%d of %d fail", failed, len(r.Results))
	}
}

func TestCheckTriesOnlyTheSelectedFacts(t *testing.T) {
	study := studied(t)
	url := serve(t, probetest.Config{})
	id := ""
	for _, fact := range study.Facts {
		if len(fact.Witness) > 0 && fact.Grade == finding.Observed {
			id = fact.ID
		}
	}
	if r := factCheck(t, study, url, id); len(r.Results) != 1 || r.CountFailed()+r.CountSkipped() != 0 {
		t.Errorf("%+v", r.Results)
	}
	if r := factCheck(t, study, url, "List/*"); len(r.Results) == 0 || len(r.Results) == len(study.Facts) {
		t.Errorf("%d results", len(r.Results))
	}
	experiment, err := probe.ExperimentOfStudy(study, journal.Overrides{}, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	_, err = probe.Check(context.Background(), probe.CheckOptions{Experiment: experiment, ServerURL: url,
		RecordedStudy: study, FactIDs: []string{"none"}})
	var refusal *probe.SetupError
	if !errors.As(err, &refusal) {
		t.Error(err)
	}
}

func TestCheckSkipsFactsThatCannotBeTried(t *testing.T) {
	study := studied(t)
	study.Facts = []finding.Fact{
		{ID: "contested", Grade: finding.Contested, Witness: []finding.WitnessStep{{Step: "a Login"}}},
		{ID: "no witness", Grade: finding.Inferred},
		{ID: "no such command", Grade: finding.Observed, Witness: []finding.WitnessStep{{Step: "a Xyzzy"}}},
	}
	r := factCheck(t, study, serve(t, probetest.Config{}))
	for i, want := range []string{"it is contested", "it has no witness", "there is no command Xyzzy"} {
		if result := r.Results[i]; !result.Skipped || !strings.Contains(result.Message, want) {
			t.Errorf("%s: %+v", result.Fact.ID, result)
		}
	}
}

// Facts of one experiment, and of those that it begins with, take one experiment.
func TestFactsThatShareAWitnessAreTriedTogether(t *testing.T) {
	study := studied(t)
	list := finding.WitnessStep{Step: "a List", Answer: ""}
	login := finding.WitnessStep{Step: "a Login", Answer: ""}
	for i := range 20 {
		fact := finding.Fact{ID: strings.Repeat("x", i+1), Grade: finding.Observed,
			Witness: []finding.WitnessStep{login, list}}
		if i%2 == 0 {
			fact.Witness = fact.Witness[:1]
		}
		study.Facts = append(study.Facts, fact)
	}
	study.Facts = study.Facts[len(study.Facts)-20:]
	experiment, err := probe.ExperimentOfStudy(study, journal.Overrides{}, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	_, err = probe.Check(context.Background(), probe.CheckOptions{
		Experiment: experiment, ServerURL: serve(t, probetest.Config{}), RecordedStudy: study,
		OnProgress: func(p probe.StudyProgress) { sent = p.Sent },
	})
	if err != nil {
		t.Fatal(err)
	}
	// The logins of all roles, the look at the one friendship, the tests of both control
	// URLs, then twice the experiment, since nothing holds.
	if want := len(experiment.File.Accounts) + 2 + 5 + 2*2; sent != want {
		t.Errorf("%d requests, want %d", sent, want)
	}
}
