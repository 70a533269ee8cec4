package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

func machines(study *finding.Study) []block {
	var out []block
	for _, machine := range study.Machines {
		out = append(out, heading(or(machine.Aspect, "Machine")),
			para(plural(len(machine.States), "state")+", "+plural(len(machine.Inputs), "input")+", "+plural(machine.Queries, "query")+"."))
		if len(machine.States) > 0 {
			stateDiagram := drawingOf(machine)
			out = append(out, block{Diagram: &diagramBlock{stateDiagram.svg(or(machine.Aspect, "Machine")), stateDiagram.mermaid()}})
		}
		guarantee := note(bold("What is guaranteed: "), textSpan{Text: sentence(or(machine.Guarantee, "nothing"))})
		out = append(out, guarantee, transitions(machine))
	}
	if out == nil {
		return []block{para("No state machine was learned.")}
	}
	return out
}

func transitions(machine finding.StateMachine) block {
	var list [][]tableCell
	for _, transition := range machine.Transitions {
		list = append(list, []tableCell{plainCell(transition.From), {wire(transition.Input)}, {wire(transition.Output)}, plainCell(transition.To)})
	}
	title := "All " + plural(len(machine.Transitions), "transition")
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

func drawingOf(machine finding.StateMachine) *stateDiagram {
	d := &stateDiagram{}
	for _, state := range machine.States {
		d.number(state.Name)
	}
	for _, transition := range machine.Transitions {
		from, to := d.number(transition.From), d.number(transition.To)
		i := slices.IndexFunc(d.lines, func(l *diagramEdge) bool {
			return l.from == from && l.to == to && l.output == transition.Output
		})
		if i < 0 {
			i = len(d.lines)
			d.lines = append(d.lines, &diagramEdge{from: from, to: to, output: transition.Output})
		}
		d.lines[i].inputs = append(d.lines[i].inputs, transition.Input)
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
	for _, diagramEdge := range d.lines {
		switch {
		case diagramEdge.from == state && diagramEdge.to == state:
			all = append(all, diagramEdge)
		case diagramEdge.from == state:
			leave = append(leave, diagramEdge)
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
		for _, diagramEdge := range d.of(i) {
			widest = max(widest, cells(diagramEdge.String())+2)
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
		for j, diagramEdge := range lines {
			y := top[i] + (2+j)*rowHeight
			sign := "↺ "
			if diagramEdge.to != i {
				sign = "→ "
				lane := right + (slices.Index(lanes, diagramEdge.to)+2)*laneWidth
				fmt.Fprintf(&out, `<path d="M%d %dH%d"/><circle cx="%d" cy="%d" r="2.5"/>`, right, y-4, lane, lane, y-4)
				low[diagramEdge.to], high[diagramEdge.to] = min(low[diagramEdge.to], y-4), max(high[diagramEdge.to], y-4)
			}
			fmt.Fprintf(&out, `<text x="10" y="%d">%s</text>`, y, template.HTMLEscapeString(sign+diagramEdge.String()))
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
		for _, diagramEdge := range d.of(i) {
			if diagramEdge.to == i { // Mermaid lays loops over what is beside them
				fmt.Fprintf(&out, "    s%d: %s\n", i, mermaidText("↺ "+diagramEdge.String()))
			} else {
				fmt.Fprintf(&out, "    s%d --> s%d: %s\n", i, diagramEdge.to, mermaidText(diagramEdge.String()))
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
