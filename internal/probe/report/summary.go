package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

const (
	scenarioShown = 20 // facts of a scenario on the first screen
	rulesShown    = 12 // of a kind
	findingsShown = 20
)

// summary answers what the protocol does.
func summary(s *finding.Study) []block {
	var out []block
	for _, sc := range s.Scenarios {
		out = append(out, heading(sc.Name))
		follows := byWeight(scenarioFacts(s, sc), func(finding.Fact) bool { return true })
		if len(follows) == 0 {
			out = append(out, says(textSpan{Text: plural(len(sc.Steps), "step") + "; "}, to("see its answers", "scenarios"),
				textSpan{Text: "."}))
			continue
		}
		out = append(out, limited(follows, scenarioShown, "scenarios")...)
	}
	out = append(out, heading("Commands"))
	if len(s.Commands) == 0 {
		out = append(out, para("No command was studied."))
	}
	out = append(out, commandTable(s)...)
	stated := map[string]bool{}
	for _, f := range s.Facts {
		stated[f.ID] = inCommandTable(f)
	}
	for _, sc := range s.Scenarios {
		for _, id := range sc.Facts {
			stated[id] = true
		}
	}
	out = append(out, rules(s, stated, "Sessions", finding.Session)...)
	out = append(out, timers(s, stated)...)
	out = append(out, rules(s, stated, "Messages", finding.Message)...)
	out = append(out, rules(s, stated, "Who sees whom", finding.Presence, finding.Friendship)...)
	out = append(out, heading("Findings, weightiest first"))
	rest := byWeight(s.Facts, func(f finding.Fact) bool { return sure(f) && !stated[f.ID] })
	if len(rest) == 0 && len(stated) == 0 {
		out = append(out, para("No fact was observed or confirmed."))
	}
	out = append(out, limited(spread(rest), findingsShown, "facts")...)
	if list := ofGrade(s.Facts, finding.Contested); len(list) > 0 {
		out = append(out, heading("Contested"), block{List: statements(list)})
	}
	return append(out, gradeCounts(s))
}

func gradeCounts(s *finding.Study) block {
	var parts []string
	for _, g := range finding.Grades() {
		parts = append(parts, fmt.Sprintf("%s %s", count(len(ofGrade(s.Facts, g))), g))
	}
	return says(bold("Facts: "), textSpan{Text: strings.Join(parts, ", ") + "."})
}

func limited(facts []finding.Fact, most int, link string) []block {
	if len(facts) == 0 {
		return nil
	}
	list := statements(facts[:min(most, len(facts))])
	if n := len(facts) - most; n > 0 {
		list = append(list, []textSpan{to(count(n)+" more", link)})
	}
	return []block{{List: list}}
}

func rules(s *finding.Study, stated map[string]bool, title string, aspects ...finding.Aspect) []block {
	facts := byWeight(s.Facts, func(f finding.Fact) bool {
		return sure(f) && slices.Contains(aspects, f.Aspect) && !stated[f.ID]
	})
	for _, f := range facts {
		stated[f.ID] = true
	}
	if len(facts) == 0 {
		return nil
	}
	return append([]block{heading(title)}, limited(facts, rulesShown, "facts")...)
}

// spread puts the first fact of each command and claim before the others of the same
// grade: four facts that say the same of four keys tell little.
func spread(facts []finding.Fact) []finding.Fact {
	var first, rest []finding.Fact
	met := map[[3]string]bool{}
	for _, f := range facts {
		key := [3]string{string(f.Grade), string(f.Aspect), f.Claim}
		if met[key] {
			rest = append(rest, f)
		} else {
			first = append(first, f)
		}
		met[key] = true
	}
	return byGrade(append(first, rest...))
}

func byGrade(facts []finding.Fact) []finding.Fact {
	slices.SortStableFunc(facts, func(a, b finding.Fact) int { return gradeRank(a.Grade) - gradeRank(b.Grade) })
	return facts
}

