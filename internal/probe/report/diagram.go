package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

func machineBlocks(study *finding.Study) []reportBlock {
	var blocks []reportBlock
	for _, machine := range study.Machines {
		blocks = append(blocks, headingBlock(cmp.Or(machine.Aspect, "Machine")),
			textBlock(countNoun(len(machine.States), "state")+", "+countNoun(len(machine.Inputs),
				"input")+", "+countNoun(machine.Queries, "query")+"."))
		if len(machine.States) > 0 {
			diagram := newStateDiagram(machine)
			blocks = append(blocks,
				reportBlock{Diagram: &diagramBlock{diagram.renderSVG(cmp.Or(machine.Aspect, "Machine")),
					diagram.renderMermaid()}})
		}
		guarantee := noteBlock(boldSpan("What is guaranteed: "),
			textSpan{Text: endSentence(cmp.Or(machine.Guarantee, "nothing"))})
		blocks = append(blocks, guarantee, transitionTable(machine))
	}
	if blocks == nil {
		return []reportBlock{textBlock("No state machine was learned.")}
	}
	return blocks
}

func transitionTable(machine finding.StateMachine) reportBlock {
	var tableRows [][]tableCell
	for _, transition := range machine.Transitions {
		tableRows = append(tableRows, []tableCell{plainCell(transition.From), {codeSpan(transition.Input)},
			{codeSpan(transition.Output)}, plainCell(transition.To)})
	}
	title := "All " + countNoun(len(machine.Transitions), "transition")
	return foldedBlock(title, tableBlocks([]string{"State", "Input", "Answer", "Leads to"}, tableRows)...)
}

const maxLabelLength = 30 // maximum characters of an input or an answer

// stateDiagram is a machine for drawing. Transitions with the same states and the same
// output are merged into one edge.
type stateDiagram struct {
	states []string
	edges  []*diagramEdge
}

type diagramEdge struct {
	from, to int
	output   string
	inputs   []string
}

func (l *diagramEdge) String() string {
	return truncateLabel(strings.Join(l.inputs, ", ")) + " / " + truncateLabel(l.output)
}

func newStateDiagram(machine finding.StateMachine) *stateDiagram {
	diagram := &stateDiagram{}
	for _, state := range machine.States {
		diagram.stateNumber(state.Name)
	}
	for _, transition := range machine.Transitions {
		from, to := diagram.stateNumber(transition.From), diagram.stateNumber(transition.To)
		i := slices.IndexFunc(diagram.edges, func(edge *diagramEdge) bool {
			return edge.from == from && edge.to == to && edge.output == transition.Output
		})
		if i < 0 {
			i = len(diagram.edges)
			diagram.edges = append(diagram.edges, &diagramEdge{from: from, to: to, output: transition.Output})
		}
		diagram.edges[i].inputs = append(diagram.edges[i].inputs, transition.Input)
	}
	return diagram
}

func (d *stateDiagram) stateNumber(state string) int {
	if i := slices.Index(d.states, state); i >= 0 {
		return i
	}
	d.states = append(d.states, state)
	return len(d.states) - 1
}

// edgesFrom returns the edges of a state, loops first.
func (d *stateDiagram) edgesFrom(state int) (edges []*diagramEdge) {
	var leaving []*diagramEdge
	for _, edge := range d.edges {
		switch {
		case edge.from == state && edge.to == state:
			edges = append(edges, edge)
		case edge.from == state:
			leaving = append(leaving, edge)
		}
	}
	return append(edges, leaving...)
}

func truncateLabel(text string) string {
	text = strings.ReplaceAll(text, "\n", " ")
	if characters := []rune(text); len(characters) > maxLabelLength {
		return string(characters[:maxLabelLength-1]) + "…"
	}
	return text
}

// Sizes in pixels.
const (
	rowHeight      = 17
	characterWidth = 7 // of a monospaced character
	laneWidth      = 14
	boxGap         = 14
)

