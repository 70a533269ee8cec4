package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

const (
	maxScenarioFacts = 20 // facts per scenario in the summary
	maxAspectFacts   = 12 // facts per group of aspects
	maxFindings      = 20
)

// summaryBlocks says what the protocol does.
func summaryBlocks(study *finding.Study) []reportBlock {
	var blocks []reportBlock
	for _, scenario := range study.Scenarios {
		blocks = append(blocks, headingBlock(scenario.Name))
		scenarioResults := selectBySurprise(scenarioFacts(study, scenario), func(finding.Fact) bool { return true })
		if len(scenarioResults) == 0 {
			blocks = append(blocks, spansBlock(textSpan{Text: countNoun(len(scenario.Steps), "step") + "; "},
				linkSpan("see its answers", "scenarios"),
				textSpan{Text: "."}))
			continue
		}
		blocks = append(blocks, limitedList(scenarioResults, maxScenarioFacts, "scenarios")...)
	}
	blocks = append(blocks, headingBlock("Commands"))
	if len(study.Commands) == 0 {
		blocks = append(blocks, textBlock("No command was studied."))
	}
	blocks = append(blocks, commandTable(study)...)
	statedFacts := map[string]bool{}
	for _, fact := range study.Facts {
		statedFacts[fact.ID] = isInCommandTable(fact)
	}
	for _, scenario := range study.Scenarios {
		for _, id := range scenario.Facts {
			statedFacts[id] = true
		}
	}
	blocks = append(blocks, aspectBlocks(study, statedFacts, "Sessions", finding.AspectSession)...)
	blocks = append(blocks, timerBlocks(study, statedFacts)...)
	blocks = append(blocks, aspectBlocks(study, statedFacts, "Messages", finding.AspectMessage)...)
	blocks = append(blocks, aspectBlocks(study, statedFacts, "Who sees whom", finding.AspectPresence,
		finding.AspectFriendship)...)
	blocks = append(blocks, headingBlock("Findings, weightiest first"))
	remaining := selectBySurprise(study.Facts, func(fact finding.Fact) bool {
		return isSupported(fact) &&
			!statedFacts[fact.ID]
	})
	if len(remaining) == 0 && len(statedFacts) == 0 {
		blocks = append(blocks, textBlock("No fact was observed or confirmed."))
	}
	blocks = append(blocks, limitedList(spreadClaims(remaining), maxFindings, "facts")...)
	if list := factsOfGrade(study.Facts, finding.Contested); len(list) > 0 {
		blocks = append(blocks, headingBlock("Contested"), reportBlock{List: statementList(list)})
	}
	return append(blocks, gradeCounts(study))
}

func gradeCounts(study *finding.Study) reportBlock {
	var parts []string
	for _, grade := range finding.Grades() {
		parts = append(parts, fmt.Sprintf("%s %s", formatCount(len(factsOfGrade(study.Facts, grade))), grade))
	}
	return spansBlock(boldSpan("Facts: "), textSpan{Text: strings.Join(parts, ", ") + "."})
}

func limitedList(facts []finding.Fact, maximum int, link string) []reportBlock {
	if len(facts) == 0 {
		return nil
	}
	items := statementList(facts[:min(maximum, len(facts))])
	if count := len(facts) - maximum; count > 0 {
		items = append(items, []textSpan{linkSpan(formatCount(count)+" more", link)})
	}
	return []reportBlock{{List: items}}
}

func aspectBlocks(study *finding.Study, statedFacts map[string]bool, title string,
	aspects ...finding.Aspect) []reportBlock {
	facts := selectBySurprise(study.Facts, func(fact finding.Fact) bool {
		return isSupported(fact) && slices.Contains(aspects, fact.Aspect) && !statedFacts[fact.ID]
	})
	for _, fact := range facts {
		statedFacts[fact.ID] = true
	}
	if len(facts) == 0 {
		return nil
	}
	return append([]reportBlock{headingBlock(title)}, limitedList(facts, maxAspectFacts, "facts")...)
}

// spreadClaims moves the first fact of each aspect and claim before the others of its
// grade, because several facts with the same claim about different keys say little more
// than one.
func spreadClaims(facts []finding.Fact) []finding.Fact {
	var first, remaining []finding.Fact
	seenClaims := map[[3]string]bool{}
	for _, fact := range facts {
		key := [3]string{string(fact.Grade), string(fact.Aspect), fact.Claim}
		if seenClaims[key] {
			remaining = append(remaining, fact)
		} else {
			first = append(first, fact)
		}
		seenClaims[key] = true
	}
	return sortByGrade(append(first, remaining...))
}

func sortByGrade(facts []finding.Fact) []finding.Fact {
	slices.SortStableFunc(facts,
		func(left, right finding.Fact) int { return gradeRank(left.Grade) - gradeRank(right.Grade) })
	return facts
}

