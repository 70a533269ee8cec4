package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// method is what a reader has to know to judge the rest.
//
// methodText explains how the prober works, one paragraph per topic.
//
//go:embed page/method.txt
var methodText string

// documentOf builds the document of a study. The summary comes first and the evidence
// follows.
func documentOf(study *finding.Study) *reportDocument {
	readable := readableStudy(study)
	document := &reportDocument{Kind: "Study of a server", Title: cmp.Or(readable.Name, "Unnamed server"),
		Head: headBlocks(readable)}
	if isComparison(readable) {
		document.Kind = "Comparison of two servers"
		document.addSection("differences", "Differences", differencesSection(readable))
		if len(readable.Sightings) > 0 {
			document.addSection("sightings", "Seen once, and not again", sightingsSection(readable))
		}
	}
	anchors := entryAnchors(readable)
	document.addSection("summary", "What the protocol does", summaryBlocks(readable))
	document.addSection("untested", "What was not tested", untestedBlocks(readable))
	if len(readable.Scenarios) > 0 {
		document.addSection("scenarios", "Scenarios", scenarioBlocks(readable))
	}
	document.addSection("parameters", "What each parameter accepts", parameterTables(readable))
	document.addSection("fields", "What answers hold", fieldTables(readable))
	document.addSection("codes", "Codes by command and state", codeTable(readable))
	document.addSection("machines", "State machines", machineBlocks(readable))
	document.addSection("paging", "Lists, page by page", pageWalkTables(readable))
	document.addSection("noise", "Noise", volatileFieldBlocks(readable))
	document.addSection("examples", "A request of each command", exampleBlocks(readable))
	document.addSection("facts", "All facts", factTables(readable, anchors))
	document.addSection("method", "Method and limits", methodBlocks(readable))
	document.addSection("transcript", "Phases", phaseTable(readable))
	return document
}

func (d *reportDocument) addSection(id, title string, blocks []reportBlock) {
	d.Sections = append(d.Sections, reportSection{id, title, blocks})
}

func headBlocks(study *finding.Study) []reportBlock {
	var blocks []reportBlock
	for i, server := range study.Servers {
		label := "Server"
		if isComparison(study) {
			label += " " + string(rune('A'+i))
		}
		sent := 0
		if i < len(study.Requests) {
			sent = study.Requests[i]
		}
		blocks = append(blocks, spansBlock(boldSpan(label+": "), codeSpan(server),
			textSpan{Text: fmt.Sprintf(", %s of %s requests.", formatCount(sent), formatCount(study.Budget))}))
	}
	blocks = append(blocks, textBlock(fmt.Sprintf("Began %s, took %s, %s, %s, seed %d.",
		cmp.Or(formatTime(study.Began), "at a time that is not known"), formatSeconds(study.Seconds),
		countNoun(study.Tries, "experiment"), countNoun(study.Faults, "transport failure"), study.Seed)))
	if study.Stopped != "" {
		return append(blocks, noteBlock(boldSpan("Stopped early: "), textSpan{Text: endSentence(study.Stopped)},
			textSpan{Text: " What is missing is named under "}, linkSpan("what was not tested", "untested"),
			textSpan{Text: "."}))
	}
	endedEarly := slices.ContainsFunc(study.Phases, func(phase finding.PhaseSummary) bool { return phase.Ended != "" })
	switch {
	case len(study.Phases) == 0:
		blocks = append(blocks, noteBlock(textSpan{Text: "No phase was begun."}))
	case endedEarly:
		blocks = append(blocks, noteBlock(textSpan{Text: "Some phases ended early; "},
			linkSpan("the last table", "transcript"),
			textSpan{Text: " says which."}))
	}
	return blocks
}

// untestedBlocks lists what was not tested: the study's own list and the facts with the
// grade untested.
func untestedBlocks(study *finding.Study) []reportBlock {
	type reason struct {
		why  string
		more int
	}
	var reasons []reason
	itemsByReason := map[reason][]string{}
	for _, item := range study.Untested {
		r := reason{item.Why, item.Requests}
		if itemsByReason[r] == nil {
			reasons = append(reasons, r)
		}
		itemsByReason[r] = append(itemsByReason[r], item.What)
	}
	var items [][]textSpan
	for _, reason := range reasons {
		line := []textSpan{boldSpan(strings.Join(itemsByReason[reason], ", ")), {Text: ": " + endSentence(reason.why)}}
		if reason.more > 0 {
			line = append(line, textSpan{Text: fmt.Sprintf(" Some %s more would.", countNoun(reason.more, "request"))})
		}
		items = append(items, line)
	}
	for _, fact := range factsOfGrade(study.Facts, finding.Untested) {
		items = append(items, append(statementSpans(fact), faintSpan(" "+fact.Bound)))
	}
	switch {
	case len(items) > 0:
		return []reportBlock{{List: items}}
	case len(study.Facts) == 0:
		return []reportBlock{textBlock("Nothing was tested.")}
	}
	return []reportBlock{
		textBlock("Nothing that was planned was left out. What no plan asks for is told under method and limits.")}
}

// scenarioBlocks shows each scenario with its requests, its answers, and the facts that
// follow.
func scenarioBlocks(study *finding.Study) []reportBlock {
	var blocks []reportBlock
	for _, scenario := range study.Scenarios {
		blocks = append(blocks, headingBlock(scenario.Name))
		if scenarioResults := scenarioFacts(study, scenario); len(scenarioResults) > 0 {
			blocks = append(blocks, reportBlock{List: statementList(scenarioResults)})
		} else {
			blocks = append(blocks, textBlock("Comparing its answers shows nothing new."))
		}
		var steps [][]tableCell
		for i, step := range scenario.Steps {
			n := plainCell(fmt.Sprint(i + 1))
			if step.Wait > 0 {
				steps = append(steps, []tableCell{n, plainCell(formatSeconds(step.Wait) + " go by"), nil})
				continue
			}
			exchange := step.Exchange
			steps = append(steps, []tableCell{n, {codeSpan(cmp.Or(exchange.Request, step.Step))},
				{codeSpan(cmp.Or(exchange.Response, "no answer"))}})
		}
		blocks = append(blocks, tableBlocks([]string{"Step", "Sent", "Answered"}, steps)...)
	}
	return blocks
}