// renderSVG draws the states below each other as boxes with one row per edge. Each state
// that other states lead to has a vertical lane to the right of the boxes, which ends in
// an arrow at its name. So lines and boxes never overlap.
func (d *stateDiagram) renderSVG(name string) template.HTML {
	boxTop, arrowY := make([]int, len(d.states)), make([]int, len(d.states))
	height, widestLabel := 2, 0
	for i, state := range d.states {
		boxTop[i], arrowY[i] = height, height+rowHeight-5
		widestLabel = max(widestLabel, textWidth(cmp.Or(state, "?")))
		for _, edge := range d.edgesFrom(i) {
			widestLabel = max(widestLabel, textWidth(edge.String())+2)
		}
		height += (1+len(d.edgesFrom(i)))*rowHeight + 8 + boxGap
	}
	boxWidth := widestLabel*characterWidth + 24
	lanes := d.enteredStates()
	width := boxWidth + (len(lanes)+2)*laneWidth
	var result strings.Builder
	fmt.Fprintf(&result, `<svg class="diagram" role="img" aria-label="%s" viewBox="0 0 %d %d" width="%d" height="%d">`,
		template.HTMLEscapeString(name), width, height, width, height)
	laneTop, laneBottom := slices.Clone(arrowY), slices.Clone(arrowY) // vertical extent of each lane
	for i, state := range d.states {
		lines := d.edgesFrom(i)
		fmt.Fprintf(&result,
			`<rect x="1" y="%d" width="%d" height="%d" rx="6"/><text class="name" x="10" y="%d">%s</text>`,
			boxTop[i], boxWidth-1, (1+len(lines))*rowHeight+8, boxTop[i]+rowHeight,
			template.HTMLEscapeString(cmp.Or(state, "?")))
		for j, edge := range lines {
			y := boxTop[i] + (2+j)*rowHeight
			sign := "↺ "
			if edge.to != i {
				sign = "→ "
				lane := boxWidth + (slices.Index(lanes, edge.to)+2)*laneWidth
				fmt.Fprintf(&result, `<path d="M%d %dH%d"/><circle cx="%d" cy="%d" r="2.5"/>`, boxWidth, y-4, lane,
					lane, y-4)
				laneTop[edge.to], laneBottom[edge.to] = min(laneTop[edge.to], y-4), max(laneBottom[edge.to], y-4)
			}
			fmt.Fprintf(&result, `<text x="10" y="%d">%s</text>`, y, template.HTMLEscapeString(sign+edge.String()))
		}
	}
	for i, state := range lanes {
		left, y := boxWidth+(i+2)*laneWidth, arrowY[state]
		fmt.Fprintf(&result, `<path d="M%d %dV%d"/><path d="M%d %dH%d"/><path class="head" d="M%d %dl9 -4v8z"/>`,
			left, laneTop[state], laneBottom[state], left, y, boxWidth+8, boxWidth, y)
	}
	result.WriteString("</svg>")
	return template.HTML(result.String())
}

// enteredStates returns the states that other states lead to.
func (d *stateDiagram) enteredStates() []int {
	var states []int
	for i := range d.states {
		if slices.ContainsFunc(d.edges, func(edge *diagramEdge) bool { return edge.to == i && edge.from != i }) {
			states = append(states, i)
		}
	}
	return states
}

// textWidth estimates the width of a text in monospaced columns. Characters that may be
// wide count as two.
func textWidth(text string) int {
	count := 0
	for _, character := range text {
		count++
		if character >= 0x1100 && (character < 0x2000 || character >= 0x2e80) {
			count++
		}
	}
	return count
}

func (d *stateDiagram) renderMermaid() string {
	var result strings.Builder
	result.WriteString("stateDiagram-v2\n")
	for i, name := range d.states {
		fmt.Fprintf(&result, "    state \"%s\" as s%d\n", escapeMermaid(cmp.Or(name, "?")), i)
	}
	if len(d.states) > 0 {
		result.WriteString("    [*] --> s0\n")
	}
	for i := range d.states {
		for _, edge := range d.edgesFrom(i) {
			if edge.to == i { // Mermaid draws loops over their neighbours
				fmt.Fprintf(&result, "    s%d: %s\n", i, escapeMermaid("↺ "+edge.String()))
			} else {
				fmt.Fprintf(&result, "    s%d --> s%d: %s\n", i, edge.to, escapeMermaid(edge.String()))
			}
		}
	}
	return result.String()
}

// escapeMermaid replaces characters with a meaning in Mermaid or HTML by #NN; codes.
func escapeMermaid(text string) string {
	var result strings.Builder
	for i, character := range text {
		switch {
		case character == '\n':
			result.WriteByte(' ')
		case strings.ContainsRune("\"#;:<>&%`{}[]()|\\~*$", character), strings.HasPrefix(text[i:], "--"):
			fmt.Fprintf(&result, "#%d;", character)
		default:
			result.WriteRune(character)
		}
	}
	return result.String()
}
