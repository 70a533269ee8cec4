package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// A CheckResult is what became of a recorded fact when it was tried again.
type CheckResult struct {
	Fact    finding.Fact
	Passed  bool
	Skipped bool
	// Message is why it failed or was skipped.
	Message string
	Seconds float64
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     seconds      `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     seconds     `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Time    seconds    `xml:"time,attr"`
	Failure *junitNote `xml:"failure"`
	Skipped *junitNote `xml:"skipped"`
}

type junitNote struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// seconds are written with three digits: some readers stumble over exponents.
type seconds float64

func (s seconds) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%.3f", float64(s)), nil }

// JUnit writes the results of a check in the XML that CI servers read: a test
// suite for each aspect, a test case for each fact.
func JUnit(w io.Writer, results []CheckResult) error {
	all := junitSuites{Name: "rookery probe check"}
	for _, aspect := range aspectsOf(results) {
		suite := junitSuite{Name: visible(string(aspect))}
		for _, checkResult := range results {
			if checkResult.Fact.Aspect == aspect {
				suite.add(checkResult)
			}
		}
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Skipped += suite.Skipped
		all.Time += suite.Time
		all.Suites = append(all.Suites, suite)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

// aspectsOf gives the known aspects in their order, then others as they come.
func aspectsOf(results []CheckResult) []finding.Aspect {
	facts := make([]finding.Fact, len(results))
	for i, checkResult := range results {
		facts[i] = checkResult.Fact
	}
	return factAspects(facts)
}

func (s *junitSuite) add(checkResult CheckResult) {
	command := checkResult.Fact.Command
	if command == "*" {
		command = "all"
	}
	c := junitCase{
		Name:  visible(checkResult.Fact.ID), // it stays the same when a value changes
		Class: visible(string(checkResult.Fact.Aspect) + "." + command),
		Time:  seconds(checkResult.Seconds),
	}
	switch {
	case checkResult.Skipped:
		c.Skipped = &junitNote{Message: visible(checkResult.Message)}
		s.Skipped++
	case !checkResult.Passed:
		c.Failure = &junitNote{Message: visible(checkResult.Message), Text: failureText(checkResult.Fact)}
		s.Failures++
	}
	s.Tests++
	s.Time += c.Time
	s.Cases = append(s.Cases, c)
}

// failureText says how to see for oneself.
func failureText(fact finding.Fact) string {
	lines := []string{visible(fact.Statement)}
	for _, step := range fact.Witness {
		lines = append(lines, visible(step.Step))
		if step.Answer != "" {
			lines = append(lines, "    expected: "+visible(step.Answer))
		}
	}
	if fact.Replay != "" {
		lines = append(lines, "again: "+visible(fact.Replay))
	}
	return strings.Join(lines, "\n")
}
