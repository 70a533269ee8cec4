package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

func machines(s *finding.Study) []block {
	var out []block
	for _, m := range s.Machines {
		out = append(out, heading(or(m.Aspect, "Machine")),
			para(plural(len(m.States), "state")+", "+plural(len(m.Inputs), "input")+", "+plural(m.Queries, "query")+"."))
		if len(m.States) > 0 {
			d := drawingOf(m)
			out = append(out, block{Diagram: &diagramBlock{d.svg(or(m.Aspect, "Machine")), d.mermaid()}})
		}
		guarantee := note(bold("What is guaranteed: "), textSpan{Text: sentence(or(m.Guarantee, "nothing"))})
		out = append(out, guarantee, transitions(m))
	}
	if out == nil {
		return []block{para("No state machine was learned.")}
	}
	return out
}

func transitions(m finding.Machine) block {
	var list [][]tableCell
	for _, t := range m.Transitions {
		list = append(list, []tableCell{plainCell(t.From), {wire(t.Input)}, {wire(t.Output)}, plainCell(t.To)})
	}
	title := "All " + plural(len(m.Transitions), "transition")
	return folded(title, rows([]string{"State", "Input", "Answer", "Leads to"}, list)...)
}

const lineLength = 30 // of an input or an answer, in characters

// A drawing is a machine with its transitions merged: those that lead from one
// state to the same one with the same answer are one line.
type stateDiagram struct {
	states []string
	lines  []*diagramEdge
}

type diagramEdge struct {
	from, to int
	output   string
	inputs   []string
}

func (l *diagramEdge) String() string {
	return cut(strings.Join(l.inputs, ", ")) + " / " + cut(l.output)
}

func drawingOf(m finding.Machine) *stateDiagram {
	d := &stateDiagram{}
	for _, s := range m.States {
		d.number(s.Name)
	}
	for _, t := range m.Transitions {
		from, to := d.number(t.From), d.number(t.To)
		i := slices.IndexFunc(d.lines, func(l *diagramEdge) bool {
			return l.from == from && l.to == to && l.output == t.Output
		})
		if i < 0 {
			i = len(d.lines)
			d.lines = append(d.lines, &diagramEdge{from: from, to: to, output: t.Output})
		}
		d.lines[i].inputs = append(d.lines[i].inputs, t.Input)
	}
	return d
}

func (d *stateDiagram) number(state string) int {
	if i := slices.Index(d.states, state); i >= 0 {
		return i
	}
	d.states = append(d.states, state)
	return len(d.states) - 1
}

// of gives the lines of a state: first those that stay in it, then those that leave.
func (d *stateDiagram) of(state int) (all []*diagramEdge) {
	var leave []*diagramEdge
	for _, l := range d.lines {
		switch {
		case l.from == state && l.to == state:
			all = append(all, l)
		case l.from == state:
			leave = append(leave, l)
		}
	}
	return append(all, leave...)
}

func cut(s string) string {
	s = strings.ReplaceAll(s, "\n", " ")
	if r := []rune(s); len(r) > lineLength {
		return string(r[:lineLength-1]) + "…"
	}
	return s
}

// Measures of a drawing, in pixels.
const (
	rowHeight = 17
	cellWidth = 7 // of a character in a font of fixed width
	laneWidth = 14
	boxGap    = 14
)

// svg draws the states under each other, each a box with a row for each of its
// lines. Beside the boxes each state that is led to has a lane, which ends in an
// arrow at its name: nothing can lie on anything else, however many lines there are.
func (d *stateDiagram) svg(name string) template.HTML {
	top, arrive := make([]int, len(d.states)), make([]int, len(d.states))
	height, widest := 2, 0
	for i, state := range d.states {
		top[i], arrive[i] = height, height+rowHeight-5
		widest = max(widest, cells(or(state, "?")))
		for _, l := range d.of(i) {
			widest = max(widest, cells(l.String())+2)
		}
		height += (1+len(d.of(i)))*rowHeight + 8 + boxGap
	}
	right := widest*cellWidth + 24
	lanes := d.lanes()
	width := right + (len(lanes)+2)*laneWidth
	var out strings.Builder
	fmt.Fprintf(&out, `<svg class="diagram" role="img" aria-label="%s" viewBox="0 0 %d %d" width="%d" height="%d">`,
		template.HTMLEscapeString(name), width, height, width, height)
	low, high := slices.Clone(arrive), slices.Clone(arrive) // where each lane begins and ends
	for i, state := range d.states {
		lines := d.of(i)
		fmt.Fprintf(&out, `<rect x="1" y="%d" width="%d" height="%d" rx="6"/><text class="name" x="10" y="%d">%s</text>`,
			top[i], right-1, (1+len(lines))*rowHeight+8, top[i]+rowHeight, template.HTMLEscapeString(or(state, "?")))
		for j, l := range lines {
			y := top[i] + (2+j)*rowHeight
			sign := "↺ "
			if l.to != i {
				sign = "→ "
				lane := right + (slices.Index(lanes, l.to)+2)*laneWidth
				fmt.Fprintf(&out, `<path d="M%d %dH%d"/><circle cx="%d" cy="%d" r="2.5"/>`, right, y-4, lane, lane, y-4)
				low[l.to], high[l.to] = min(low[l.to], y-4), max(high[l.to], y-4)
			}
			fmt.Fprintf(&out, `<text x="10" y="%d">%s</text>`, y, template.HTMLEscapeString(sign+l.String()))
		}
	}
	for i, state := range lanes {
		x, y := right+(i+2)*laneWidth, arrive[state]
		fmt.Fprintf(&out, `<path d="M%d %dV%d"/><path d="M%d %dH%d"/><path class="head" d="M%d %dl9 -4v8z"/>`,
			x, low[state], high[state], x, y, right+8, right, y)
	}
	out.WriteString("</svg>")
	return template.HTML(out.String())
}

// lanes are the states that others lead to.
func (d *stateDiagram) lanes() []int {
	var out []int
	for i := range d.states {
		if slices.ContainsFunc(d.lines, func(l *diagramEdge) bool { return l.to == i && l.from != i }) {
			out = append(out, i)
		}
	}
	return out
}

// cells is how wide a text is in a font of fixed width. What may be wide counts as
// wide: a box that is too large hurts nobody.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 && (r < 0x2000 || r >= 0x2e80) {
			n++
		}
	}
	return n
}

func (d *stateDiagram) mermaid() string {
	var out strings.Builder
	out.WriteString("stateDiagram-v2\n")
	for i, name := range d.states {
		fmt.Fprintf(&out, "    state \"%s\" as s%d\n", mermaidText(or(name, "?")), i)
	}
	if len(d.states) > 0 {
		out.WriteString("    [*] --> s0\n")
	}
	for i := range d.states {
		for _, l := range d.of(i) {
			if l.to == i { // Mermaid lays loops over what is beside them
				fmt.Fprintf(&out, "    s%d: %s\n", i, mermaidText("↺ "+l.String()))
			} else {
				fmt.Fprintf(&out, "    s%d --> s%d: %s\n", i, l.to, mermaidText(l.String()))
			}
		}
	}
	return out.String()
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
