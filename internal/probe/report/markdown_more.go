package report

import (
	"fmt"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

func (m *markdown) machines(s *finding.Study) {
	if len(s.Machines) == 0 {
		m.para("No state machine was learned.")
	}
	for _, machine := range s.Machines {
		m.line("### %s", text(or(machine.Aspect, "Machine")))
		m.line("")
		m.para("%s, %s, %s.", plural(len(machine.States), "state"), plural(len(machine.Inputs), "input"), plural(machine.Queries, "query"))
		if len(machine.States) > 0 {
			m.line("```mermaid")
			m.line("%s", strings.TrimRight(mermaid(machine), "\n"))
			m.line("```")
			m.line("")
		}
		if machine.Guarantee == "" {
			m.para("Nothing is guaranteed of it.")
		} else {
			m.para("**What is guaranteed:** %s", text(sentence(machine.Guarantee)))
		}
		m.transitions(machine)
	}
}

func (m *markdown) transitions(machine finding.Machine) {
	var rows [][]string
	for _, row := range stateRows(machine) {
		for _, t := range row.Transitions {
			output := code(t.Output)
			if t.Unsure {
				output += " **?**"
			}
			rows = append(rows, []string{text(t.From), code(t.Input), output, text(t.To)})
		}
	}
	m.details(fmt.Sprintf("All %s", plural(len(machine.Transitions), "transition")), func() {
		m.table([]string{"State", "Input", "Answer", "Leads to"}, rows)
	})
}

// mermaid writes a machine as a diagram in Mermaid. States get plain names, and
// texts only what its grammar does not trip over. What stays in a state stands in
// its box: Mermaid lays loops over what is beside them.
func mermaid(machine finding.Machine) string {
	g := graphOf(machine)
	var out strings.Builder
	out.WriteString("stateDiagram-v2\n")
	for i, n := range g.nodes {
		fmt.Fprintf(&out, "    state \"%s\" as s%d\n", mermaidText(or(n.name, "?")), i)
		for _, t := range n.texts() {
			fmt.Fprintf(&out, "    s%d: %s\n", i, mermaidText(strings.TrimSpace(t.Mark+" "+t.Text)))
		}
	}
	if len(g.nodes) > 0 {
		out.WriteString("    [*] --> s0\n")
	}
	for _, e := range g.edges {
		fmt.Fprintf(&out, "    s%d --> s%d: %s\n", e.from, e.to, mermaidLines(e.list.lines))
	}
	return out.String()
}

func mermaidLines(lines []string) string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = mermaidText(line)
	}
	return strings.Join(out, "<br/>")
}

// mermaidText writes what has a meaning in Mermaid or HTML as character codes,
// which Mermaid knows as #NN;.
func mermaidText(s string) string {
	var out strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			out.WriteByte(' ')
		case strings.ContainsRune("\"#;:<>&%`{}[]()|\\~*$", r), strings.HasPrefix(s[i:], "--"):
			fmt.Fprintf(&out, "#%d;", r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

func (m *markdown) paging(s *finding.Study) {
	if len(s.Walks) == 0 {
		m.para("No list was read page by page.")
	}
	for _, w := range s.Walks {
		v := walkOf(w)
		m.line("### %s", text(v.Title))
		m.line("")
		if w.Size > 0 {
			m.para("%d asked for at a time.", w.Size)
		}
		var rows [][]string
		for _, step := range v.Steps {
			if step.Skipped > 0 {
				rows = append(rows, []string{"…", "", fmt.Sprintf("%s more of the kind", plural(step.Skipped, "page")), "", "", ""})
				continue
			}
			elements := codes(step.First)
			if step.Hidden > 0 {
				elements += fmt.Sprintf(" … %d more … ", step.Hidden) + codes(step.Last)
			}
			rows = append(rows, []string{fmt.Sprint(step.Number), code(or(step.Cursor, "start")), or(elements, "none"), fmt.Sprint(len(step.Elements)), code(step.Marker), text(step.ID)})
		}
		m.table([]string{"Page", "From", "Elements", "Number", "Marker", "Entry"}, rows)
		m.para("%s", text(sentence(or(w.Ended, "It is not known how it ended"))))
	}
}

func (m *markdown) timers(s *finding.Study) {
	if len(s.Timers) == 0 {
		m.para("No timer was found.")
	}
	for _, t := range s.Timers {
		m.line("### %s (%s)", text(t.Name), text(or(t.Kind, "kind not known")))
		m.line("")
		line := timerSummary(t)
		if len(t.RefreshedBy) > 0 {
			line += " Put off by: " + strings.Join(t.RefreshedBy, ", ") + "."
		}
		if len(t.NotBy) > 0 {
			line += " Not put off by: " + strings.Join(t.NotBy, ", ") + "."
		}
		m.para("%s", text(line))
		var rows [][]string
		for _, p := range t.Points {
			state := "○ over"
			if p.Alive {
				state = "● alive"
			}
			rows = append(rows, []string{number(p.After), state, text(p.ID)})
		}
		m.table([]string{"After, s", "It was", "Entry"}, rows)
	}
}

func (m *markdown) noise(s *finding.Study) {
	if len(s.Noise) == 0 {
		m.para("%s", noNoise(s))
		return
	}
	m.para("These fields differ between equal requests. They are masked, each by itself.")
	var rows [][]string
	for _, n := range s.Noise {
		rows = append(rows, []string{text(n.Command), code(n.Key), codes(seen(n.Values))})
	}
	m.table([]string{"Command", "Field", "Values that were seen"}, rows)
}

func (m *markdown) facts(s *finding.Study) {
	groups := factsByCommand(s)
	if len(groups) == 0 {
		m.para("No fact was found.")
	}
	for _, g := range groups {
		var rows [][]string
		for _, f := range g.Facts {
			rows = append(rows, []string{text(string(f.Grade)), text(string(f.Aspect)), text(f.Name), text(sentence(f.Statement)),
				text(f.Scope), text(f.Bound), support(f), evidence(f), code(f.Replay)})
		}
		m.details(fmt.Sprintf("%s: %s, %d confirmed", all(g.Command), plural(len(g.Facts), "fact"), g.Confirmed), func() {
			m.table([]string{"Grade", "Aspect", "Name", "Fact", "Scope", "Bound", "Support", "Evidence", "Again"}, rows)
		})
	}
}

func evidence(f finding.Fact) string {
	out := text(strings.Join(f.Evidence, ", "))
	if len(f.Against) > 0 {
		out += "; against: " + text(strings.Join(f.Against, ", "))
	}
	return out
}

func (m *markdown) method(s *finding.Study) {
	for _, p := range method() {
		m.para("**%s.** %s", p.Title, text(p.Text))
	}
	m.para("**Grades.** %s", gradeParagraph())
	if s.Experiment != "" {
		m.details("The experiment file", func() { m.fenced(s.Experiment) })
	}
}

func (m *markdown) transcript(s *finding.Study) {
	m.para("Evidence such as `a12.3` names an entry of `transcript.jsonl`: server a, experiment 12, step 3.")
	if len(s.Phases) == 0 {
		m.para("No phase was begun.")
		return
	}
	var rows [][]string
	for _, p := range s.Phases {
		rows = append(rows, []string{text(p.Name), count(p.Requests), span(p.Seconds), count(p.Facts), text(or(p.Ended, "when it was done"))})
	}
	m.table([]string{"Phase", "Requests", "Time", "Facts", "Ended"}, rows)
}
