package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// Markdown writes what the page says for reading in a repository, with the state
// machines in Mermaid.
func Markdown(w io.Writer, study *finding.Study) error {
	s := shown(study)
	m := &markdown{}
	m.head(s)
	parts := map[string]func(*finding.Study){
		"findings":    m.findings,
		"differences": m.differences,
		"commands":    m.commands,
		"matrix":      m.matrix,
		"fields":      m.fields,
		"codes":       m.codes,
		"machines":    m.machines,
		"paging":      m.paging,
		"timers":      m.timers,
		"noise":       m.noise,
		"facts":       m.facts,
		"method":      m.method,
		"transcript":  m.transcript,
	}
	for _, part := range sectionsOf(s) {
		m.line("## %d. %s", part.Number, part.Title)
		m.line("")
		parts[part.ID](s)
	}
	_, err := io.WriteString(w, strings.TrimRight(m.out.String(), "\n")+"\n")
	return err
}

func (m *markdown) head(s *finding.Study) {
	kind := "Study of a server"
	if compared(s) {
		kind = "Comparison of two servers"
	}
	name := s.Name
	if name == "" {
		name = "Unnamed server"
	}
	m.line("# %s", text(name))
	m.line("")
	m.line("%s.", kind)
	m.line("")
	rows := [][]string{}
	for _, r := range runsOf(s) {
		label := "Server"
		if compared(s) {
			label += " " + r.Letter
		}
		rows = append(rows, []string{label, code(r.Server)})
		rows = append(rows, []string{"Requests to it", count(r.Requests) + " of " + count(s.Budget)})
	}
	rows = append(rows,
		[]string{"Began", text(or(moment(s.Began), "not known"))},
		[]string{"Took", span(s.Seconds)},
		[]string{"Experiments", count(s.Tries)},
		[]string{"Transport failures", count(s.Faults)},
		[]string{"Seed", fmt.Sprint(s.Seed)})
	m.table([]string{"", ""}, rows)
	if s.Stopped == "" {
		m.para("%s", wholeness(s))
	} else {
		m.para("**Stopped early:** %s What is missing is listed under \"Not tested\".", text(sentence(s.Stopped)))
	}
}

func (m *markdown) findings(s *finding.Study) {
	var rows [][]string
	for _, g := range countGrades(s.Facts) {
		rows = append(rows, []string{string(g.Grade), count(g.Count), g.Means})
	}
	m.table([]string{"Grade", "Facts", "Meaning"}, rows)
	if compared(s) && len(s.Differences) == 0 {
		m.para("No difference between the servers was found.")
	} else if compared(s) {
		m.para("The servers differ in %s.", plural(len(s.Differences), "way"))
	}
	chosen := surest(s.Facts)
	if len(chosen) == 0 {
		m.para("No fact was observed or confirmed.")
	}
	for _, a := range chosen {
		m.line("**%s**", text(string(a.Aspect)))
		m.line("")
		for _, f := range a.Facts {
			m.line("- %s (%s)", statement(f), f.Grade)
		}
		m.line("")
	}
	m.contested(s)
	m.line("### Not tested")
	m.line("")
	list := gaps(s)
	if len(list) == 0 {
		m.para("%s", noGap(s))
		return
	}
	for _, g := range list {
		m.line("- **%s** %s", text(g.What), text(sentence(g.Why)))
	}
	m.line("")
}

func (m *markdown) contested(s *finding.Study) {
	list := ofGrade(s.Facts, finding.Contested)
	if len(list) == 0 {
		return
	}
	m.line("### Contested")
	m.line("")
	for _, f := range list {
		m.line("- %s For: %s; against: %s.", statement(f), or(text(strings.Join(f.Evidence, ", ")), "none"), or(text(strings.Join(f.Against, ", ")), "none"))
	}
	m.line("")
}

func statement(f finding.Fact) string {
	if subject(f) == "" {
		return text(sentence(f.Statement))
	}
	return "**" + text(f.Command) + "** " + text(sentence(f.Statement))
}

