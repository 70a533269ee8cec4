package report

import (
	"slices"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// An outcome is what can become of a variant, with the letter and the class of
// colour that show it.
type outcome struct {
	Name, Letter, Class, Means string
}

var outcomes = []outcome{
	{"same", "S", "o-same", "same: the answer is that of the base request"},
	{"other", "O", "o-other", "other: done, with another answer"},
	{"refused", "R", "o-refused", "refused: the answer's code says no"},
	{"no session", "L", "o-login", "no session: not logged in"},
	{"status", "H", "o-status", "status: an HTTP status instead of an answer"},
	{"text", "T", "o-text", "text: an answer without a record's form"},
	{"nothing", "N", "o-nothing", "nothing: no answer at all"},
}

// outcomeOf finds an outcome by its name; one that is not known gets a question
// mark.
func outcomeOf(name string) outcome {
	if i := slices.IndexFunc(outcomes, func(o outcome) bool { return o.Name == name }); i >= 0 {
		return outcomes[i]
	}
	return outcome{name, "?", "o-unknown", name}
}

// A matrix is the parameter matrix as it is drawn.
type matrix struct {
	Columns []string
	Rows    []matrixRow
	// Others tells whether there are variants that only one row has: these get no
	// column of their own, the matrix would be mostly holes.
	Others bool
	Legend []outcome
}

type matrixRow struct {
	finding.MatrixRow
	// First tells whether it is the first of its command.
	First  bool
	Cells  []*matrixCell // by column, nil where a variant was not tried
	Others []*matrixCell
}

type matrixCell struct {
	finding.Cell
	Look   outcome
	Anchor string
	Title  string
}

func matrixOf(rows []finding.MatrixRow) matrix {
	m := matrix{Columns: commonVariants(rows)}
	met := map[string]bool{}
	for i, row := range rows {
		out := matrixRow{MatrixRow: row, First: i == 0 || rows[i-1].Command != row.Command, Cells: make([]*matrixCell, len(m.Columns))}
		for j, c := range row.Cells {
			cell := &matrixCell{c, outcomeOf(c.Outcome), anchor("cell", i, j), cellTitle(row, c)}
			met[cell.Look.Name] = true
			at := slices.Index(m.Columns, c.Variant)
			if at >= 0 && out.Cells[at] == nil {
				out.Cells[at] = cell
			} else {
				out.Others = append(out.Others, cell)
			}
		}
		m.Others = m.Others || len(out.Others) > 0
		m.Rows = append(m.Rows, out)
	}
	for _, o := range outcomes {
		if met[o.Name] || o.Class != "o-text" && o.Class != "o-status" {
			m.Legend = append(m.Legend, o)
		}
	}
	return m
}

// commonVariants are those that at least two rows have, in the order in which
// they come; all, if the matrix has but one row.
func commonVariants(rows []finding.MatrixRow) []string {
	count := map[string]int{}
	var all []string
	for _, row := range rows {
		for _, c := range row.Cells {
			if count[c.Variant]++; count[c.Variant] == 1 {
				all = append(all, c.Variant)
			}
		}
	}
	if len(rows) < 2 {
		return all
	}
	return slices.DeleteFunc(all, func(v string) bool { return count[v] < 2 })
}

func cellTitle(row finding.MatrixRow, c finding.Cell) string {
	title := row.Command + "." + row.Key + ", " + c.Variant + ": " + c.Outcome
	if c.Code != "" {
		title += ", code " + c.Code
	}
	return title
}

// A codeTable has the codes by command and state.
type codeTable struct {
	States []string
	Rows   []codeRow
}

type codeRow struct {
	Command string
	Cells   [][]codeCell // by state
}

type codeCell struct {
	finding.CodeUse
	Anchor string
}

func codesOf(uses []finding.CodeUse) codeTable {
	var t codeTable
	for _, u := range uses {
		if !slices.Contains(t.States, u.State) {
			t.States = append(t.States, u.State)
		}
	}
	for i, u := range uses {
		at := slices.IndexFunc(t.Rows, func(r codeRow) bool { return r.Command == u.Command })
		if at < 0 {
			at = len(t.Rows)
			t.Rows = append(t.Rows, codeRow{u.Command, make([][]codeCell, len(t.States))})
		}
		state := slices.Index(t.States, u.State)
		t.Rows[at].Cells[state] = append(t.Rows[at].Cells[state], codeCell{u, anchor("code", i)})
	}
	return t
}

// A fieldGroup holds the fields of one command's answer, by place.
type fieldGroup struct {
	Command string
	Fields  []finding.Field
}

func fieldsOf(fields []finding.Field) []fieldGroup {
	var out []fieldGroup
	for _, f := range fields {
		at := slices.IndexFunc(out, func(g fieldGroup) bool { return g.Command == f.Command })
		if at < 0 {
			at = len(out)
			out = append(out, fieldGroup{Command: f.Command})
		}
		out[at].Fields = append(out[at].Fields, f)
	}
	for _, g := range out {
		slices.SortStableFunc(g.Fields, func(a, b finding.Field) int { return a.Place - b.Place })
	}
	return out
}

// relations are the facts on fields that say more than the table of fields does.
func relations(s *finding.Study) []finding.Fact {
	var out []finding.Fact
	for _, f := range s.Facts {
		if f.Aspect != finding.FieldOf || f.Grade == finding.Refuted || f.Grade == finding.Untested {
			continue
		}
		inTable := slices.ContainsFunc(s.Fields, func(field finding.Field) bool {
			return field.Command == f.Command && field.Key == f.Name && field.Kind == f.Claim
		})
		if !inTable {
			out = append(out, f)
		}
	}
	return out
}

// kindOf says what a field holds: its kind, and of what.
func kindOf(f finding.Field) string {
	if f.Of == "" {
		return f.Kind
	}
	return f.Kind + " of " + f.Of
}

// seen are the values that were seen, a few.
func seen(values []string) []string {
	const most = 6
	var out []string
	for _, v := range values[:min(most, len(values))] {
		if v == "" {
			v = "(empty)"
		}
		out = append(out, v)
	}
	if len(values) > most {
		out = append(out, "…")
	}
	return out
}
