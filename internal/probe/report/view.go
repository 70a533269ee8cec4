package report

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// A page is all that report.html shows, in the order in which it shows it.
type page struct {
	*finding.Study
	Style    template.CSS
	Script   template.JS
	Policy   string
	Sections []section

	Runs        []run
	Grades      []gradeCount
	Surest      []aspectFacts
	Contested   []factView
	Refuted     int
	Gaps        []finding.Gap
	Compared    bool
	Differ      []difference
	Examples    []exchange
	Matrix      matrix
	CellBlocks  []exchange
	FieldGroups []fieldGroup
	Relations   []finding.Fact
	CodeTable   codeTable
	CodeBlocks  []exchange
	Diagrams    []diagram
	WalkViews   []walk
	Timings     []timing
	Groups      []factGroupView
	Aspects     []finding.Aspect
	Method      []paragraph
}

// A section is a part of a report, with its number.
type section struct {
	Number    int
	ID, Title string
}

// sectionsOf are the parts of a study's report in their order.
func sectionsOf(s *finding.Study) []section {
	all := []section{
		{0, "findings", "Findings"},
		{0, "differences", "Differences"},
		{0, "commands", "Commands"},
		{0, "matrix", "Parameter matrix"},
		{0, "fields", "Fields and relations"},
		{0, "codes", "Codes by command and state"},
		{0, "machines", "State machines"},
		{0, "paging", "Paging"},
		{0, "timers", "Timers"},
		{0, "noise", "Noise"},
		{0, "facts", "All facts"},
		{0, "method", "Method and limits"},
		{0, "transcript", "Transcript index"},
	}
	var out []section
	for _, one := range all {
		if one.ID == "differences" && !compared(s) {
			continue
		}
		one.Number = len(out) + 1
		out = append(out, one)
	}
	return out
}

// Section finds a part by its ID, for templates.
func (p *page) Section(id string) (section, error) {
	for _, s := range p.Sections {
		if s.ID == id {
			return s, nil
		}
	}
	return section{}, fmt.Errorf("no section %q", id)
}

// A run is one server of a study.
type run struct {
	Letter, Server string
	Requests       int
	// Share is how much of the budget was used, in hundredths.
	Share int
}

func runsOf(s *finding.Study) []run {
	var out []run
	for i, server := range s.Servers {
		r := run{Letter: string(rune('A' + i)), Server: server}
		if i < len(s.Requests) {
			r.Requests = s.Requests[i]
		}
		if s.Budget > 0 {
			r.Share = min(100, max(0, r.Requests*100/s.Budget))
		}
		out = append(out, r)
	}
	return out
}

// An exchange is a request and its answer as they are shown; or two, with what
// differs marked.
type exchange struct {
	Anchor, Title string
	Sides         []side
}

type side struct {
	Name, ID          string
	Request, Response []piece
}

func one(title, at string, e finding.Exchange) exchange {
	return exchange{at, title, []side{{"", e.ID, whole(e.Request), whole(e.Response)}}}
}

func two(title, at string, base, variant finding.Exchange) exchange {
	left := side{Name: "base", ID: base.ID}
	right := side{Name: "variant", ID: variant.ID}
	left.Request, right.Request = compare(base.Request, variant.Request)
	left.Response, right.Response = compare(base.Response, variant.Response)
	return exchange{at, title, []side{left, right}}
}

func anchor(kind string, numbers ...int) string {
	for _, n := range numbers {
		kind += fmt.Sprintf("-%d", n+1)
	}
	return kind
}

// blocks makes all exchanges that the page shows.
func (p *page) blocks() {
	for i, c := range p.Commands {
		if c.Example.Request != "" {
			p.Examples = append(p.Examples, one(c.Name, anchor("command", i), c.Example))
		}
	}
	for _, row := range p.Matrix.Rows {
		for _, c := range row.all() {
			p.CellBlocks = append(p.CellBlocks, two(c.Title, c.Anchor, row.Base, c.Exchange))
		}
	}
	for _, row := range p.CodeTable.Rows {
		for i, cell := range row.Cells {
			for _, c := range cell {
				title := fmt.Sprintf("%s, %s: code %s", c.Command, p.CodeTable.States[i], c.Code)
				p.CodeBlocks = append(p.CodeBlocks, one(title, c.Anchor, c.Example))
			}
		}
	}
}

// all are the cells of a row, those in columns first.
func (r matrixRow) all() []*matrixCell {
	var out []*matrixCell
	for _, c := range r.Cells {
		if c != nil {
			out = append(out, c)
		}
	}
	return append(out, r.Others...)
}

// A factView is a fact with its evidence made into links, where the page shows
// the exchange.
type factView struct {
	finding.Fact
	For, Anti []reference
}

type reference struct{ ID, Anchor string }

type factGroupView struct {
	Command   string
	Facts     []factView
	Confirmed int
}

// anchors says under which anchor the page shows a transcript's entry.
func (p *page) anchors() map[string]string {
	at := map[string]string{}
	for _, list := range [][]exchange{p.Examples, p.CodeBlocks, p.CellBlocks} {
		for _, e := range list {
			last := e.Sides[len(e.Sides)-1]
			if at[last.ID] == "" {
				at[last.ID] = e.Anchor
			}
		}
	}
	return at
}

func viewOf(f finding.Fact, anchors map[string]string) factView {
	v := factView{Fact: f}
	for _, id := range f.Evidence {
		v.For = append(v.For, reference{id, anchors[id]})
	}
	for _, id := range f.Against {
		v.Anti = append(v.Anti, reference{id, anchors[id]})
	}
	return v
}

// A difference is one of two servers as a card shows it.
type difference struct {
	finding.Difference
	Number int
	Steps  []diffStep
}

type diffStep struct {
	finding.Both
	// Who asks, as a sign before the step; "" if the step has to say it.
	Who     string
	Number  int
	Differs bool
	Left    []piece
	Right   []piece
}

func differenceOf(d finding.Difference, n int) difference {
	out := difference{Difference: d, Number: n + 1}
	for i, b := range d.Witness {
		step := diffStep{Both: b, Number: i + 1, Differs: b.A != b.B}
		if len(b.RequestBase64) > 0 {
			step.Request = visible(string(b.RequestBase64))
		}
		if rest, ok := strings.CutPrefix(b.Step, b.Role+" "); ok {
			step.Who, step.Step = b.Role, rest
		}
		step.Left, step.Right = compare(b.A, b.B)
		out.Steps = append(out.Steps, step)
	}
	return out
}
