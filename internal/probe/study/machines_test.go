package study

import (
	"os"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/learn"
)

func TestReportOmitsTrivialAndContradictedMachines(t *testing.T) {
	const path = "../compare/testdata/reference.yaml"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := experiment.Parse(path, text, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	steps := func(lines ...string) (steps []experiment.Step) {
		for _, line := range lines {
			step, err := file.ParseStep(line)
			if err != nil {
				t.Fatal(err)
			}
			steps = append(steps, step)
		}
		return steps
	}
	edge := func(output string, to int) learn.Transition { return learn.Transition{Output: output, Target: to} }
	one := []learn.State{{Transitions: []learn.Transition{edge("not logged in", 0), edge("ok", 0)}}}
	two := []learn.State{
		{Transitions: []learn.Transition{edge("not logged in", 0), edge("ok", 1)}},
		{AccessWord: []string{"a Login"}, Transitions: []learn.Transition{edge("ok", 1), edge("ok", 1)}},
	}
	refused := &lab.Trace{Steps: steps("a List"), Answers: []lab.Answer{{Status: 404}}}
	for _, c := range []struct {
		name   string
		states []learn.State
		traces []*lab.Trace
		gap    string
	}{
		{"two states", two, nil, ""},
		{"one state", one, nil, "no answer depended on what came before"},
		{"another answer", two, []*lab.Trace{refused}, "contradicts other traces: a List"},
	} {
		s := &study{Config: Config{File: file}, findings: &finding.Study{}, traces: c.traces}
		system := s.newSystemUnderTest(machineAspect{name: "session", inputs: steps("a List", "a Login")})
		system.learned = &learn.Result{Machine: &learn.Machine{Inputs: system.inputNames, States: c.states}}
		s.learnedSystems = []*systemUnderTest{system}
		s.reportMachines()
		switch {
		case c.gap == "" && (len(s.findings.Machines) != 1 || len(s.findings.Untested) != 0):
			t.Errorf("%s: %d machines, untested %v", c.name, len(s.findings.Machines), s.findings.Untested)
		case c.gap != "" && (len(s.findings.Machines) != 0 || len(s.findings.Untested) != 1 ||
			!strings.Contains(s.findings.Untested[0].Why, c.gap)):
			t.Errorf("%s: %d machines, untested %v", c.name, len(s.findings.Machines), s.findings.Untested)
		}
	}
}
