package study

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// codeServer answers each request with a fixed code for its command.
type codeServer struct {
	codes map[string]string
	made  int
}

func (c *codeServer) Sent() int { return 0 }

func (c *codeServer) Run(_ context.Context, steps []experiment.Step, _ uint64) (*lab.Trace, error) {
	c.made++
	trace := &lab.Trace{ID: fmt.Sprintf("a%d", c.made), Steps: steps}
	for i, step := range steps {
		trace.Answers = append(trace.Answers, lab.Answer{
			ID: fmt.Sprintf("%s.%d", trace.ID, i+1), Status: 200, IsRecord: true,
			Fields: []lab.Field{{Key: "RES", Raw: c.codes[step.Command], Value: c.codes[step.Command]}},
		})
	}
	return trace, nil
}

// codeStudy returns a study of such a server without a limit.
func codeStudy(t *testing.T, c *codeServer) *study {
	t.Helper()
	text, err := os.ReadFile("../compare/testdata/reference.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file, err := experiment.Parse("reference.yaml", text, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return &study{
		Config: Config{File: file, Subject: c, ConfirmFacts: true}, ctx: t.Context(), findings: &finding.Study{},
		facts:    newFactSet(file),
		volatile: make(volatileFields), actor: "a", friend: "b", stranger: "stranger", requestLimit: 1 << 30,
	}
}

const cannotList = "List/field/RES/can-be-RES=9/never-logged-in"

// Three requests of one session and one of each of two others are five requests in three sessions.
func TestCodeCountsItsSessions(t *testing.T) {
	study := codeStudy(t, &codeServer{codes: map[string]string{"List": "9"}})
	list := experiment.Step{Role: "a", Command: "List"}
	for _, steps := range [][]experiment.Step{{list, list, list}, {list}, {list}} {
		if _, err := study.runExperiment(steps...); err != nil {
			t.Fatal(err)
		}
	}
	study.stateCodes()
	stated := study.facts.byID[cannotList]
	if stated == nil || stated.Observations != 5 || stated.Sessions != 3 {
		t.Errorf("got the fact %+v", stated)
	}
	study.stateCodes() // must not count anything twice
	if stated.Observations != 5 || stated.Sessions != 3 {
		t.Errorf("after a second count: got the fact %+v", stated)
	}
}

func TestFieldCountsItsSessions(t *testing.T) {
	study := codeStudy(t, &codeServer{codes: map[string]string{"List": "0"}})
	list := experiment.Step{Role: "a", Command: "List"}
	for _, steps := range [][]experiment.Step{{list, list}, {list}, {list}, {list}} {
		if _, err := study.runExperiment(steps...); err != nil {
			t.Fatal(err)
		}
	}
	stated := &statedFact{}
	study.countObservations(stated, study.collectSamples("List"), func(*fieldSample) bool { return true })
	if stated.Observations != 5 || stated.Sessions != 4 {
		t.Errorf("got %d observations in %d sessions, want 5 in 4", stated.Observations, stated.Sessions)
	}
}

// Facts about codes are repeated like other facts, also with another account active before.
func TestCodesAreConfirmedWithAnotherAccountActive(t *testing.T) {
	c := &codeServer{codes: map[string]string{"List": "9", "Login": "0", "Logout": "0"}}
	study := codeStudy(t, c)
	list := experiment.Step{Role: "a", Command: "List"}
	if _, err := study.runExperiment(list); err != nil {
		t.Fatal(err)
	}
	if err := study.confirmFacts(); err != nil {
		t.Fatal(err)
	}
	stated := study.facts.byID[cannotList]
	if stated == nil || stated.Attacks != 1 || stated.Grade != finding.Confirmed || stated.Observations != 4 {
		t.Errorf("got the fact %+v", stated)
	}

	// A code that does not recur becomes contested.
	study = codeStudy(t, c)
	if _, err := study.runExperiment(list); err != nil {
		t.Fatal(err)
	}
	c.codes["List"] = "8"
	if err := study.confirmFacts(); err != nil {
		t.Fatal(err)
	}
	if stated := study.facts.byID[cannotList]; stated == nil || stated.Grade != finding.Contested ||
		stated.Attacks != 0 {
		t.Errorf("the code did not recur: got %+v, want a contested fact", stated)
	}
}

// A small budget is used for facts of scenarios first.
func TestScenarioFactsAreConfirmedFirst(t *testing.T) {
	c := &codeServer{codes: map[string]string{"List": "0", "Query_Stat": "0", "Login": "0", "Logout": "0"}}
	study := codeStudy(t, c)
	step := func(line string) experiment.Step {
		parsed, err := study.File.ParseStep(line)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for command, steps := range map[string][]experiment.Step{
		"Query_Stat": {step("a Query_Stat")},
		"List":       {step("a Login"), step("a List"), step("a List TN=1"), step("a List TN=2")},
	} {
		trace, err := study.runExperiment(steps...)
		if err != nil {
			t.Fatal(err)
		}
		index := len(steps) - 1
		study.stateFact(finding.Fact{Command: command, Aspect: finding.AspectParameter, Name: "TN", Claim: "shown",
			Value: "yes"}, trace, index)
	}
	study.findings.Scenarios = []finding.ScenarioRecord{{Facts: []string{"List/parameter/TN/shown"}}}
	if first := study.witnessGroups()[0]; first.facts[0].Command != "List" {
		t.Errorf("got %s first, want a fact of the scenario", first.facts[0].ID)
	}
	study.requestLimit = 15 // the scenario needs 16 for four repetitions
	if first := study.witnessGroups()[0]; first.facts[0].Command != "Query_Stat" {
		t.Errorf("got %s first, which exceeds the budget", first.facts[0].ID)
	}
}
