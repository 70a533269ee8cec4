package report

import "math"

const (
	apart     = 18.0 // between spots of a layer
	leastGap  = 26.0 // between layers
	mostGap   = 64.0
	margin    = 14.0
	beginning = 26.0 // above the first state, for the arrow that leads to it
)

// place gives each spot its middle: x by drawing it to what it is joined with,
// y by the layers' heights and the room that slanting lines need.
func (l *layout) place() {
	for _, layer := range l.layers {
		x := 0.0
		for _, s := range layer {
			l.spots[s].x = x + l.spots[s].width/2
			x += l.spots[s].width + 2*apart
		}
	}
	for range 20 {
		for i := range l.layers {
			l.settle(i, l.up)
		}
		for i := len(l.layers) - 1; i >= 0; i-- {
			l.settle(i, l.down)
		}
	}
	for range 60 { // straightens what the sweeps left wavy
		for i := range l.layers {
			l.settle(i, nil)
		}
	}
	l.toMargin()
	l.stack()
}

// settle moves a layer's spots as near as their order lets them to the mean of
// their neighbours on one side, or on both (joined is nil).
func (l *layout) settle(layer int, joined [][]int) {
	spots := l.layers[layer]
	want, weight := make([]float64, len(spots)), make([]float64, len(spots))
	for i, s := range spots {
		near := joined
		var all []int
		if near == nil {
			all = append(append(all, l.up[s]...), l.down[s]...)
		} else {
			all = near[s]
		}
		want[i], weight[i] = l.spots[s].x, 0.1
		if len(l.up[s])+len(l.down[s]) == 0 {
			want[i] = l.centre()
		}
		if len(all) == 0 {
			continue
		}
		sum, total := 0.0, 0.0
		for _, n := range all {
			w := l.pull(s, n)
			sum += w * l.spots[n].x
			total += w
		}
		want[i], weight[i] = sum/total, total
	}
	for i, x := range l.keepApart(spots, want, weight) {
		l.spots[spots[i]].x = x
	}
}

// centre is the mean place of all spots that are joined with others.
func (l *layout) centre() float64 {
	sum, n := 0.0, 0.0
	for i, s := range l.spots {
		if len(l.up[i])+len(l.down[i]) > 0 {
			sum += s.x
			n++
		}
	}
	return sum / max(1, n)
}

// pull is how strongly two spots draw each other: long lines should be straight.
func (l *layout) pull(a, b int) float64 {
	switch {
	case l.spots[a].kind != boxSpot && l.spots[b].kind != boxSpot:
		return 8
	case l.spots[a].kind != boxSpot || l.spots[b].kind != boxSpot:
		return 2
	}
	return 1
}

// keepApart finds the places next to those that are wanted (least squares) at which
// no two spots touch: an isotonic regression, by pooling neighbours that are out
// of order.
func (l *layout) keepApart(spots []int, want, weight []float64) []float64 {
	offset := make([]float64, len(spots))
	for i := 1; i < len(spots); i++ {
		offset[i] = offset[i-1] + l.spots[spots[i-1]].width/2 + l.between(spots[i-1], spots[i]) + l.spots[spots[i]].width/2
	}
	type pool struct {
		sum, weight float64
		count       int
	}
	var pools []pool
	for i := range spots {
		pools = append(pools, pool{(want[i] - offset[i]) * weight[i], weight[i], 1})
		for n := len(pools); n > 1 && pools[n-2].sum/pools[n-2].weight > pools[n-1].sum/pools[n-1].weight; n = len(pools) {
			a, b := pools[n-2], pools[n-1]
			pools = append(pools[:n-2], pool{a.sum + b.sum, a.weight + b.weight, a.count + b.count})
		}
	}
	out := make([]float64, 0, len(spots))
	for _, p := range pools {
		for range p.count {
			out = append(out, p.sum/p.weight+offset[len(out)])
		}
	}
	return out
}

// between is how far two neighbours must be apart: boxes more, lines less.
func (l *layout) between(a, b int) float64 {
	switch {
	case l.spots[a].kind == boxSpot && l.spots[b].kind == boxSpot:
		return 2 * apart
	case l.spots[a].kind == passSpot && l.spots[b].kind == passSpot:
		return apart / 2
	}
	return apart
}

func (l *layout) toMargin() {
	left := math.Inf(1)
	for _, s := range l.spots {
		left = min(left, s.x-s.width/2)
	}
	for i := range l.spots {
		l.spots[i].x = math.Round((l.spots[i].x-left+margin)*10) / 10
	}
}

// stack gives the layers their heights. Lines that go far aside get more room to
// do it in.
func (l *layout) stack() {
	y := margin + beginning
	for i, layer := range l.layers {
		if len(layer) == 0 {
			continue
		}
		height, aside := 0.0, 0.0
		for _, s := range layer {
			height = max(height, l.spots[s].height)
			for _, n := range l.down[s] {
				aside = max(aside, math.Abs(l.spots[n].x-l.spots[s].x)-l.spots[s].width/2)
			}
		}
		for _, s := range layer {
			l.spots[s].y = y + height/2
		}
		y += height
		if i < len(l.layers)-1 {
			y += min(mostGap, max(leastGap, aside*0.2))
		}
	}
}

func (l *layout) extent() size {
	var out size
	for _, s := range l.spots {
		out.w = max(out.w, s.x+s.width/2)
		out.h = max(out.h, s.y+s.height/2)
	}
	return size{out.w + margin, out.h + margin}
}

// bounds are the upper and the lower edge of a layer.
func (l *layout) bounds(layer int) (top, bottom float64) {
	top, bottom = math.Inf(1), math.Inf(-1)
	for _, s := range l.layers[layer] {
		top = min(top, l.spots[s].y-l.spots[s].height/2)
		bottom = max(bottom, l.spots[s].y+l.spots[s].height/2)
	}
	return top, bottom
}
