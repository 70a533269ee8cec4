package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// Measures of a diagram, in its own units, which are pixels unless it is shrunk.
const (
	cellWidth  = 6.75 // of a character of the labels' font
	nameWidth  = 8.2  // of a character of a state's name
	lineHeight = 15.0
	nameHeight = 20.0
	padding    = 9.0
)

// A diagram is a machine as it is drawn.
type diagram struct {
	finding.Machine
	Anchor        string
	Width, Height float64
	Start         string // the path of the arrow to the first state
	Boxes         []box
	Wires         []drawnWire
	Labels        []drawnLabel
	Rows          []stateRow
	Unsure        int
}

type box struct {
	Name       string
	X, Y, W, H float64
	Middle     float64
	NameY      float64
	RuleY      float64 // of the line below the name, 0 for none
	Sink       bool
	Lines      []textLine
	Title      string
}

type textLine struct {
	X, Y float64
	Text string
	Mark string // what kind of list begins here
}

type drawnWire struct {
	Path   string
	Back   bool // towards the beginning
	Unsure bool
}

type drawnLabel struct {
	X, Y, W, H float64
	Lines      []textLine
	Title      string
	Unsure     bool
}

// A stateRow is a state in the table below the diagram.
type stateRow struct {
	finding.State
	Transitions []finding.Transition
}

func diagramOf(m finding.Machine, n int) diagram {
	g := graphOf(m)
	d := diagram{Machine: m, Anchor: anchor("machine", n), Rows: stateRows(m)}
	for _, t := range m.Transitions {
		if t.Unsure {
			d.Unsure++
		}
	}
	if len(g.nodes) == 0 {
		return d
	}
	boxes, labels := g.sizes()
	l := layOut(g, boxes, labels)
	d.draw(g, l)
	return d
}

// sizes are those of the boxes and of the labels.
func (g graph) sizes() (boxes, labels []size) {
	for _, n := range g.nodes {
		boxes = append(boxes, n.size())
	}
	for _, e := range g.edges {
		w := float64(longest(e.list.lines))*cellWidth + padding
		labels = append(labels, size{w, float64(len(e.list.lines))*lineHeight + 4})
	}
	return boxes, labels
}

func stateRows(m finding.Machine) []stateRow {
	var out []stateRow
	for _, s := range m.States {
		row := stateRow{State: s}
		for _, t := range m.Transitions {
			if t.From == s.Name {
				row.Transitions = append(row.Transitions, t)
			}
		}
		out = append(out, row)
	}
	return out
}

// lists are those that stand in a state's box, each with the sign it begins with.
func (n node) lists() (lists []list, marks []string) {
	if len(n.stays.lines) > 0 {
		lists, marks = append(lists, n.stays), append(marks, "↺")
	}
	for _, l := range n.sinks {
		lists, marks = append(lists, l), append(marks, "→ "+cut(l.to, 16)+":")
	}
	return lists, marks
}

// texts are the lines of a state's box below its name.
func (n node) texts() []textLine {
	var out []textLine
	lists, marks := n.lists()
	for i, l := range lists {
		if marks[i] != "↺" {
			out = append(out, textLine{Mark: marks[i]})
		}
		for j, line := range l.lines {
			t := textLine{Text: line}
			if marks[i] == "↺" && j == 0 {
				t.Mark = "↺"
			}
			out = append(out, t)
		}
	}
	if n.from > 0 {
		out = append(out, textLine{Mark: fmt.Sprintf("from %d states", n.from)})
	}
	return out
}

func (n node) size() size {
	w := float64(cells(cut(n.name, inputCells)))*nameWidth + 3*padding
	texts := n.texts()
	for _, t := range texts {
		w = max(w, textIndent+float64(max(cells(t.Text), cells(t.Mark)-2))*cellWidth+2*padding)
	}
	h := nameHeight + padding
	if len(texts) > 0 {
		h += float64(len(texts))*lineHeight + 6
	}
	return size{max(w, 64), h}
}

// textIndent is the room for the sign before a list.
const textIndent = 16.0

func (d *diagram) draw(g graph, l *layout) {
	extent := l.extent()
	d.Width, d.Height = extent.w, extent.h
	for i, s := range l.spots {
		switch s.kind {
		case boxSpot:
			d.Boxes = append(d.Boxes, drawBox(g.nodes[s.node], s))
		case labelSpot:
			d.Labels = append(d.Labels, drawLabel(g.edges[s.edge].list, l.spots[i]))
		}
	}
	ports := l.ports()
	for i, w := range l.wires {
		d.Wires = append(d.Wires, drawnWire{l.path(w, ports[i]), w.up, g.edges[i].list.unsure})
	}
	first := d.Boxes[0]
	d.Start = fmt.Sprintf("M%.1f %.1fV%.1f", first.Middle, first.Y-beginning+4, first.Y-1)
}