func scenarioFacts(study *finding.Study, scenario finding.ScenarioRecord) []finding.Fact {
	var selected []finding.Fact
	for _, id := range scenario.Facts {
		if i := slices.IndexFunc(study.Facts, func(fact finding.Fact) bool { return fact.ID == id }); i >= 0 {
			selected = append(selected, study.Facts[i])
		}
	}
	return selected
}

func statementList(facts []finding.Fact) [][]textSpan {
	var items [][]textSpan
	for _, fact := range facts {
		line := statementSpans(fact)
		if fact.Grade != finding.Confirmed {
			line = append(line, faintSpan(" ("+string(fact.Grade)+")"))
		}
		items = append(items, line)
	}
	return items
}

func volatileFieldBlocks(study *finding.Study) []reportBlock {
	switch {
	case len(study.Noise) == 0 && study.Tries == 0:
		return []reportBlock{textBlock("No equal requests were made.")}
	case len(study.Noise) == 0:
		return []reportBlock{textBlock("Equal requests got equal answers: no field had to be masked.")}
	}
	var tableRows [][]tableCell
	for _, noise := range study.Noise {
		tableRows = append(tableRows, []tableCell{plainCell(noise.Command), {codeSpan(noise.Key)},
			codeSpans(firstValues(noise.Values))})
	}
	return append(
		[]reportBlock{textBlock("These fields differ between equal requests. They are masked, each by itself.")},
		tableBlocks([]string{"Command", "Field", "Seen"}, tableRows)...)
}

func factTables(study *finding.Study, anchors map[string]string) []reportBlock {
	var blocks []reportBlock
	for _, name := range commandNames(study) {
		facts := selectBySurprise(study.Facts, func(fact finding.Fact) bool { return fact.Command == name })
		if len(facts) == 0 {
			continue
		}
		var tableRows [][]tableCell
		for _, fact := range facts {
			statement := statementSpans(fact)
			if extra := strings.TrimSpace(fact.Scope + " " + fact.Bound); extra != "" {
				statement = append(statement, faintSpan(" "+extra))
			}
			entries := evidenceSpans(fact.Evidence, anchors)
			if len(fact.Against) > 0 {
				entries = append(append(entries, textSpan{Text: "; against: "}),
					evidenceSpans(fact.Against, anchors)...)
			}
			tableRows = append(tableRows, []tableCell{plainCell(string(fact.Grade)), statement,
				{faintSpan(describeSupport(fact))}, entries})
		}
		confirmed := len(factsOfGrade(facts, finding.Confirmed))
		title := fmt.Sprintf("%s: %s, %d confirmed", commandTitle(name), countNoun(len(facts), "fact"), confirmed)
		blocks = append(blocks, foldedBlock(title,
			tableBlocks([]string{"Grade", "Fact", "Support", "Entries"}, tableRows)...))
	}
	if blocks == nil {
		return []reportBlock{textBlock("No fact was found.")}
	}
	return append([]reportBlock{spansBlock(textSpan{Text: "An entry such as "}, codeSpan("a12.3"),
		textSpan{Text: " is one of "},
		codeSpan("transcript.jsonl"),
		textSpan{Text: ": server a, experiment 12, step 3. Witnesses, all entries and the line "},
		textSpan{Text: "that shows a fact again are in "}, codeSpan("protocol.json"), textSpan{Text: "."})}, blocks...)
}

// commandNames returns "*" for all commands and then each command, in the order of the
// study.
func commandNames(study *finding.Study) []string {
	names := []string{"*"}
	for _, command := range study.Commands {
		names = append(names, command.Name)
	}
	for _, fact := range study.Facts {
		if !slices.Contains(names, fact.Command) {
			names = append(names, fact.Command)
		}
	}
	return names
}

func methodBlocks(study *finding.Study) []reportBlock {
	var blocks []reportBlock
	for _, paragraph := range strings.Split(methodText, "\n\n") {
		title, text, _ := strings.Cut(strings.Join(strings.Fields(paragraph), " "), ": ")
		blocks = append(blocks, spansBlock(boldSpan(title+". "), textSpan{Text: text}))
	}
	grades := "Each fact has a grade."
	for _, grade := range finding.Grades() {
		grades += " " + string(grade) + ": " + gradeMeanings[grade] + "."
	}
	blocks = append(blocks, spansBlock(boldSpan("Grades. "), textSpan{Text: grades}))
	if study.Experiment != "" {
		blocks = append(blocks, foldedBlock("The experiment file", reportBlock{Verbatim: study.Experiment}))
	}
	return blocks
}

func phaseTable(study *finding.Study) []reportBlock {
	if len(study.Phases) == 0 {
		return []reportBlock{textBlock("No phase was begun.")}
	}
	var tableRows [][]tableCell
	for _, phase := range study.Phases {
		tableRows = append(tableRows, []tableCell{plainCell(phase.Name), plainCell(formatCount(phase.Requests)),
			plainCell(formatSeconds(phase.Seconds)),
			plainCell(formatCount(phase.Facts)), plainCell(cmp.Or(phase.Ended, "when it was done"))})
	}
	return tableBlocks([]string{"Phase", "Requests", "Time", "Facts", "Ended"}, tableRows)
}
