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

// studyReference studies the reference server and reads the result from protocol.json.
func studyReference(t testing.TB) *finding.Study {
	t.Helper()
	o := newOptions(t, startServer(t, probetest.Config{}))
	mustRun(t, o)
	study, err := report.Read(strings.NewReader(readFiles(t, o.Folder)["protocol.json"]))
	if err != nil {
		t.Fatal(err)
	}
	return study
}

func checkFacts(t testing.TB, study *finding.Study, url string, only ...string) *probe.CheckSummary {
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

func TestCheckPassesOnTheStudiedServer(t *testing.T) {
	study := studyReference(t)
	r := checkFacts(t, study, startServer(t, probetest.Config{}))
	if r.StopReason != "" || len(r.Results) != len(study.Facts) {
		t.Errorf("Check tried %d of %d facts, stopped: %s", len(r.Results), len(study.Facts), r.StopReason)
	}
	if tried := len(r.Results) - r.CountSkipped(); tried < 50 {
		t.Errorf("Check sent %d facts, want at least 50", tried)
	}
	for _, result := range r.Results {
		if !result.Passed && !result.Skipped {
			t.Errorf("%s: %s", result.Fact.ID, result.Message)
		}
	}
}

func TestCheckReportsChangedBehaviour(t *testing.T) {
	study := studyReference(t)
	r := checkFacts(t, study, startServer(t, probetest.Config{Mutant: "list-descending"}))
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
		t.Errorf("%d of %d facts fail, want some, and at most half", failed, len(r.Results))
	}
}

func TestCheckTriesOnlyTheSelectedFacts(t *testing.T) {
	study := studyReference(t)
	url := startServer(t, probetest.Config{})
	id := ""
	for _, fact := range study.Facts {
		if len(fact.Witness) > 0 && fact.Grade == finding.Observed {
			id = fact.ID
		}
	}
	if r := checkFacts(t, study, url, id); len(r.Results) != 1 || r.CountFailed()+r.CountSkipped() != 0 {
		t.Errorf("got %+v, want one passed result", r.Results)
	}
	if r := checkFacts(t, study, url, "List/*"); len(r.Results) == 0 || len(r.Results) == len(study.Facts) {
		t.Errorf("got %d results for List/*, want some, but not all", len(r.Results))
	}
	experiment, err := probe.ExperimentOfStudy(study, journal.Overrides{}, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	_, err = probe.Check(context.Background(), probe.CheckOptions{Experiment: experiment, ServerURL: url,
		RecordedStudy: study, FactIDs: []string{"none"}})
	var refusal *probe.SetupError
	if !errors.As(err, &refusal) {
		t.Errorf("got the error %v, want a SetupError", err)
	}
}

func TestCheckSkipsFactsThatCannotBeTried(t *testing.T) {
	study := studyReference(t)
	study.Facts = []finding.Fact{
		{ID: "contested", Grade: finding.Contested, Witness: []finding.WitnessStep{{Step: "a Login"}}},
		{ID: "no witness", Grade: finding.Inferred},
		{ID: "no such command", Grade: finding.Observed, Witness: []finding.WitnessStep{{Step: "a Xyzzy"}}},
	}
	r := checkFacts(t, study, startServer(t, probetest.Config{}))
	for i, want := range []string{"it is contested", "it has no witness", "there is no command Xyzzy"} {
		if result := r.Results[i]; !result.Skipped || !strings.Contains(result.Message, want) {
			t.Errorf("%s: got %+v, want it skipped because %s", result.Fact.ID, result, want)
		}
	}
}

// Facts with the same witness, and facts whose witness begins another, need one experiment.
func TestCheckTriesASharedWitnessOnce(t *testing.T) {
	study := studyReference(t)
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
		Experiment: experiment, ServerURL: startServer(t, probetest.Config{}), RecordedStudy: study,
		OnProgress: func(p probe.StudyProgress) { sent = p.Sent },
	})
	if err != nil {
		t.Fatal(err)
	}
	// All roles log in, the friendship takes 2 requests, the control URLs 5. The experiment of 2
	// requests runs twice, because no fact passes.
	if want := len(experiment.File.Accounts) + 2 + 5 + 2*2; sent != want {
		t.Errorf("Check sent %d requests, want %d", sent, want)
	}
}
