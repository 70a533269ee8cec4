package compare

import (
	"testing"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

func steps(values ...string) []experiment.Step {
	var all []experiment.Step
	for _, v := range values {
		step := experiment.Step{Role: "a", Command: "X"}
		if v != "" {
			step.Changes = []experiment.PairChange{{Kind: experiment.SetValue, Key: "SEQ", Value: v}}
		}
		all = append(all, step)
	}
	return all
}

func TestRemoveStepsAdjustsReferences(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to int
		last     string
		ok       bool
	}{
		{"one before the referenced step", 0, 1, "{seq:2}", true},
		{"two before the referenced step", 0, 2, "{seq:1}", true},
		{"one after the referenced step", 3, 4, "{seq:3}", true},
		{"the referenced step", 2, 3, "", false},
	} {
		remaining, ok := removeSteps(steps("", "", "", "", "{seq:3}"), c.from, c.to)
		if ok != c.ok {
			t.Errorf("%s: got ok %v", c.name, ok)
		}
		if ok && remaining[len(remaining)-1].Changes[0].Value != c.last {
			t.Errorf("%s: got %s in the last step, want %s", c.name,
				remaining[len(remaining)-1].Changes[0].Value, c.last)
		}
	}
}

func TestRemoveStepsKeepsTheOriginal(t *testing.T) {
	all := steps("", "", "{seq:2}")
	if _, ok := removeSteps(all, 0, 1); !ok || all[2].Changes[0].Value != "{seq:2}" {
		t.Errorf("removeSteps changed the original to %v", all[2].Changes)
	}
}

func TestSentencesInRefusalsAreProse(t *testing.T) {
	for text, want := range map[string]bool{
		"TN: no number, or out of range": true,
		"Password error":                 true,
		"5":                              false,
		"10 20":                          false,
		"":                               false,
		"x":                              false,
	} {
		if isProse(text) != want {
			t.Errorf("isProse(%q) = %v", text, !want)
		}
	}
}
