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
func parameters(s *finding.Study) []block {
	if len(s.Matrix) == 0 {
		return []block{para("No parameter was varied.")}
	}
	out := []block{para("Same: the answer is that of the base request. Other: done, with another answer.")}
	for _, command := range matrixCommands(s.Matrix) {
		var list [][]tableCell
		for _, row := range s.Matrix {
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
	for _, c := range row.Cells {
		what := c.Outcome
		if c.Code != "" && what != "same" {
			what += " " + c.Code
		}
		if variants[what] == nil {
			order = append(order, what)
		}
		variants[what] = append(variants[what], or(c.Variant, "empty"))
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

func fields(s *finding.Study) []block {
	var out []block
	if len(s.Fields) == 0 {
		out = append(out, para("No answer's fields were studied."))
	}
	for _, name := range commandsOf(s) {
		var list [][]tableCell
		for _, f := range byPlace(s.Fields, name) {
			holds := f.Kind
			if f.Of != "" {
				holds += " of " + f.Of
			}
			list = append(list, []tableCell{plainCell(strconv.Itoa(f.Place)), {wire(f.Key)}, plainCell(holds), wires(few(f.Values)),
				plainCell(or(f.When, "always")), plainCell(string(f.Grade))})
		}
		if list != nil {
			head := []string{"Place", "Field", "Holds", "Seen", "When", "Grade"}
			out = append(out, folded(name+": "+plural(len(list), "field"), rows(head, list)...))
		}
	}
	// What the table of fields says already is not said again.
	related := byWeight(s.Facts, func(f finding.Fact) bool {
		return f.Aspect == finding.FieldOf && f.Grade != finding.Refuted && f.Grade != finding.Untested &&
			!slices.ContainsFunc(s.Fields, func(field finding.Field) bool {
				return field.Command == f.Command && field.Key == f.Name && (field.Kind == f.Claim || f.Claim == "is")
			})
	})
	if len(related) == 0 {
		return append(out, para("No relation between fields was found."))
	}
	return append(out, folded("Relations and orders", block{List: statements(related)}))
}

func byPlace(fields []finding.Field, command string) []finding.Field {
	var out []finding.Field
	for _, f := range fields {
		if f.Command == command {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b finding.Field) int { return a.Place - b.Place })
	return out
}

func codeUses(s *finding.Study) []block {
	if len(s.Codes) == 0 {
		return []block{para("No codes were counted.")}
	}
	head := []string{"Command"}
	var commands []string
	cells := map[[2]string]tableCell{}
	for _, u := range s.Codes {
		if !slices.Contains(head[1:], u.State) {
			head = append(head, u.State)
		}
		if !slices.Contains(commands, u.Command) {
			commands = append(commands, u.Command)
		}
		at := [2]string{u.Command, u.State}
		cells[at] = append(cells[at], bold(or(u.Code, "none")), soft(" ×"+count(u.Count)+" "))
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

func walks(s *finding.Study) []block {
	var out []block
	for _, w := range s.Walks {
		total := 0
		var list [][]tableCell
		for i, p := range w.Pages {
			total += len(p.Elements)
			switch n := len(w.Pages); {
			case n > 2*pagesShown+1 && i == pagesShown:
				more := soft(plural(n-2*pagesShown, "page") + " more of the kind")
				list = append(list, []tableCell{plainCell("…"), nil, {more}, nil, nil})
			case n <= 2*pagesShown+1 || i < pagesShown || i >= n-pagesShown:
				list = append(list, []tableCell{plainCell(strconv.Itoa(i + 1)), {wire(or(p.Cursor, "start"))},
					elements(p.Elements), {wire(p.Marker)}, {soft(p.ID)}})
			}
		}
		title := fmt.Sprintf("%s as %s: %s on %s", w.Command, w.Role, plural(total, "element"), plural(len(w.Pages), "page"))
		if w.Size > 0 {
			title += fmt.Sprintf(", %d asked for at a time", w.Size)
		}
		blocks := rows([]string{"Page", "From", "Elements", "Marker", "Entry"}, list)
		out = append(out, folded(title, append(blocks, para(sentence(or(w.Ended, "It is not known how it ended"))))...))
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

func examples(s *finding.Study) []block {
	var out []block
	for i, c := range s.Commands {
		if e := c.Example; e.Request != "" {
			shown := &exchangeBlock{anchor("command", i), c.Name + " " + e.ID, e.Request, []receivedAnswer{{"", whole(e.Response)}}}
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
func anchorsOf(s *finding.Study) map[string]string {
	at := map[string]string{}
	for i, c := range s.Commands {
		if c.Example.Request != "" {
			at[c.Example.ID] = anchor("command", i)
		}
	}
	return at
}

func differences(s *finding.Study) []block {
	if len(s.Differences) == 0 {
		text := "No difference was found. That is bounded by the number of requests above."
		if len(s.Sightings) > 0 {
			text = "No difference showed each time it was looked for; " +
				plural(len(s.Sightings), "sighting") + " did not show again."
		}
		return []block{para(text)}
	}
	out := []block{para(fmt.Sprintf("The servers differ in %s.", plural(len(s.Differences), "way")))}
	for i, d := range s.Differences {
		out = append(out, difference(i, d)...)
	}
	return out
}

func sightings(s *finding.Study) []block {
	out := []block{para("The servers differed in these once. The same steps were sent again, and that did not show.")}
	for i, d := range s.Sightings {
		out = append(out, difference(i, d)...)
	}
	return out
}

func difference(n int, d finding.Difference) []block {
	title := fmt.Sprintf("%d. %s, %s: %s", n+1, all(d.Command), d.Aspect, d.Name)
	out := []block{heading(title), para(sentence(d.Summary))}
	for i, b := range d.Witness {
		if b.Wait > 0 {
			out = append(out, para(lasting(b.Wait)+" go by."))
			continue
		}
		e := &exchangeBlock{Title: fmt.Sprintf("%d. %s", i+1, or(b.Step, b.Role)), Sent: b.Request}
		if len(b.RequestBase64) > 0 {
			e.Sent = shorten(visible(string(b.RequestBase64)))
		}
		left, right := compare(b.A, b.B)
		e.Received = []receivedAnswer{{"A", left}, {"B", right}}
		out = append(out, block{Exchange: e})
	}
	if d.Replayed != "" {
		out = append(out, para("Shown "+d.Replayed+" times."))
	}
	if len(d.Commands) > 0 {
		out = append(out, para("Differ alike: "+strings.Join(d.Commands, ", ")+"."))
	}
	return out
}
