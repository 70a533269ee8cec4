package report_test

import (
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/report"
)

func TestJUnitHasASuiteForEachAspect(t *testing.T) {
	facts := sampleFacts()
	other := fact(700, finding.Observed, "Login", "colour", "RS", "hue", "", "RS is <blue> & green")
	var result strings.Builder
	err := report.JUnit(&result, []report.CheckResult{
		{Fact: facts[5], Passed: true, Seconds: 0.0123},
		{Fact: facts[7], Message: "TN left out means 50", Seconds: 1.5},
		{Fact: facts[0], Passed: true, Seconds: 2},
		{Fact: facts[29], Skipped: true, Message: "it is destructive"},
		{Fact: other, Message: "it is <red>"},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.xml", result.String())
}

func TestJUnitOfNothingIsWellFormed(t *testing.T) {
	var result strings.Builder
	if err := report.JUnit(&result, nil); err != nil {
		t.Fatal(err)
	}
	want := `<testsuites name="rookery probe check" tests="0" failures="0" errors="0" skipped="0" time="0.000">` +
		`</testsuites>`
	if !strings.Contains(result.String(), want) {
		t.Error(result.String())
	}
}
