package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// Measures of a plot of a timer.
const (
	plotWidth = 720.0
	plotLeft  = 16.0
	plotRight = 24.0
	dotSize   = 5.0
	dotRow    = 13.0 // dots at about one place stand on each other
)

// A timing is a timer with its plots: all of the time, and what lies about the
// end if that is too narrow to be seen in the first.
type timing struct {
	finding.Timer
	Anchor  string
	Summary string
	Plots   []plot
}

// A plot is a line of time with dots on it.
type plot struct {
	Width, Height float64
	Title         string
	Left, Right   float64
	Base          float64 // the y of the line
	ShadeX        float64
	ShadeW        float64
	Edge          string // what stands at the shaded part
	EdgeX         float64
	EdgeAnchor    string
	Dots          []dot
	Ticks         []tick
	Log           bool
	Waved         bool // the line does not begin at 0
}

type dot struct {
	X, Y  float64
	Alive bool
	Title string
}

type tick struct {
	X    float64
	Text string
}

func timingOf(t finding.Timer, n int) timing {
	out := timing{Timer: t, Anchor: anchor("timer", n), Summary: timerSummary(t)}
	most := t.High
	for _, p := range t.Points {
		most = max(most, p.After)
	}
	if most <= 0 || math.IsInf(most, 0) || math.IsNaN(most) {
		return out
	}
	full := scale{from: 0, to: most, log: useLog(t, most)}
	out.Plots = append(out.Plots, full.plot(t))
	if width := full.x(t.High) - full.x(t.Low); t.High > t.Low && width < 14 {
		out.Plots = append(out.Plots, around(t, most).plot(t))
	}
	return out
}

// useLog tells whether equal steps would press what matters into a corner: the
// end, or the looks that were taken if no end was found.
func useLog(t finding.Timer, most float64) bool {
	matters := t.High
	if matters <= 0 {
		matters = most
		for _, p := range t.Points {
			if p.After > 0 {
				matters = min(matters, p.After)
			}
		}
	}
	return matters < most/15
}

// around is the scale of a closer look at where a timer ends.
func around(t finding.Timer, most float64) scale {
	room := max((t.High-t.Low)*4, t.High*0.02)
	return scale{from: max(0, t.Low-room), to: min(most, t.High+room), near: true}
}

// A scale turns seconds into places on the line.
type scale struct {
	from, to  float64
	log, near bool
}

func (s scale) x(v float64) float64 {
	part := (v - s.from) / (s.to - s.from)
	if s.log {
		// 0 has a place too, which it has not on a true logarithmic scale.
		part = math.Log1p(v) / math.Log1p(s.to)
	}
	return plotLeft + part*(plotWidth-plotLeft-plotRight)
}

func (s scale) plot(t finding.Timer) plot {
	p := plot{Width: plotWidth, Left: plotLeft, Right: plotWidth - plotRight, Log: s.log, Waved: s.near && s.from > 0}
	p.Title = t.Name + ", from " + duration(s.from) + " to " + duration(s.to)
	p.Dots = s.dots(t.Points)
	rows := 1.0
	for _, d := range p.Dots {
		rows = max(rows, -d.Y/dotRow+1)
	}
	p.Base = 26 + rows*dotRow
	p.Height = p.Base + 30
	for i := range p.Dots {
		p.Dots[i].Y += p.Base - dotRow
	}
	s.shade(&p, t)
	s.ticks(&p)
	return p
}

// shade marks between which points the timer ends.
func (s scale) shade(p *plot, t finding.Timer) {
	if t.High <= 0 || t.High < t.Low {
		return
	}
	p.ShadeX = s.x(t.Low)
	p.ShadeW = max(1.5, s.x(t.High)-p.ShadeX)
	p.EdgeX, p.EdgeAnchor = p.ShadeX+p.ShadeW/2, "middle"
	switch {
	case p.EdgeX > plotWidth-120:
		p.EdgeX, p.EdgeAnchor = p.ShadeX+p.ShadeW, "end"
	case p.EdgeX < 120:
		p.EdgeX, p.EdgeAnchor = p.ShadeX, "start"
	}
	p.Edge = "ends between " + number(t.Low) + " and " + number(t.High) + " s"
}

// dots puts a dot for each point on the line, the first at y 0, and those that
// would touch others above these.
func (s scale) dots(points []finding.TimerPoint) []dot {
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b finding.TimerPoint) int { return cmp.Compare(a.After, b.After) })
	var out []dot
	var ends []float64 // of each row: where its last dot is
	for _, p := range points {
		if p.After < s.from || p.After > s.to {
			continue
		}
		x := s.x(p.After)
		row := 0
		for row < len(ends) && x-ends[row] < 2*dotSize+1 {
			row++
		}
		if row == len(ends) {
			ends = append(ends, x)
		}
		ends[row] = x
		state := "over"
		if p.Alive {
			state = "alive"
		}
		out = append(out, dot{x, -float64(row) * dotRow, p.Alive, fmt.Sprintf("after %s s: %s (%s)", number(p.After), state, p.ID)})
	}
	return out
}

func (s scale) ticks(p *plot) {
	for _, v := range s.tickValues() {
		p.Ticks = append(p.Ticks, tick{s.x(v), duration(v)})
	}
}

func (s scale) tickValues() []float64 {
	var out []float64
	if s.log {
		for _, v := range []float64{0, 1, 10, 60, 600, 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400, 365 * 86400} {
			if v <= s.to {
				out = append(out, v)
			}
		}
		return out
	}
	step := niceStep((s.to - s.from) / 6)
	for i := math.Ceil(s.from / step); i*step <= s.to*(1+1e-9); i++ {
		out = append(out, i*step)
	}
	return out
}

// niceStep is a step that people count time in, next above a length.
func niceStep(least float64) float64 {
	for _, v := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 6 * 3600, 12 * 3600, 86400} {
		if v >= least {
			if least < 0.5 {
				break
			}
			return v
		}
	}
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, v := range []float64{1, 2, 5} {
		if v*power >= least {
			return v * power
		}
	}
	return 10 * power
}

// timerSummary says in a sentence when a timer ends.
func timerSummary(t finding.Timer) string {
	switch {
	case len(t.Points) == 0 && t.High <= 0:
		return "It was not looked at."
	case t.High <= 0 || t.High < t.Low:
		return "It had not run out after " + withUnits(t.Low) + ", the longest wait."
	}
	return "It had not run out after " + withUnits(t.Low) + ", and had after " + withUnits(t.High) + "."
}

// withUnits writes seconds, and the same in larger units where that helps.
func withUnits(v float64) string {
	plain := number(v) + " s"
	if v < 120 {
		return plain
	}
	return plain + " (" + duration(v) + ")"
}

func number(v float64) string { return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64) }

// duration writes seconds in the units that suit them.
func duration(v float64) string {
	if v < 120 && v != 60 || v != math.Trunc(v) {
		return number(v) + " s"
	}
	out := ""
	rest := int64(v)
	for _, unit := range []struct {
		name    string
		seconds int64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}} {
		if n := rest / unit.seconds; n > 0 {
			if out != "" {
				out += " "
			}
			out += fmt.Sprintf("%d %s", n, unit.name)
			rest %= unit.seconds
		}
	}
	return out
}
