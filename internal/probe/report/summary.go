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
func summary(study *finding.Study) []block {
	var out []block
	for _, scenario := range study.Scenarios {
		out = append(out, heading(scenario.Name))
		follows := byWeight(scenarioFacts(study, scenario), func(finding.Fact) bool { return true })
		if len(follows) == 0 {
			out = append(out, says(textSpan{Text: plural(len(scenario.Steps), "step") + "; "}, to("see its answers", "scenarios"),
				textSpan{Text: "."}))
			continue
		}
		out = append(out, limited(follows, scenarioShown, "scenarios")...)
	}
	out = append(out, heading("Commands"))
	if len(study.Commands) == 0 {
		out = append(out, para("No command was studied."))
	}
	out = append(out, commandTable(study)...)
	stated := map[string]bool{}
	for _, fact := range study.Facts {
		stated[fact.ID] = inCommandTable(fact)
	}
	for _, scenario := range study.Scenarios {
		for _, id := range scenario.Facts {
			stated[id] = true
		}
	}
	out = append(out, rules(study, stated, "Sessions", finding.AspectSession)...)
	out = append(out, timers(study, stated)...)
	out = append(out, rules(study, stated, "Messages", finding.AspectMessage)...)
	out = append(out, rules(study, stated, "Who sees whom", finding.AspectPresence, finding.AspectFriendship)...)
	out = append(out, heading("Findings, weightiest first"))
	rest := byWeight(study.Facts, func(fact finding.Fact) bool { return sure(fact) && !stated[fact.ID] })
	if len(rest) == 0 && len(stated) == 0 {
		out = append(out, para("No fact was observed or confirmed."))
	}
	out = append(out, limited(spread(rest), findingsShown, "facts")...)
	if list := ofGrade(study.Facts, finding.Contested); len(list) > 0 {
		out = append(out, heading("Contested"), block{List: statements(list)})
	}
	return append(out, gradeCounts(study))
}

func gradeCounts(study *finding.Study) block {
	var parts []string
	for _, grade := range finding.Grades() {
		parts = append(parts, fmt.Sprintf("%s %s", count(len(ofGrade(study.Facts, grade))), grade))
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

func rules(study *finding.Study, stated map[string]bool, title string, aspects ...finding.Aspect) []block {
	facts := byWeight(study.Facts, func(fact finding.Fact) bool {
		return sure(fact) && slices.Contains(aspects, fact.Aspect) && !stated[fact.ID]
	})
	for _, fact := range facts {
		stated[fact.ID] = true
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
	for _, fact := range facts {
		key := [3]string{string(fact.Grade), string(fact.Aspect), fact.Claim}
		if met[key] {
			rest = append(rest, fact)
		} else {
			first = append(first, fact)
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
func timers(study *finding.Study, stated map[string]bool) []block {
	var list [][]textSpan
	for _, timer := range study.Timers {
		for _, fact := range study.Facts {
			if fact.Aspect == finding.AspectTimer && fact.Name == timer.Name {
				stated[fact.ID] = true // the timer's line says it
			}
		}
		line := []textSpan{bold(timer.Name), {Text: ": " + timerLength(timer)}}
		if timer.Kind != "" && timer.Kind != "not known" {
			line = append(line, textSpan{Text: ", " + timer.Kind})
		}
		if len(timer.RefreshedBy) > 0 {
			line = append(line, textSpan{Text: "; put off by " + strings.Join(timer.RefreshedBy, ", ")})
		}
		if len(timer.NotBy) > 0 {
			line = append(line, textSpan{Text: "; not by " + strings.Join(timer.NotBy, ", ")})
		}
		list = append(list, append(line, textSpan{Text: "."}, soft(" "+plural(len(timer.Points), "look"))))
	}
	if list == nil {
		return []block{heading("Timers"), para("No timer was found.")}
	}
	return []block{heading("Timers"), {List: list}}
}

func timerLength(timer finding.Timer) string {
	switch {
	case timer.High == 0 || timer.High < timer.Low:
		return "not over after " + lasting(timer.Low)
	case timer.Low == 0:
		return "over after " + lasting(timer.High) + " at most"
	case lasting(timer.Low) == lasting(timer.High):
		return "ends after " + lasting(timer.Low)
	}
	return "ends between " + lasting(timer.Low) + " and " + lasting(timer.High)
}

// commandTable says of each command what a newcomer wants to know.
func commandTable(study *finding.Study) []block {
	var out [][]tableCell
	for _, command := range study.Commands {
		name := tableCell{bold(command.Name)}
		if !command.Works {
			name = append(name, soft(" never done"))
		}
		if command.Session == "needed" {
			name = append(name, soft(" needs a login"))
		}
		purpose := strings.Join(command.Purposes, ", ")
		if command.Effect != "" {
			purpose = strings.TrimPrefix(purpose+"; "+command.Effect, "; ")
		}
		required, optional := keysOf(study, command)
		out = append(out, []tableCell{name, plainCell(purpose), required, optional, wires(command.AnswerKeys), codesOf(study, command)})
	}
	if out == nil {
		return nil
	}
	legend := says(soft("A question mark: it is not known whether the key is needed."))
	return append(rows([]string{"Command", "Purpose", "Required", "Optional", "Answer, in order", "Codes"}, out), legend)
}

// inCommandTable tells facts that the table of commands shows: they are no news
// below it.
func inCommandTable(fact finding.Fact) bool {
	switch {
	case fact.Aspect == finding.AspectParameter:
		return strings.HasPrefix(fact.Claim, "numbers ") ||
			slices.Contains([]string{"presence", "default", "longest", "most", "type"}, fact.Claim)
	case fact.Aspect == finding.AspectField:
		return fact.Claim == "order" || fact.Claim == "answer" || strings.HasPrefix(fact.Claim, "can be ")
	}
	return fact.Aspect == finding.AspectSession && fact.Claim == "needs"
}

// keysOf parts a command's keys into those that are required and the others, each
// with what is known of its default and its range.
func keysOf(study *finding.Study, command finding.CommandSummary) (required, optional tableCell) {
	for _, key := range command.RequestKeys {
		var known []string
		need := false
		for _, fact := range study.Facts {
			if fact.Command != command.Name || fact.Aspect != finding.AspectParameter || fact.Name != key ||
				!(sure(fact) || fact.Grade == finding.Inferred) {
				continue
			}
			switch fact.Claim {
			case "presence":
				need = fact.Value == "required"
				if fact.Value == "optional" {
					known = append(known, "")
				}
			case "default":
				known = append(known, "="+fact.Value)
			case "longest":
				known = append(known, "at most "+fact.Value+" bytes")
			case "most":
				known = append(known, "at most "+fact.Value)
			case "meaning", "type":
				known = append(known, fact.Value)
			default:
				if edge, ok := strings.CutPrefix(fact.Claim, "numbers "); ok {
					known = append(known, edge+": "+fact.Value)
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

func codesOf(study *finding.Study, command finding.CommandSummary) tableCell {
	var codes []string
	for _, codeUsage := range study.Codes {
		if codeUsage.Command == command.Name && !slices.Contains(codes, or(codeUsage.Code, "none")) {
			codes = append(codes, or(codeUsage.Code, "none"))
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