// timerBlocks shows one line per timer, and marks the timers' facts as stated.
func timerBlocks(study *finding.Study, statedFacts map[string]bool) []reportBlock {
	var items [][]textSpan
	for _, timer := range study.Timers {
		for _, fact := range study.Facts {
			if fact.Aspect == finding.AspectTimer && fact.Name == timer.Name {
				statedFacts[fact.ID] = true // the timer's line shows it
			}
		}
		line := []textSpan{boldSpan(timer.Name), {Text: ": " + describeTimer(timer)}}
		if timer.Kind != "" && timer.Kind != "not known" {
			line = append(line, textSpan{Text: ", " + timer.Kind})
		}
		if len(timer.RefreshedBy) > 0 {
			line = append(line, textSpan{Text: "; put off by " + strings.Join(timer.RefreshedBy, ", ")})
		}
		if len(timer.NotBy) > 0 {
			line = append(line, textSpan{Text: "; not by " + strings.Join(timer.NotBy, ", ")})
		}
		items = append(items, append(line, textSpan{Text: "."}, faintSpan(" "+countNoun(len(timer.Points), "look"))))
	}
	if items == nil {
		return []reportBlock{headingBlock("Timers"), textBlock("No timer was found.")}
	}
	return []reportBlock{headingBlock("Timers"), {List: items}}
}

func describeTimer(timer finding.Timer) string {
	switch {
	case timer.High == 0 || timer.High < timer.Low:
		return "not over after " + formatSeconds(timer.Low)
	case timer.Low == 0:
		return "over after " + formatSeconds(timer.High) + " at most"
	case formatSeconds(timer.Low) == formatSeconds(timer.High):
		return "ends after " + formatSeconds(timer.Low)
	}
	return "ends between " + formatSeconds(timer.Low) + " and " + formatSeconds(timer.High)
}

// commandTable shows one row per command.
func commandTable(study *finding.Study) []reportBlock {
	var tableRows [][]tableCell
	for _, command := range study.Commands {
		name := tableCell{boldSpan(command.Name)}
		if !command.Works {
			name = append(name, faintSpan(" never done"))
		}
		if command.Session == "needed" {
			name = append(name, faintSpan(" needs a login"))
		}
		purpose := strings.Join(command.Purposes, ", ")
		if command.Effect != "" {
			purpose = strings.TrimPrefix(purpose+"; "+command.Effect, "; ")
		}
		required, optional := requestKeyCells(study, command)
		tableRows = append(tableRows, []tableCell{name, plainCell(purpose), required, optional,
			codeSpans(command.AnswerKeys), codeCell(study, command)})
	}
	if tableRows == nil {
		return nil
	}
	legend := spansBlock(faintSpan("A question mark: it is not known whether the key is needed."))
	return append(tableBlocks([]string{"Command", "Purpose", "Required", "Optional", "Answer, in order", "Codes"},
		tableRows), legend)
}

// isInCommandTable reports whether the table of commands shows the fact, so that the
// summary need not repeat it.
func isInCommandTable(fact finding.Fact) bool {
	switch {
	case fact.Aspect == finding.AspectParameter:
		return strings.HasPrefix(fact.Claim, "numbers ") ||
			slices.Contains([]string{"presence", "default", "longest", "most", "type"}, fact.Claim)
	case fact.Aspect == finding.AspectField:
		return fact.Claim == "order" || fact.Claim == "answer" || strings.HasPrefix(fact.Claim, "can be ")
	}
	return fact.Aspect == finding.AspectSession && fact.Claim == "needs"
}

// requestKeyCells splits a command's keys into required and optional ones, each with its
// known default and range.
func requestKeyCells(study *finding.Study, command finding.CommandSummary) (required, optional tableCell) {
	for _, key := range command.RequestKeys {
		var details []string
		isRequired := false
		for _, fact := range study.Facts {
			if fact.Command != command.Name || fact.Aspect != finding.AspectParameter || fact.Name != key ||
				!(isSupported(fact) || fact.Grade == finding.Inferred) {
				continue
			}
			switch fact.Claim {
			case "presence":
				isRequired = fact.Value == "required"
				if fact.Value == "optional" {
					details = append(details, "")
				}
			case "default":
				details = append(details, "="+fact.Value)
			case "longest":
				details = append(details, "at most "+fact.Value+" bytes")
			case "most":
				details = append(details, "at most "+fact.Value)
			case "meaning", "type":
				details = append(details, fact.Value)
			default:
				if edge, ok := strings.CutPrefix(fact.Claim, "numbers "); ok {
					details = append(details, edge+": "+fact.Value)
				}
			}
		}
		item := tableCell{codeSpan(key)}
		if !isRequired && len(details) == 0 {
			item = append(item, faintSpan("?"))
		}
		details = slices.DeleteFunc(details, func(part string) bool { return part == "" })
		if len(details) > 0 {
			item = append(item, faintSpan(" ("+strings.Join(details, ", ")+")"))
		}
		item = append(item, textSpan{Text: " "})
		if isRequired {
			required = append(required, item...)
		} else {
			optional = append(optional, item...)
		}
	}
	return required, optional
}

func codeCell(study *finding.Study, command finding.CommandSummary) tableCell {
	var codes []string
	for _, usage := range study.Codes {
		if usage.Command == command.Name && !slices.Contains(codes, cmp.Or(usage.Code, "none")) {
			codes = append(codes, cmp.Or(usage.Code, "none"))
		}
	}
	var cell tableCell
	for i, code := range codes {
		if i > 0 {
			cell = append(cell, textSpan{Text: ", "})
		}
		cell = append(cell, codeSpan(code))
	}
	return cell
}
