package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// parameterTables shows the variants of each parameter, grouped by outcome.
func parameterTables(study *finding.Study) []reportBlock {
	if len(study.Matrix) == 0 {
		return []reportBlock{textBlock("No parameter was varied.")}
	}
	blocks := []reportBlock{
		textBlock("Same: the answer is that of the base request. Other: done, with another answer.")}
	for _, command := range matrixCommands(study.Matrix) {
		var tableRows [][]tableCell
		for _, row := range study.Matrix {
			if row.Command == command {
				tableRows = append(tableRows, []tableCell{{codeSpan(row.Key), faintSpan(" " + row.Type)},
					variantsByOutcome(row)})
			}
		}
		title := command + ": " + countNoun(len(tableRows), "parameter")
		blocks = append(blocks, foldedBlock(title, tableBlocks([]string{"Key", "Variants by outcome"}, tableRows)...))
	}
	return blocks
}

func matrixCommands(rows []finding.MatrixRow) []string {
	var names []string
	for _, row := range rows {
		if !slices.Contains(names, row.Command) {
			names = append(names, row.Command)
		}
	}
	return names
}

// variantsByOutcome groups a row's variants, such as "refused RES=1: -1, x, 1.5, empty".
func variantsByOutcome(row finding.MatrixRow) tableCell {
	var outcomes []string
	variants := map[string][]string{}
	for _, cell := range row.Cells {
		outcome := cell.Outcome
		if cell.Code != "" && outcome != "same" {
			outcome += " " + cell.Code
		}
		if variants[outcome] == nil {
			outcomes = append(outcomes, outcome)
		}
		variants[outcome] = append(variants[outcome], cmp.Or(cell.Variant, "empty"))
	}
	if outcomes == nil {
		return tableCell{faintSpan("not varied")}
	}
	var cell tableCell
	for i, outcome := range outcomes {
		if i > 0 {
			cell = append(cell, textSpan{Text: "; "})
		}
		cell = append(cell, boldSpan(outcome+": "), textSpan{Text: strings.Join(variants[outcome], ", ")})
	}
	return cell
}

func fieldTables(study *finding.Study) []reportBlock {
	var blocks []reportBlock
	if len(study.Fields) == 0 {
		blocks = append(blocks, textBlock("No answer's fields were studied."))
	}
	for _, name := range commandNames(study) {
		var tableRows [][]tableCell
		for _, field := range fieldsInOrder(study.Fields, name) {
			holds := field.Kind
			if field.Of != "" {
				holds += " of " + field.Of
			}
			tableRows = append(tableRows, []tableCell{plainCell(strconv.Itoa(field.Place)), {codeSpan(field.Key)},
				plainCell(holds), codeSpans(firstValues(field.Values)),
				plainCell(cmp.Or(field.When, "always")), plainCell(string(field.Grade))})
		}
		if tableRows != nil {
			head := []string{"Place", "Field", "Holds", "Seen", "When", "Grade"}
			blocks = append(blocks, foldedBlock(name+": "+countNoun(len(tableRows), "field"),
				tableBlocks(head, tableRows)...))
		}
	}
	// Omit facts that the table of fields shows.
	related := selectBySurprise(study.Facts, func(fact finding.Fact) bool {
		return fact.Aspect == finding.AspectField && fact.Grade != finding.Refuted && fact.Grade != finding.Untested &&
			!slices.ContainsFunc(study.Fields, func(field finding.AnswerField) bool {
				return field.Command == fact.Command && field.Key == fact.Name &&
					(field.Kind == fact.Claim || fact.Claim == "is")
			})
	})
	if len(related) == 0 {
		return append(blocks, textBlock("No relation between fields was found."))
	}
	return append(blocks, foldedBlock("Relations and orders", reportBlock{List: statementList(related)}))
}

func fieldsInOrder(fields []finding.AnswerField, command string) []finding.AnswerField {
	var selected []finding.AnswerField
	for _, field := range fields {
		if field.Command == command {
			selected = append(selected, field)
		}
	}
	slices.SortStableFunc(selected, func(left, right finding.AnswerField) int { return left.Place - right.Place })
	return selected
}

func codeTable(study *finding.Study) []reportBlock {
	if len(study.Codes) == 0 {
		return []reportBlock{textBlock("No codes were counted.")}
	}
	head := []string{"Command"}
	var commands []string
	cells := map[[2]string]tableCell{}
	for _, usage := range study.Codes {
		if !slices.Contains(head[1:], usage.State) {
			head = append(head, usage.State)
		}
		if !slices.Contains(commands, usage.Command) {
			commands = append(commands, usage.Command)
		}
		cellKey := [2]string{usage.Command, usage.State}
		cells[cellKey] = append(cells[cellKey], boldSpan(cmp.Or(usage.Code, "none")),
			faintSpan(" ×"+formatCount(usage.Count)+" "))
	}
	var tableRows [][]tableCell
	for _, command := range commands {
		row := []tableCell{plainCell(command)}
		for _, state := range head[1:] {
			row = append(row, cells[[2]string{command, state}])
		}
		tableRows = append(tableRows, row)
	}
	return tableBlocks(head, tableRows)
}

const (
	pageEndElements = 4 // at each end of a page
	walkEndPages    = 5 // at each end of a walk
)

