package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// CheckResult is the result of checking one fact.
type CheckResult struct {
	Fact    finding.Fact
	Passed  bool
	Skipped bool
	// Message says why the fact failed or was skipped.
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
	Time     junitSeconds `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     junitSeconds `xml:"time,attr"`
	Cases    []junitCase  `xml:"testcase"`
}

type junitCase struct {
	Name    string       `xml:"name,attr"`
	Class   string       `xml:"classname,attr"`
	Time    junitSeconds `xml:"time,attr"`
	Failure *junitNote   `xml:"failure"`
	Skipped *junitNote   `xml:"skipped"`
}

type junitNote struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// junitSeconds are formatted with three decimals, because some readers do not accept
// exponents.
type junitSeconds float64

func (s junitSeconds) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%.3f", float64(s)), nil }

// JUnit writes check results as JUnit XML, with a test suite per aspect and a test case
// per fact.
func JUnit(writer io.Writer, results []CheckResult) error {
	suites := junitSuites{Name: "rookery probe check"}
	for _, aspect := range aspectsOf(results) {
		suite := junitSuite{Name: escapeInvisible(string(aspect))}
		for _, result := range results {
			if result.Fact.Aspect == aspect {
				suite.addCase(result)
			}
		}
		suites.Tests += suite.Tests
		suites.Failures += suite.Failures
		suites.Skipped += suite.Skipped
		suites.Time += suite.Time
		suites.Suites = append(suites.Suites, suite)
	}
	text, err := xml.MarshalIndent(suites, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(writer, "%s%s\n", xml.Header, text)
	return err
}

// aspectsOf gives the known aspects in their order, then others as they come.
func aspectsOf(results []CheckResult) []finding.Aspect {
	facts := make([]finding.Fact, len(results))
	for i, result := range results {
		facts[i] = result.Fact
	}
	return presentAspects(facts)
}

func (s *junitSuite) addCase(result CheckResult) {
	command := result.Fact.Command
	if command == "*" {
		command = "all"
	}
	testCase := junitCase{
		Name:  escapeInvisible(result.Fact.ID), // an ID does not change when a value changes
		Class: escapeInvisible(string(result.Fact.Aspect) + "." + command),
		Time:  junitSeconds(result.Seconds),
	}
	switch {
	case result.Skipped:
		testCase.Skipped = &junitNote{Message: escapeInvisible(result.Message)}
		s.Skipped++
	case !result.Passed:
		testCase.Failure = &junitNote{Message: escapeInvisible(result.Message), Text: describeFailure(result.Fact)}
		s.Failures++
	}
	s.Tests++
	s.Time += testCase.Time
	s.Cases = append(s.Cases, testCase)
}

// describeFailure shows the steps that reproduce a failure.
func describeFailure(fact finding.Fact) string {
	lines := []string{escapeInvisible(fact.Statement)}
	for _, step := range fact.Witness {
		lines = append(lines, escapeInvisible(step.Step))
		if step.Answer != "" {
			lines = append(lines, "    expected: "+escapeInvisible(step.Answer))
		}
	}
	if fact.Replay != "" {
		lines = append(lines, "again: "+escapeInvisible(fact.Replay))
	}
	return strings.Join(lines, "\n")
}
