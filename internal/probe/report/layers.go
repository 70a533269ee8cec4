package report

import (
	"cmp"
	"math"
	"slices"
)

// A layout puts a graph in layers from top to bottom, after Sugiyama: states lie
// in rows, by how far they are from the first; the labels of edges lie in layers
// of their own between. An edge that passes a layer keeps a place free in it, so
// that no line runs through a box or a label.
type layout struct {
	spots  []spot
	layers [][]int // indexes of spots, from left to right
	up     [][]int // of each spot: those it is joined with in the layer above
	down   [][]int
	wires  []wire // of each edge of the graph
}

// A spot is a place in a layer: a state's box, an edge's label, or a point that an
// edge passes.
type spot struct {
	kind          spotKind
	node, edge    int
	layer         int
	width, height float64
	x, y          float64 // the middle
}

type spotKind int

const (
	boxSpot spotKind = iota
	labelSpot
	passSpot
)

// A wire is the way of an edge, from the upper end to the lower one.
type wire struct {
	spots []int
	// up tells that the edge leads from the lower end to the upper one.
	up bool
	// level tells that both ends are in one layer: spots are one end, the label
	// below them, the other end.
	level bool
}

// widest is how many states a layer holds; more go to further layers.
const widest = 4

// roomy is how wide the labels between two rows may get in all before they are
// put in several layers.
const roomy = 640.0

func layOut(g graph, boxes, labels []size) *layout {
	l := &layout{}
	rows := ranks(g)
	label, layer := labelLayers(g, rows, labels)
	for i, row := range rows {
		l.add(spot{kind: boxSpot, node: i, layer: layer[row], width: boxes[i].w, height: boxes[i].h})
	}
	for i, e := range g.edges {
		l.wire(i, e, labels[i], label[i])
	}
	l.untangle()
	l.place()
	return l
}

// labelLayers says in which layer each edge's label lies, next to where the edge
// begins, and which layer each row of states is.
func labelLayers(g graph, rows []int, labels []size) (label, layer []int) {
	gaps := slices.Max(rows) + 1
	inGap := make([][]int, gaps) // edges by the row that their label lies below
	total := make([]float64, gaps)
	for i, e := range g.edges {
		gap := rows[e.from]
		if rows[e.to] < gap {
			gap--
		}
		inGap[gap] = append(inGap[gap], i)
		total[gap] += labels[i].w + apart
	}
	label = make([]int, len(g.edges))
	next := 0
	for gap, edges := range inGap {
		layer = append(layer, next)
		used := make([]float64, max(1, min(4, int(math.Ceil(total[gap]/roomy)))))
		for _, i := range edges {
			least := 0
			if rows[g.edges[i].from] != rows[g.edges[i].to] { // else it stays close
				least = slices.Index(used, slices.Min(used))
			}
			used[least] += labels[i].w
			label[i] = next + 1 + least
		}
		next += 1 + len(used)
	}
	return label, layer
}

type size struct{ w, h float64 }

func (l *layout) add(s spot) int {
	l.spots = append(l.spots, s)
	l.up = append(l.up, nil)
	l.down = append(l.down, nil)
	for len(l.layers) <= s.layer {
		l.layers = append(l.layers, nil)
	}
	i := len(l.spots) - 1
	l.layers[s.layer] = append(l.layers[s.layer], i)
	return i
}

// wire leads an edge through the layers.
func (l *layout) wire(i int, e edge, label size, labelled int) {
	top, bottom := e.from, e.to
	up := l.spots[top].layer > l.spots[bottom].layer
	if up {
		top, bottom = bottom, top
	}
	if l.spots[top].layer == l.spots[bottom].layer {
		at := l.add(spot{kind: labelSpot, edge: i, layer: labelled, width: label.w, height: label.h})
		l.join(top, at)
		l.join(bottom, at)
		l.wires = append(l.wires, wire{spots: []int{top, at, bottom}, level: true})
		return
	}
	w := wire{spots: []int{top}, up: up}
	for layer := l.spots[top].layer + 1; layer < l.spots[bottom].layer; layer++ {
		s := spot{kind: passSpot, edge: i, layer: layer, width: 2}
		if layer == labelled {
			s.kind, s.width, s.height = labelSpot, label.w, label.h
		}
		at := l.add(s)
		l.join(w.spots[len(w.spots)-1], at)
		w.spots = append(w.spots, at)
	}
	l.join(w.spots[len(w.spots)-1], bottom)
	w.spots = append(w.spots, bottom)
	l.wires = append(l.wires, w)
}