func drawBox(n node, s spot) box {
	b := box{
		Name: cut(n.name, inputCells), X: s.x - s.width/2, Y: s.y - s.height/2, W: s.width, H: s.height,
		Middle: s.x, Sink: n.sink, Title: n.title(),
	}
	b.NameY = b.Y + nameHeight
	b.Lines = n.texts()
	if len(b.Lines) > 0 {
		b.RuleY = b.NameY + 7
	}
	for i := range b.Lines {
		t := &b.Lines[i]
		t.X, t.Y = b.X+padding, b.RuleY+6+float64(i)*lineHeight+9
	}
	return b
}

// title tells all that a box has to shorten.
func (n node) title() string {
	parts := []string{n.name}
	if n.sink {
		parts[0] += " (nothing leads out of it)"
	}
	if n.stays.all != "" {
		parts = append(parts, "stays:\n"+n.stays.all)
	}
	for _, l := range n.sinks {
		parts = append(parts, "to "+l.to+":\n"+l.all)
	}
	return strings.Join(parts, "\n\n")
}

func drawLabel(l list, s spot) drawnLabel {
	out := drawnLabel{X: s.x - s.width/2, Y: s.y - s.height/2, W: s.width, H: s.height, Title: l.all, Unsure: l.unsure}
	for i, line := range l.lines {
		out.Lines = append(out.Lines, textLine{X: s.x, Y: out.Y + 2 + float64(i)*lineHeight + 11, Text: line})
	}
	return out
}

// ports says at which x each wire leaves its first box and enters its last: side
// by side along the edge of a box, in the order in which they part.
func (l *layout) ports() [][2]float64 {
	type end struct {
		wire, which int
		towards     float64
	}
	above, below := make([][]end, len(l.spots)), make([][]end, len(l.spots))
	for i, w := range l.wires {
		n := len(w.spots)
		first, last := w.spots[0], w.spots[n-1]
		below[first] = append(below[first], end{i, 0, l.spots[w.spots[1]].x})
		if w.level {
			below[last] = append(below[last], end{i, 1, l.spots[w.spots[1]].x})
		} else {
			above[last] = append(above[last], end{i, 1, l.spots[w.spots[n-2]].x})
		}
	}
	out := make([][2]float64, len(l.wires))
	for _, side := range [][][]end{above, below} {
		for s, ends := range side {
			slices.SortStableFunc(ends, func(a, b end) int { return cmp.Compare(a.towards, b.towards) })
			step := min(26, (l.spots[s].width-2*padding)/float64(max(1, len(ends))))
			for i, e := range ends {
				out[e.wire][e.which] = l.spots[s].x + (float64(i)-float64(len(ends)-1)/2)*step
			}
		}
	}
	return out
}

type point struct{ x, y float64 }

// path is the line of a wire: upright through the layers, slanting between them.
func (l *layout) path(w wire, port [2]float64) string {
	n := len(w.spots)
	first, last := l.spots[w.spots[0]], l.spots[w.spots[n-1]]
	if w.level {
		return l.levelPath(w, port)
	}
	_, edge := l.bounds(first.layer)
	points := []point{{port[0], first.y + first.height/2}, {port[0], edge}}
	for _, s := range w.spots[1 : n-1] {
		top, bottom := l.bounds(l.spots[s].layer)
		points = append(points, point{l.spots[s].x, top}, point{l.spots[s].x, bottom})
	}
	edge, _ = l.bounds(last.layer)
	points = append(points, point{port[1], edge}, point{port[1], last.y - last.height/2})
	if w.up {
		slices.Reverse(points)
	}
	return smooth(points)
}

// smooth draws upright pieces straight and the others as curves that begin and
// end upright.
func smooth(points []point) string {
	var out strings.Builder
	fmt.Fprintf(&out, "M%.1f %.1f", points[0].x, points[0].y)
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		if a == b {
			continue // it would give an arrow's head no direction
		}
		if a.x == b.x {
			fmt.Fprintf(&out, "V%.1f", b.y)
			continue
		}
		middle := (a.y + b.y) / 2
		fmt.Fprintf(&out, "C%.1f %.1f %.1f %.1f %.1f %.1f", a.x, middle, b.x, middle, b.x, b.y)
	}
	return out.String()
}

// levelPath leads from a state down to the label and up to a state beside it. What
// runs across lies behind the label.
func (l *layout) levelPath(w wire, port [2]float64) string {
	first, label, last := l.spots[w.spots[0]], l.spots[w.spots[1]], l.spots[w.spots[2]]
	_, edge := l.bounds(first.layer)
	top, _ := l.bounds(label.layer)
	half := label.width / 4
	if port[0] > port[1] {
		half = -half
	}
	return smooth([]point{
		{port[0], first.y + first.height/2}, {port[0], edge},
		{label.x - half, top}, {label.x - half, label.y},
		{label.x + half, label.y}, {label.x + half, top},
		{port[1], edge}, {port[1], last.y + last.height/2},
	})
}