// timers gives each timer one line.
func timers(s *finding.Study, stated map[string]bool) []block {
	var list [][]textSpan
	for _, t := range s.Timers {
		for _, f := range s.Facts {
			if f.Aspect == finding.TimerOf && f.Name == t.Name {
				stated[f.ID] = true // the timer's line says it
			}
		}
		line := []textSpan{bold(t.Name), {Text: ": " + timerLength(t)}}
		if t.Kind != "" && t.Kind != "not known" {
			line = append(line, textSpan{Text: ", " + t.Kind})
		}
		if len(t.RefreshedBy) > 0 {
			line = append(line, textSpan{Text: "; put off by " + strings.Join(t.RefreshedBy, ", ")})
		}
		if len(t.NotBy) > 0 {
			line = append(line, textSpan{Text: "; not by " + strings.Join(t.NotBy, ", ")})
		}
		list = append(list, append(line, textSpan{Text: "."}, soft(" "+plural(len(t.Points), "look"))))
	}
	if list == nil {
		return []block{heading("Timers"), para("No timer was found.")}
	}
	return []block{heading("Timers"), {List: list}}
}

func timerLength(t finding.Timer) string {
	switch {
	case t.High == 0 || t.High < t.Low:
		return "not over after " + lasting(t.Low)
	case t.Low == 0:
		return "over after " + lasting(t.High) + " at most"
	case lasting(t.Low) == lasting(t.High):
		return "ends after " + lasting(t.Low)
	}
	return "ends between " + lasting(t.Low) + " and " + lasting(t.High)
}

// commandTable says of each command what a newcomer wants to know.
func commandTable(s *finding.Study) []block {
	var out [][]tableCell
	for _, c := range s.Commands {
		name := tableCell{bold(c.Name)}
		if !c.Works {
			name = append(name, soft(" never done"))
		}
		if c.Session == "needed" {
			name = append(name, soft(" needs a login"))
		}
		purpose := strings.Join(c.Does, ", ")
		if c.Effect != "" {
			purpose = strings.TrimPrefix(purpose+"; "+c.Effect, "; ")
		}
		required, optional := keysOf(s, c)
		out = append(out, []tableCell{name, plainCell(purpose), required, optional, wires(c.Fields), codesOf(s, c)})
	}
	if out == nil {
		return nil
	}
	legend := says(soft("A question mark: it is not known whether the key is needed."))
	return append(rows([]string{"Command", "Purpose", "Required", "Optional", "Answer, in order", "Codes"}, out), legend)
}

// inCommandTable tells facts that the table of commands shows: they are no news
// below it.
func inCommandTable(f finding.Fact) bool {
	switch {
	case f.Aspect == finding.Parameter:
		return strings.HasPrefix(f.Claim, "numbers ") ||
			slices.Contains([]string{"presence", "default", "longest", "most", "type"}, f.Claim)
	case f.Aspect == finding.FieldOf:
		return f.Claim == "order" || f.Claim == "answer" || strings.HasPrefix(f.Claim, "can be ")
	}
	return f.Aspect == finding.Session && f.Claim == "needs"
}

// keysOf parts a command's keys into those that are required and the others, each
// with what is known of its default and its range.
func keysOf(s *finding.Study, c finding.Command) (required, optional tableCell) {
	for _, key := range c.Parameters {
		var known []string
		need := false
		for _, f := range s.Facts {
			if f.Command != c.Name || f.Aspect != finding.Parameter || f.Name != key ||
				!(sure(f) || f.Grade == finding.Inferred) {
				continue
			}
			switch f.Claim {
			case "presence":
				need = f.Value == "required"
				if f.Value == "optional" {
					known = append(known, "")
				}
			case "default":
				known = append(known, "="+f.Value)
			case "longest":
				known = append(known, "at most "+f.Value+" bytes")
			case "most":
				known = append(known, "at most "+f.Value)
			case "meaning", "type":
				known = append(known, f.Value)
			default:
				if edge, ok := strings.CutPrefix(f.Claim, "numbers "); ok {
					known = append(known, edge+": "+f.Value)
				}
			}
		}
		item := tableCell{wire(key)}
		if !need && len(known) == 0 {
			item = append(item, soft("?"))
		}
		known = slices.DeleteFunc(known, func(k string) bool { return k == "" })
		if len(known) > 0 {
			item = append(item, soft(" ("+strings.Join(known, ", ")+")"))
		}
		item = append(item, textSpan{Text: " "})
		if need {
			required = append(required, item...)
		} else {
			optional = append(optional, item...)
		}
	}
	return required, optional
}

func codesOf(s *finding.Study, c finding.Command) tableCell {
	var codes []string
	for _, u := range s.Codes {
		if u.Command == c.Name && !slices.Contains(codes, or(u.Code, "none")) {
			codes = append(codes, or(u.Code, "none"))
		}
	}
	var out tableCell
	for i, c := range codes {
		if i > 0 {
			out = append(out, textSpan{Text: ", "})
		}
		out = append(out, wire(c))
	}
	return out
}
