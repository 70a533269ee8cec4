package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// surestShown is how many facts of an aspect stand on the page of findings.
const surestShown = 4

// An aspectFacts holds the facts of an aspect that are worth the first page.
type aspectFacts struct {
	Aspect finding.Aspect
	About  string
	Facts  []finding.Fact
	More   int
}

// aspectAbout says what each aspect is about, in the words of finding.
var aspectAbout = map[finding.Aspect]string{
	finding.Session:    "who counts as logged in",
	finding.Parameter:  "what requests may hold",
	finding.FieldOf:    "what answers hold",
	finding.Paging:     "how long lists are read",
	finding.TimerOf:    "what ends by itself, and when",
	finding.Presence:   "who sees which status",
	finding.Message:    "what arrives, how often, in which order",
	finding.Friendship: "lists and requests",
	finding.Encoding:   "escapes and charsets",
	finding.Transport:  "HTTP, connections, no answer at all",
}

// factAspects gives the aspects that facts have: the known ones in their order,
// then others as they come.
func factAspects(facts []finding.Fact) []finding.Aspect {
	var out []finding.Aspect
	for _, known := range finding.Aspects() {
		if slices.ContainsFunc(facts, func(f finding.Fact) bool { return f.Aspect == known }) {
			out = append(out, known)
		}
	}
	for _, f := range facts {
		if !slices.Contains(out, f.Aspect) {
			out = append(out, f.Aspect)
		}
	}
	return out
}

// surest chooses the facts of the first page: those that were confirmed or
// observed, by aspect.
func surest(facts []finding.Fact) []aspectFacts {
	var out []aspectFacts
	for _, aspect := range factAspects(facts) {
		var good []finding.Fact
		for _, f := range facts {
			if f.Aspect == aspect && (f.Grade == finding.Confirmed || f.Grade == finding.Observed) {
				good = append(good, f)
			}
		}
		if len(good) == 0 {
			continue
		}
		slices.SortStableFunc(good, surer)
		good = oneOfEachFirst(good)
		shown := min(len(good), surestShown)
		out = append(out, aspectFacts{aspect, aspectAbout[aspect], good[:shown], len(good) - shown})
	}
	return out
}

func surer(a, b finding.Fact) int {
	return cmp.Or(
		cmp.Compare(gradeRank(a.Grade), gradeRank(b.Grade)),
		cmp.Compare(b.Attacks, a.Attacks),
		cmp.Compare(b.Sessions, a.Sessions),
		cmp.Compare(b.Observations, a.Observations),
	)
}

func gradeRank(g finding.Grade) int {
	if i := slices.Index(finding.Grades(), g); i >= 0 {
		return i
	}
	return len(finding.Grades())
}

// oneOfEachFirst puts the first fact of each command and claim before the others
// of the same grade: four facts that say the same of four keys tell little.
func oneOfEachFirst(facts []finding.Fact) []finding.Fact {
	var first, rest []finding.Fact
	for _, f := range facts {
		same := func(o finding.Fact) bool { return o.Command == f.Command && f.Command != "*" || o.Claim == f.Claim }
		if slices.ContainsFunc(first, same) {
			rest = append(rest, f)
		} else {
			first = append(first, f)
		}
	}
	all := append(first, rest...)
	slices.SortStableFunc(all, func(a, b finding.Fact) int { return cmp.Compare(gradeRank(a.Grade), gradeRank(b.Grade)) })
	return all
}

// ofGrade gives the facts of a grade.
func ofGrade(facts []finding.Fact, g finding.Grade) []finding.Fact {
	var out []finding.Fact
	for _, f := range facts {
		if f.Grade == g {
			out = append(out, f)
		}
	}
	return out
}

// A gradeCount says how many facts have a grade.
type gradeCount struct {
	Grade finding.Grade
	Count int
	Means string
}