func (m *markdown) differences(s *finding.Study) {
	if len(s.Differences) == 0 {
		m.para("No difference was found. That is bounded by the number of requests above.")
	}
	for i, d := range s.Differences {
		m.line("### %d. %s, %s: %s", i+1, text(all(d.Command)), text(string(d.Aspect)), text(d.Name))
		m.line("")
		m.para("%s", text(sentence(d.Summary)))
		var rows [][]string
		for _, step := range differenceOf(d, i).Steps {
			if step.Wait > 0 {
				rows = append(rows, []string{"", number(step.Wait) + " s go by", "", ""})
				continue
			}
			rows = append(rows, []string{text(step.Role), code(step.Request), marked(step.Left), marked(step.Right)})
		}
		m.table([]string{"Role", "Request", "Answer of A", "Answer of B"}, rows)
		if d.Replayed != "" {
			m.para("Shown %s times.", text(d.Replayed))
		}
		if len(d.Commands) > 0 {
			m.para("Differ alike: %s.", text(strings.Join(d.Commands, ", ")))
		}
	}
}

// marked writes a message with what differs in bold.
func marked(pieces []piece) string {
	var out strings.Builder
	for _, p := range pieces {
		if p.Differs && strings.TrimSpace(p.Text) != "" {
			out.WriteString("<b>" + text(p.Text) + "</b>")
		} else {
			out.WriteString(text(p.Text))
		}
	}
	return out.String()
}

func (m *markdown) commands(s *finding.Study) {
	if len(s.Commands) == 0 {
		m.para("No command was studied.")
		return
	}
	var rows [][]string
	for _, c := range s.Commands {
		works := "yes"
		if !c.Works {
			works = "**no**"
		}
		rows = append(rows, []string{text(c.Name), text(strings.Join(c.Does, ", ")), works, text(c.Session), codes(c.Parameters), codes(c.Fields), text(c.Effect)})
	}
	m.table([]string{"Command", "Does", "Works", "Session", "Request keys", "Answer fields, in their order", "Effect"}, rows)
}

func (m *markdown) matrix(s *finding.Study) {
	mx := matrixOf(s.Matrix)
	if len(mx.Rows) == 0 {
		m.para("No parameter was varied.")
		return
	}
	for _, o := range mx.Legend {
		m.line("- **%s** %s", o.Letter, o.Means)
	}
	m.line("")
	m.para("Behind a letter stands the answer's code.")
	head := []string{"Key", "Type"}
	for _, c := range mx.Columns {
		head = append(head, text(c))
	}
	if mx.Others {
		head = append(head, "Others")
	}
	var rows [][]string
	for _, r := range mx.Rows {
		row := []string{text(r.Command + "." + r.Key), text(r.Type)}
		for _, c := range r.Cells {
			row = append(row, cellText(c))
		}
		if mx.Others {
			var others []string
			for _, c := range r.Others {
				others = append(others, cellText(c)+" "+text(c.Variant))
			}
			row = append(row, strings.Join(others, ", "))
		}
		rows = append(rows, row)
	}
	m.table(head, rows)
}

func cellText(c *matrixCell) string {
	if c == nil {
		return ""
	}
	return strings.TrimSpace("**" + c.Look.Letter + "** " + text(c.Code))
}

func (m *markdown) fields(s *finding.Study) {
	groups := fieldsOf(s.Fields)
	if len(groups) == 0 {
		m.para("No answer's fields were studied.")
	} else {
		var rows [][]string
		for _, g := range groups {
			for _, f := range g.Fields {
				rows = append(rows, []string{text(f.Command), fmt.Sprint(f.Place), code(f.Key), text(kindOf(f)), codes(seen(f.Values)), text(or(f.When, "always")), text(string(f.Grade))})
			}
		}
		m.table([]string{"Command", "Place", "Field", "Holds", "Seen", "When", "Grade"}, rows)
	}
	m.line("### Relations")
	m.line("")
	list := relations(s)
	if len(list) == 0 {
		m.para("No relation between fields was found.")
		return
	}
	for _, f := range list {
		m.line("- %s (%s)", statement(f), f.Grade)
	}
	m.line("")
}

func (m *markdown) codes(s *finding.Study) {
	t := codesOf(s.Codes)
	if len(t.Rows) == 0 {
		m.para("No codes were counted.")
		return
	}
	head := []string{"Command"}
	for _, state := range t.States {
		head = append(head, text(state))
	}
	var rows [][]string
	for _, r := range t.Rows {
		row := []string{text(r.Command)}
		for _, cell := range r.Cells {
			var all []string
			for _, c := range cell {
				all = append(all, fmt.Sprintf("**%s** ×%s", text(or(c.Code, "none")), count(c.Count)))
			}
			row = append(row, strings.Join(all, ", "))
		}
		rows = append(rows, row)
	}
	m.table(head, rows)
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
