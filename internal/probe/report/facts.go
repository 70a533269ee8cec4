package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// factAspects gives the aspects that facts have: the known ones in their order,
// then others as they come.
func factAspects(facts []finding.Fact) []finding.Aspect {
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

func sure(fact finding.Fact) bool {
	return fact.Grade == finding.Confirmed || fact.Grade == finding.Observed
}

// byWeight chooses facts and puts those first that are sure and surprising. What
// many facts claim surprises nobody, unless its value is a rare one.
func byWeight(facts []finding.Fact, chosen func(finding.Fact) bool) []finding.Fact {
	type claim struct {
		aspect       finding.Aspect
		claim, value string
	}
	common := map[claim]int{}
	for _, fact := range facts {
		common[claim{fact.Aspect, fact.Claim, fact.Value}]++
		common[claim{fact.Aspect, fact.Claim, ""}]++
	}
	var out []finding.Fact
	for _, fact := range facts {
		if chosen(fact) {
			out = append(out, fact)
		}
	}
	slices.SortStableFunc(out, func(a, b finding.Fact) int {
		return cmp.Or(
			cmp.Compare(gradeRank(a.Grade), gradeRank(b.Grade)),
			cmp.Compare(common[claim{a.Aspect, a.Claim, ""}], common[claim{b.Aspect, b.Claim, ""}]),
			cmp.Compare(common[claim{a.Aspect, a.Claim, a.Value}], common[claim{b.Aspect, b.Claim, b.Value}]),
			cmp.Compare(b.Attacks, a.Attacks),
			cmp.Compare(b.Sessions, a.Sessions),
			cmp.Compare(b.Observations, a.Observations),
		)
	})
	return out
}

func gradeRank(grade finding.Grade) int {
	if i := slices.Index(finding.Grades(), grade); i >= 0 {
		return i
	}
	return len(finding.Grades())
}

func ofGrade(facts []finding.Fact, grade finding.Grade) []finding.Fact {
	var out []finding.Fact
	for _, fact := range facts {
		if fact.Grade == grade {
			out = append(out, fact)
		}
	}
	return out
}

var gradeMeans = map[finding.Grade]string{
	finding.Confirmed: "seen often enough, in two sessions, and attacked in vain",
	finding.Observed:  "seen as often as it says, and nothing against it",
	finding.Inferred:  "follows from other facts, not seen itself",
	finding.Contested: "seen, and its opposite too",
	finding.Refuted:   "thought, and shown wrong",
	finding.Untested:  "neither seen nor refuted",
}

// all names a command, or all of them.
func all(command string) string {
	if command == "*" || command == "" {
		return "All commands"
	}
	return command
}

// subject is the command that has to be named before a fact's statement, "" if the
// statement does so itself.
func subject(fact finding.Fact) string {
	if fact.Command == "*" || strings.HasPrefix(fact.Statement, fact.Command) {
		return ""
	}
	return fact.Command
}

// sentence ends a statement as sentences end.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?:") {
		return s
	}
	return s + "."
}

// support says in a few words what speaks for a fact.
func support(fact finding.Fact) string {
	if fact.Observations == 0 && fact.Attacks == 0 {
		return "not observed"
	}
	parts := []string{plural(fact.Observations, "observation"), plural(fact.Sessions, "session")}
	if fact.Attacks > 0 {
		parts = append(parts, plural(fact.Attacks, "attack"))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	if word == "query" {
		word = "querie"
	}
	return count(n) + " " + word + "s"
}

// count writes a number with its thousands apart.
func count(n int) string {
	s := strconv.Itoa(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// lasting writes how long something took, or has to.
func lasting(seconds float64) string {
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

// moment writes a time of RFC 3339 as people do.
func moment(s string) string {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return at.UTC().Format("2006-01-02 15:04 UTC")
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
