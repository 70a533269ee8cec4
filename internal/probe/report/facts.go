package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// presentAspects returns the aspects of facts: known aspects in their order, then others.
func presentAspects(facts []finding.Fact) []finding.Aspect {
	var out []finding.Aspect
	for _, known := range finding.Aspects() {
		if slices.ContainsFunc(facts, func(fact finding.Fact) bool { return fact.Aspect == known }) {
			out = append(out, known)
		}
	}
	for _, fact := range facts {
		if !slices.Contains(out, fact.Aspect) {
			out = append(out, fact.Aspect)
		}
	}
	return out
}

func isSupported(fact finding.Fact) bool {
	return fact.Grade == finding.Confirmed || fact.Grade == finding.Observed
}

// selectBySurprise returns the chosen facts, most certain and most surprising first. A
// claim that many facts share is not surprising, unless its value is rare.
func selectBySurprise(facts []finding.Fact, chosen func(finding.Fact) bool) []finding.Fact {
	type claim struct {
		aspect       finding.Aspect
		claim, value string
	}
	claimCounts := map[claim]int{}
	for _, fact := range facts {
		claimCounts[claim{fact.Aspect, fact.Claim, fact.Value}]++
		claimCounts[claim{fact.Aspect, fact.Claim, ""}]++
	}
	var selected []finding.Fact
	for _, fact := range facts {
		if chosen(fact) {
			selected = append(selected, fact)
		}
	}
	slices.SortStableFunc(selected, func(left, right finding.Fact) int {
		return cmp.Or(
			cmp.Compare(gradeRank(left.Grade), gradeRank(right.Grade)),
			cmp.Compare(claimCounts[claim{left.Aspect, left.Claim, ""}],
				claimCounts[claim{right.Aspect, right.Claim, ""}]),
			cmp.Compare(claimCounts[claim{left.Aspect, left.Claim, left.Value}],
				claimCounts[claim{right.Aspect, right.Claim, right.Value}]),
			cmp.Compare(right.Attacks, left.Attacks),
			cmp.Compare(right.Sessions, left.Sessions),
			cmp.Compare(right.Observations, left.Observations),
		)
	})
	return selected
}

func gradeRank(grade finding.Grade) int {
	if i := slices.Index(finding.Grades(), grade); i >= 0 {
		return i
	}
	return len(finding.Grades())
}

func factsOfGrade(facts []finding.Fact, grade finding.Grade) []finding.Fact {
	var selected []finding.Fact
	for _, fact := range facts {
		if fact.Grade == grade {
			selected = append(selected, fact)
		}
	}
	return selected
}

var gradeMeanings = map[finding.Grade]string{
	finding.Confirmed: "seen often enough, in two sessions, and attacked in vain",
	finding.Observed:  "seen as often as it says, and nothing against it",
	finding.Inferred:  "follows from other facts, not seen itself",
	finding.Contested: "seen, and its opposite too",
	finding.Refuted:   "thought, and shown wrong",
	finding.Untested:  "neither seen nor refuted",
}

func commandTitle(command string) string {
	if command == "*" || command == "" {
		return "All commands"
	}
	return command
}

// statementSubject returns the command to write before a fact's statement, or "" if the
// statement begins with it.
func statementSubject(fact finding.Fact) string {
	if fact.Command == "*" || strings.HasPrefix(fact.Statement, fact.Command) {
		return ""
	}
	return fact.Command
}

// endSentence adds a full stop unless s ends with punctuation.
func endSentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?:") {
		return text
	}
	return text + "."
}

// describeSupport summarizes the evidence for a fact.
func describeSupport(fact finding.Fact) string {
	if fact.Observations == 0 && fact.Attacks == 0 {
		return "not observed"
	}
	parts := []string{countNoun(fact.Observations, "observation"), countNoun(fact.Sessions, "session")}
	if fact.Attacks > 0 {
		parts = append(parts, countNoun(fact.Attacks, "attack"))
	}
	return strings.Join(parts, ", ")
}

func countNoun(count int, word string) string {
	if count == 1 {
		return "1 " + word
	}
	if word == "query" {
		word = "querie"
	}
	return formatCount(count) + " " + word + "s"
}

// formatCount formats a number with thousands separators.
func formatCount(count int) string {
	text := strconv.Itoa(count)
	prefixLength := 0
	if count < 0 {
		prefixLength = 1
	}
	for i := len(text) - 3; i > prefixLength; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// formatSeconds formats a duration in units of a suitable size.
func formatSeconds(seconds float64) string {
	if seconds < 60 {
		return strconv.FormatFloat(float64(int64(seconds*10+0.5))/10, 'f', -1, 64) + " s"
	}
	var parts []string
	rest := int64(seconds + 0.5)
	for _, unit := range []struct {
		name string
		size int64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}} {
		if n := rest / unit.size; n > 0 {
			parts = append(parts, strconv.FormatInt(n, 10)+" "+unit.name)
			rest %= unit.size
		}
	}
	return strings.Join(parts, " ")
}

// formatTime formats an RFC 3339 time for people.
func formatTime(text string) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return at.UTC().Format("2006-01-02 15:04 UTC")
}
