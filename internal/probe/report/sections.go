package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// parameters says of each parameter what became of its variants, those with one
// outcome together.
func parameters(study *finding.Study) []block {
	if len(study.Matrix) == 0 {
		return []block{para("No parameter was varied.")}
	}
	out := []block{para("Same: the answer is that of the base request. Other: done, with another answer.")}
	for _, command := range matrixCommands(study.Matrix) {
		var list [][]tableCell
		for _, row := range study.Matrix {
			if row.Command == command {
				list = append(list, []tableCell{{wire(row.Key), soft(" " + row.Type)}, outcomes(row)})
			}
		}
		title := command + ": " + plural(len(list), "parameter")
		out = append(out, folded(title, rows([]string{"Key", "Variants by outcome"}, list)...))
	}
	return out
}

func matrixCommands(rows []finding.MatrixRow) []string {
	var out []string
	for _, row := range rows {
		if !slices.Contains(out, row.Command) {
			out = append(out, row.Command)
		}
	}
	return out
}

// outcomes groups a row's variants, such as "refused RES=1: -1, x, 1.5, empty".
func outcomes(row finding.MatrixRow) tableCell {
	var order []string
	variants := map[string][]string{}
	for _, cell := range row.Cells {
		what := cell.Outcome
		if cell.Code != "" && what != "same" {
			what += " " + cell.Code
		}
		if variants[what] == nil {
			order = append(order, what)
		}
		variants[what] = append(variants[what], or(cell.Variant, "empty"))
	}
	if order == nil {
		return tableCell{soft("not varied")}
	}
	var out tableCell
	for i, what := range order {
		if i > 0 {
			out = append(out, textSpan{Text: "; "})
		}
		out = append(out, bold(what+": "), textSpan{Text: strings.Join(variants[what], ", ")})
	}
	return out
}

func fields(study *finding.Study) []block {
	var out []block
	if len(study.Fields) == 0 {
		out = append(out, para("No answer's fields were studied."))
	}
	for _, name := range commandsOf(study) {
		var list [][]tableCell
		for _, field := range byPlace(study.Fields, name) {
			holds := field.Kind
			if field.Of != "" {
				holds += " of " + field.Of
			}
			list = append(list, []tableCell{plainCell(strconv.Itoa(field.Place)), {wire(field.Key)}, plainCell(holds), wires(few(field.Values)),
				plainCell(or(field.When, "always")), plainCell(string(field.Grade))})
		}
		if list != nil {
			head := []string{"Place", "Field", "Holds", "Seen", "When", "Grade"}
			out = append(out, folded(name+": "+plural(len(list), "field"), rows(head, list)...))
		}
	}
	// What the table of fields says already is not said again.
	related := byWeight(study.Facts, func(fact finding.Fact) bool {
		return fact.Aspect == finding.AspectField && fact.Grade != finding.Refuted && fact.Grade != finding.Untested &&
			!slices.ContainsFunc(study.Fields, func(field finding.AnswerField) bool {
				return field.Command == fact.Command && field.Key == fact.Name && (field.Kind == fact.Claim || fact.Claim == "is")
			})
	})
	if len(related) == 0 {
		return append(out, para("No relation between fields was found."))
	}
	return append(out, folded("Relations and orders", block{List: statements(related)}))
}

func byPlace(fields []finding.AnswerField, command string) []finding.AnswerField {
	var out []finding.AnswerField
	for _, field := range fields {
		if field.Command == command {
			out = append(out, field)
		}
	}
	slices.SortStableFunc(out, func(a, b finding.AnswerField) int { return a.Place - b.Place })
	return out
}

func codeUses(study *finding.Study) []block {
	if len(study.Codes) == 0 {
		return []block{para("No codes were counted.")}
	}
	head := []string{"Command"}
	var commands []string
	cells := map[[2]string]tableCell{}
	for _, codeUsage := range study.Codes {
		if !slices.Contains(head[1:], codeUsage.State) {
			head = append(head, codeUsage.State)
		}
		if !slices.Contains(commands, codeUsage.Command) {
			commands = append(commands, codeUsage.Command)
		}
		at := [2]string{codeUsage.Command, codeUsage.State}
		cells[at] = append(cells[at], bold(or(codeUsage.Code, "none")), soft(" ×"+count(codeUsage.Count)+" "))
	}
	var out [][]tableCell
	for _, command := range commands {
		row := []tableCell{plainCell(command)}
		for _, state := range head[1:] {
			row = append(row, cells[[2]string{command, state}])
		}
		out = append(out, row)
	}
	return rows(head, out)
}

const (
	elementsShown = 4 // at each end of a page
	pagesShown    = 5 // at each end of a walk
)