var gradeMeans = map[finding.Grade]string{
	finding.Confirmed: "seen often enough, in two sessions, and attacked in vain",
	finding.Observed:  "seen as often as it says, and nothing against it",
	finding.Inferred:  "follows from other facts, not seen itself",
	finding.Contested: "seen, and its opposite too",
	finding.Refuted:   "thought, and shown wrong",
	finding.Untested:  "neither seen nor refuted",
}

func countGrades(facts []finding.Fact) []gradeCount {
	var out []gradeCount
	for _, g := range finding.Grades() {
		out = append(out, gradeCount{g, len(ofGrade(facts, g)), gradeMeans[g]})
	}
	return out
}

// gaps are what was not tested: what the study says so itself, and the facts
// that no experiment was made for.
func gaps(s *finding.Study) []finding.Gap {
	out := slices.Clone(s.Untested)
	for _, f := range ofGrade(s.Facts, finding.Untested) {
		out = append(out, finding.Gap{What: about(f), Why: strings.TrimSuffix(sentence(f.Statement)+" "+f.Bound, " ")})
	}
	return out
}

// wholeness says in a sentence how far a study came that nobody stopped.
func wholeness(s *finding.Study) string {
	switch {
	case len(s.Phases) == 0:
		return "No phase was begun."
	case slices.ContainsFunc(s.Phases, func(p finding.Phase) bool { return p.Ended != "" }):
		return "All phases were begun; which of them ended early is told in the transcript index."
	}
	return "The study is whole: every phase came to its end."
}

// noGap is what is said if nothing is known to be untested.
func noGap(s *finding.Study) string {
	if len(s.Facts) == 0 {
		return "Nothing was tested."
	}
	return "Nothing that was planned was left out. What no plan asks for is told under method and limits."
}

// about names what a fact is about.
func about(f finding.Fact) string {
	if f.Command != "*" && f.Aspect == finding.Parameter && f.Name != "" {
		return f.Command + "." + f.Name
	}
	return all(f.Command)
}

// noNoise is what is said if no field is known to be noise.
func noNoise(s *finding.Study) string {
	if s.Tries == 0 {
		return "No equal requests were made."
	}
	return "Equal requests got equal answers: no field had to be masked."
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
func subject(f finding.Fact) string {
	if f.Command == "*" || strings.HasPrefix(f.Statement, f.Command) {
		return ""
	}
	return f.Command
}

// A factGroup holds all facts of a command.
type factGroup struct {
	Command   string
	Facts     []finding.Fact
	Confirmed int
}

// factsByCommand groups the facts: those of all commands first, then by command
// in the study's order, surest first within each aspect.
func factsByCommand(s *finding.Study) []factGroup {
	names := []string{"*"}
	for _, c := range s.Commands {
		names = append(names, c.Name)
	}
	for _, f := range s.Facts {
		if !slices.Contains(names, f.Command) {
			names = append(names, f.Command)
		}
	}
	aspects := factAspects(s.Facts)
	var out []factGroup
	for _, name := range names {
		g := factGroup{Command: name}
		for _, f := range s.Facts {
			if f.Command == name {
				g.Facts = append(g.Facts, f)
			}
		}
		if len(g.Facts) == 0 {
			continue
		}
		g.Confirmed = len(ofGrade(g.Facts, finding.Confirmed))
		slices.SortStableFunc(g.Facts, func(a, b finding.Fact) int {
			return cmp.Or(
				cmp.Compare(slices.Index(aspects, a.Aspect), slices.Index(aspects, b.Aspect)),
				cmp.Compare(gradeRank(a.Grade), gradeRank(b.Grade)))
		})
		out = append(out, g)
	}
	return out
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
func support(f finding.Fact) string {
	if f.Observations == 0 && f.Attacks == 0 {
		return "not observed"
	}
	parts := []string{plural(f.Observations, "observation"), plural(f.Sessions, "session")}
	if f.Attacks > 0 {
		parts = append(parts, plural(f.Attacks, "attack"))
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