func (l *layout) join(upper, lower int) {
	l.down[upper] = append(l.down[upper], lower)
	l.up[lower] = append(l.up[lower], upper)
}

// ranks says in which row each state comes: by its distance from the first.
// Sinks without lines, and what cannot be reached, come last.
func ranks(g graph) []int {
	distance := make([]int, len(g.nodes))
	for i := range distance {
		distance[i] = -1
	}
	if len(distance) == 0 {
		return nil
	}
	distance[0] = 0
	queue := []int{0}
	furthest := 0
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		furthest = max(furthest, distance[at])
		for _, e := range g.edges {
			if e.from == at && distance[e.to] < 0 {
				distance[e.to] = distance[at] + 1
				queue = append(queue, e.to)
			}
		}
	}
	for i, d := range distance {
		if d < 0 {
			distance[i] = furthest + 1
		}
	}
	return spread(distance)
}

// spread turns distances into rows of at most widest states.
func spread(distance []int) []int {
	row := make([]int, len(distance))
	next := 0
	for d := range slices.Max(distance) + 1 {
		var here []int
		for i := range distance {
			if distance[i] == d {
				here = append(here, i)
			}
		}
		rows := (len(here) + widest - 1) / widest
		for n, i := range here {
			row[i] = next + n*rows/len(here)
		}
		next += rows
	}
	return row
}

// untangle orders the layers so that few lines cross: sweeps down and up put each
// spot at the mean of what it is joined with, neighbours change places where that
// helps, and the best order that came up is kept.
func (l *layout) untangle() {
	best, least := cloned(l.layers), l.crossings()
	for sweep := 0; sweep < 24 && least > 0; sweep++ {
		if sweep%2 == 0 {
			for i := 1; i < len(l.layers); i++ {
				l.sortLayer(i, l.up)
			}
		} else {
			for i := len(l.layers) - 2; i >= 0; i-- {
				l.sortLayer(i, l.down)
			}
		}
		l.swapNeighbours()
		if n := l.crossings(); n < least {
			best, least = cloned(l.layers), n
		}
	}
	l.layers = best
}

func cloned(layers [][]int) [][]int {
	out := make([][]int, len(layers))
	for i := range layers {
		out[i] = slices.Clone(layers[i])
	}
	return out
}

// sortLayer puts the spots of a layer at the mean place of their neighbours in
// the layer above or below. Spots without such keep about their place.
func (l *layout) sortLayer(layer int, joined [][]int) {
	place := l.places()
	mean := make(map[int]float64)
	for i, s := range l.layers[layer] {
		mean[s] = float64(i)
		if near := joined[s]; len(near) > 0 {
			sum := 0
			for _, n := range near {
				sum += place[n]
			}
			mean[s] = float64(sum) / float64(len(near))
		}
	}
	slices.SortStableFunc(l.layers[layer], func(a, b int) int { return cmp.Compare(mean[a], mean[b]) })
}

// places says which place in its layer each spot has.
func (l *layout) places() []int {
	place := make([]int, len(l.spots))
	for _, layer := range l.layers {
		for i, s := range layer {
			place[s] = i
		}
	}
	return place
}

// swapNeighbours changes the places of neighbours as long as that saves crossings.
func (l *layout) swapNeighbours() {
	for range 8 {
		changed := false
		for i := range l.layers {
			place := l.places()
			for j := 0; j+1 < len(l.layers[i]); j++ {
				a, b := l.layers[i][j], l.layers[i][j+1]
				now := crossed(l.up[a], l.up[b], place) + crossed(l.down[a], l.down[b], place)
				then := crossed(l.up[b], l.up[a], place) + crossed(l.down[b], l.down[a], place)
				if then < now {
					l.layers[i][j], l.layers[i][j+1] = b, a
					changed = true
				}
			}
		}
		if !changed {
			return
		}
	}
}

// crossed counts crossings of the lines of two neighbours, a left of b, to one
// layer.
func crossed(a, b []int, place []int) int {
	n := 0
	for _, i := range a {
		for _, j := range b {
			if place[i] > place[j] {
				n++
			}
		}
	}
	return n
}

func (l *layout) crossings() int {
	place := l.places()
	n := 0
	for _, layer := range l.layers {
		for i, a := range layer {
			for _, b := range layer[i+1:] {
				n += crossed(l.down[a], l.down[b], place)
			}
		}
	}
	return n
}