func walks(study *finding.Study) []block {
	var out []block
	for _, pageWalk := range study.Walks {
		total := 0
		var list [][]tableCell
		for i, page := range pageWalk.Pages {
			total += len(page.Elements)
			switch n := len(pageWalk.Pages); {
			case n > 2*pagesShown+1 && i == pagesShown:
				more := soft(plural(n-2*pagesShown, "page") + " more of the kind")
				list = append(list, []tableCell{plainCell("…"), nil, {more}, nil, nil})
			case n <= 2*pagesShown+1 || i < pagesShown || i >= n-pagesShown:
				list = append(list, []tableCell{plainCell(strconv.Itoa(i + 1)), {wire(or(page.Cursor, "start"))},
					elements(page.Elements), {wire(page.Marker)}, {soft(page.ID)}})
			}
		}
		title := fmt.Sprintf("%s as %s: %s on %s", pageWalk.Command, pageWalk.Role, plural(total, "element"), plural(len(pageWalk.Pages), "page"))
		if pageWalk.Size > 0 {
			title += fmt.Sprintf(", %d asked for at a time", pageWalk.Size)
		}
		blocks := rows([]string{"Page", "From", "Elements", "Marker", "Entry"}, list)
		out = append(out, folded(title, append(blocks, para(sentence(or(pageWalk.Ended, "It is not known how it ended"))))...))
	}
	if out == nil {
		return []block{para("No list was read page by page.")}
	}
	return out
}

func elements(list []string) tableCell {
	if hidden := len(list) - 2*elementsShown; hidden > 1 {
		out := append(wires(list[:elementsShown]), soft(fmt.Sprintf(" … %d more … ", hidden)))
		return append(out, wires(list[len(list)-elementsShown:])...)
	}
	if len(list) == 0 {
		return tableCell{soft("none")}
	}
	return wires(list)
}

// few are some of the values that were seen.
func few(values []string) []string {
	const most = 6
	var out []string
	for _, v := range values[:min(most, len(values))] {
		out = append(out, or(v, "(empty)"))
	}
	if len(values) > most {
		out = append(out, "…")
	}
	return out
}

func examples(study *finding.Study) []block {
	var out []block
	for i, command := range study.Commands {
		if exchange := command.Example; exchange.Request != "" {
			shown := &exchangeBlock{anchor("command", i), command.Name + " " + exchange.ID, exchange.Request, []receivedAnswer{{"", whole(exchange.Response)}}}
			out = append(out, block{Exchange: shown})
		}
	}
	if out == nil {
		return []block{para("No request was done.")}
	}
	return out
}

func anchor(kind string, n int) string { return fmt.Sprintf("%s-%d", kind, n+1) }

// anchorsOf says where the page shows a transcript's entry.
func anchorsOf(study *finding.Study) map[string]string {
	at := map[string]string{}
	for i, command := range study.Commands {
		if command.Example.Request != "" {
			at[command.Example.ID] = anchor("command", i)
		}
	}
	return at
}

func differences(study *finding.Study) []block {
	if len(study.Differences) == 0 {
		text := "No difference was found. That is bounded by the number of requests above."
		if len(study.Sightings) > 0 {
			text = "No difference showed each time it was looked for; " +
				plural(len(study.Sightings), "sighting") + " did not show again."
		}
		return []block{para(text)}
	}
	out := []block{para(fmt.Sprintf("The servers differ in %s.", plural(len(study.Differences), "way")))}
	for i, d := range study.Differences {
		out = append(out, difference(i, d)...)
	}
	return out
}

func sightings(study *finding.Study) []block {
	out := []block{para("The servers differed in these once. The same steps were sent again, and that did not show.")}
	for i, d := range study.Sightings {
		out = append(out, difference(i, d)...)
	}
	return out
}

func difference(n int, difference finding.ServerDifference) []block {
	title := fmt.Sprintf("%d. %s, %s: %s", n+1, all(difference.Command), difference.Aspect, difference.Name)
	out := []block{heading(title), para(sentence(difference.Summary))}
	for i, pairedExchange := range difference.Witness {
		if pairedExchange.Wait > 0 {
			out = append(out, para(lasting(pairedExchange.Wait)+" go by."))
			continue
		}
		e := &exchangeBlock{Title: fmt.Sprintf("%d. %s", i+1, or(pairedExchange.Step, pairedExchange.Role)), Sent: pairedExchange.Request}
		if len(pairedExchange.RequestBase64) > 0 {
			e.Sent = shorten(visible(string(pairedExchange.RequestBase64)))
		}
		left, right := compare(pairedExchange.A, pairedExchange.B)
		e.Received = []receivedAnswer{{"A", left}, {"B", right}}
		out = append(out, block{Exchange: e})
	}
	if difference.Replayed != "" {
		out = append(out, para("Shown "+difference.Replayed+" times."))
	}
	if len(difference.Commands) > 0 {
		out = append(out, para("Differ alike: "+strings.Join(difference.Commands, ", ")+"."))
	}
	return out
}