func pageWalkTables(study *finding.Study) []reportBlock {
	var out []reportBlock
	for _, walk := range study.Walks {
		total := 0
		var tableRows [][]tableCell
		for i, page := range walk.Pages {
			total += len(page.Elements)
			switch count := len(walk.Pages); {
			case count > 2*walkEndPages+1 && i == walkEndPages:
				more := faintSpan(countNoun(count-2*walkEndPages, "page") + " more of the kind")
				tableRows = append(tableRows, []tableCell{plainCell("…"), nil, {more}, nil, nil})
			case count <= 2*walkEndPages+1 || i < walkEndPages || i >= count-walkEndPages:
				tableRows = append(tableRows, []tableCell{plainCell(strconv.Itoa(i + 1)),
					{codeSpan(cmp.Or(page.Cursor, "start"))},
					elementSpans(page.Elements), {codeSpan(page.Marker)}, {faintSpan(page.ID)}})
			}
		}
		title := fmt.Sprintf("%s as %s: %s on %s", walk.Command, walk.Role, countNoun(total, "element"),
			countNoun(len(walk.Pages), "page"))
		if walk.Size > 0 {
			title += fmt.Sprintf(", %d asked for at a time", walk.Size)
		}
		blocks := tableBlocks([]string{"Page", "From", "Elements", "Marker", "Entry"}, tableRows)
		out = append(out, foldedBlock(title, append(blocks,
			textBlock(endSentence(cmp.Or(walk.Ended, "It is not known how it ended"))))...))
	}
	if out == nil {
		return []reportBlock{textBlock("No list was read page by page.")}
	}
	return out
}

func elementSpans(values []string) tableCell {
	if hidden := len(values) - 2*pageEndElements; hidden > 1 {
		cell := append(codeSpans(values[:pageEndElements]), faintSpan(fmt.Sprintf(" … %d more … ", hidden)))
		return append(cell, codeSpans(values[len(values)-pageEndElements:])...)
	}
	if len(values) == 0 {
		return tableCell{faintSpan("none")}
	}
	return codeSpans(values)
}

// firstValues returns the first few values.
func firstValues(values []string) []string {
	const most = 6
	var names []string
	for _, value := range values[:min(most, len(values))] {
		names = append(names, cmp.Or(value, "(empty)"))
	}
	if len(values) > most {
		names = append(names, "…")
	}
	return names
}

func exampleBlocks(study *finding.Study) []reportBlock {
	var blocks []reportBlock
	for i, command := range study.Commands {
		if exchange := command.Example; exchange.Request != "" {
			shown := &exchangeBlock{anchorName("command", i), command.Name + " " + exchange.ID, exchange.Request,
				[]receivedAnswer{{"", unmarkedPieces(exchange.Response)}}}
			blocks = append(blocks, reportBlock{Exchange: shown})
		}
	}
	if blocks == nil {
		return []reportBlock{textBlock("No request was done.")}
	}
	return blocks
}

func anchorName(kind string, count int) string { return fmt.Sprintf("%s-%d", kind, count+1) }

// entryAnchors maps transcript entries to their anchors on the page.
func entryAnchors(study *finding.Study) map[string]string {
	anchors := map[string]string{}
	for i, command := range study.Commands {
		if command.Example.Request != "" {
			anchors[command.Example.ID] = anchorName("command", i)
		}
	}
	return anchors
}

func differencesSection(study *finding.Study) []reportBlock {
	if len(study.Differences) == 0 {
		text := "No difference was found. That is bounded by the number of requests above."
		if len(study.Sightings) > 0 {
			text = "No difference showed each time it was looked for; " +
				countNoun(len(study.Sightings), "sighting") + " did not show again."
		}
		return []reportBlock{textBlock(text)}
	}
	blocks := []reportBlock{textBlock(fmt.Sprintf("The servers differ in %s.",
		countNoun(len(study.Differences), "way")))}
	for i, difference := range study.Differences {
		blocks = append(blocks, differenceBlocks(i, difference)...)
	}
	return blocks
}

func sightingsSection(study *finding.Study) []reportBlock {
	blocks := []reportBlock{
		textBlock("The servers differed in these once. The same steps were sent again, and that did not show.")}
	for i, difference := range study.Sightings {
		blocks = append(blocks, differenceBlocks(i, difference)...)
	}
	return blocks
}

func differenceBlocks(count int, difference finding.ServerDifference) []reportBlock {
	title := fmt.Sprintf("%d. %s, %s: %s", count+1, commandTitle(difference.Command), difference.Aspect,
		difference.Name)
	blocks := []reportBlock{headingBlock(title), textBlock(endSentence(difference.Summary))}
	for i, pairedExchange := range difference.Witness {
		if pairedExchange.Wait > 0 {
			blocks = append(blocks, textBlock(formatSeconds(pairedExchange.Wait)+" go by."))
			continue
		}
		exchange := &exchangeBlock{Title: fmt.Sprintf("%d. %s", i+1, cmp.Or(pairedExchange.Step, pairedExchange.Role)),
			Sent: pairedExchange.Request}
		if len(pairedExchange.RequestBase64) > 0 {
			exchange.Sent = shortenMiddle(escapeInvisible(string(pairedExchange.RequestBase64)))
		}
		left, right := markDifferences(pairedExchange.A, pairedExchange.B)
		exchange.Received = []receivedAnswer{{"A", left}, {"B", right}}
		blocks = append(blocks, reportBlock{Exchange: exchange})
	}
	if difference.Replayed != "" {
		blocks = append(blocks, textBlock("Shown "+difference.Replayed+" times."))
	}
	if len(difference.Commands) > 0 {
		blocks = append(blocks, textBlock("Differ alike: "+strings.Join(difference.Commands, ", ")+"."))
	}
	return blocks
}
