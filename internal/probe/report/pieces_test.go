package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// show writes pieces with brackets about what differs.
func show(pieces []piece) string {
	var out strings.Builder
	for _, p := range pieces {
		if p.Differs {
			out.WriteString("[" + p.Text + "]")
		} else {
			out.WriteString(p.Text)
		}
	}
	return out.String()
}

func TestWhatDiffersInTwoMessagesIsMarked(t *testing.T) {
	for _, c := range []struct{ name, a, b, left, right string }{
		{"equal ones", "A=1&B=2", "A=1&B=2", "A=1&B=2", "A=1&B=2"},
		{"one value", "A=1&B=2&C=3", "A=1&B=20&C=3", "A=1&B=[2]&C=3", "A=1&B=[20]&C=3"},
		{"a negative one", "TN=160", "TN=-1", "TN=[160]", "TN=[-1]"},
		{"a key left out", "A=1&B=2&C=3", "A=1&C=3", "A=1&[B=2&]C=3", "A=1&C=3"},
		{"an element in front", "UN=3,4,5,", "UN=2,3,4,", "UN=3,4[,5],", "UN=[2,]3,4,"},
		{"neighbours that differ", "A=1,2,3", "A=4,5,3", "A=[1,2],3", "A=[4,5],3"},
		{"nothing", "A=1", "", "[A=1]", ""},
		{"both nothing", "", "", "", ""},
		{"other letters", "NK=企鹅", "NK=企鵝", "NK=[企鹅]", "NK=[企鵝]"},
		{"no UTF-8", "A=\xff&B", "A=\xfe&B", "A=[\xff]&B", "A=[\xfe]&B"},
	} {
		left, right := compare(c.a, c.b)
		if show(left) != c.left || show(right) != c.right {
			t.Errorf("%s: %s | %s, want %s | %s", c.name, show(left), show(right), c.left, c.right)
		}
	}
}

func TestHugeMessagesAreMarkedWithoutComparingEachWord(t *testing.T) {
	long := func(word string) string { return "start&" + strings.Repeat(word+",", 5000) + "&end" }
	left, _ := compare(long("1"), long("2"))
	if len(left) != 3 || left[0].Text != "start&" || left[2].Text != ",&end" {
		t.Errorf("%d pieces", len(left))
	}
}

func TestWhatCannotBeSeenIsShown(t *testing.T) {
	for in, want := range map[string]string{
		"plain, 企鹅 é":    "plain, 企鹅 é",
		"a\x00b\x1b\x7f": `a\x00b\x1b\x7f`,
		"\xff\xc3(":      `\xff\xc3(`,
		"a\r\nb\tc":      "a\\r\\n\nb\\tc",
		"\u0085\u202e":   `\u0085\u202e`,
		"\U000e0001":     `\U000e0001`,
		"\ufffd":         "\ufffd", // it is a character like others if it was sent
	} {
		if got := visible(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if again := visible(visible(in)); !strings.Contains(in, "\n") && again != visible(in) {
			t.Errorf("%q: shown twice it is %q", in, again)
		}
	}
}

func TestTextsShowInMarkdownAsTheyAre(t *testing.T) {
	for in, want := range map[string]string{
		"Query_Stat":          "Query_Stat",
		"_x_ *y* `z` ~w~":     "\\_x\\_ \\*y\\* \\`z\\` \\~w\\~",
		"a|b":                 `a\|b`,
		"<b>&amp;":            "&lt;b&gt;&amp;amp;",
		"1. one":              `1\. one`,
		"1.1":                 "1.1",
		"# head":              `\# head`,
		"- item":              `\- item`,
		"[x](http://y)":       `\[x\](http&#58;//y)`,
		"two\nlines":          "two lines",
		"$x$ and a@b and c:d": `\$x\$ and a&#64;b and c:d`,
	} {
		if got := text(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestTransitionsAreMergedForDrawing(t *testing.T) {
	m := finding.Machine{States: []finding.State{{Name: "out"}, {Name: "in"}, {Name: "away"}, {Name: "locked"}}}
	add := func(from, to string, inputs ...string) {
		for _, input := range inputs {
			m.Transitions = append(m.Transitions, finding.Transition{From: from, Input: input, Output: "0", To: to})
		}
	}
	add("out", "in", "a", "b", "c", "d", "e")
	add("out", "out", "f", "g")
	for _, from := range []string{"out", "in", "away"} {
		add(from, "locked", "x")
	}
	add("locked", "locked", "a", "b")
	add("in", "away", "away")
	add("away", "out", "back")
	g := graphOf(m)
	if len(g.edges) != 3 {
		t.Errorf("%d lines, want 3: %+v", len(g.edges), g.edges)
	}
	if got := strings.Join(g.edges[0].list.lines, "; "); got != "a / 0; b / 0; c / 0; + 2 more" {
		t.Errorf("the label of parallel transitions: %s", got)
	}
	if got := strings.Join(g.nodes[0].stays.lines, "; "); got != "f / 0; g / 0" {
		t.Errorf("what stays: %s", got)
	}
	if locked := g.nodes[3]; !locked.sink || locked.from != 3 || len(g.nodes[1].sinks) != 1 {
		t.Errorf("the sink: %+v", locked)
	}
}

func TestMermaidTakesAnyName(t *testing.T) {
	m := finding.Machine{
		States: []finding.State{{Name: `say "hi"; <b>`}, {Name: ""}},
		Transitions: []finding.Transition{
			{From: `say "hi"; <b>`, Input: "a: x --> y", Output: "`0`", To: ""},
			{From: "", Input: "#1", Output: "{0}", To: "", Unsure: true},
		},
	}
	want := `stateDiagram-v2
    state "say #34;hi#34;#59; #60;b#62;" as s0
    state "?" as s1
    s1: ↺ #35;1 / #123;0#125; ?
    [*] --> s0
    s0 --> s1: a#58; x #45;-#62; y / #96;0#96;
`
	if got := mermaid(m); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMachinesThatAreNotWholeAreDrawnToo(t *testing.T) {
	for name, m := range map[string]finding.Machine{
		"nothing":           {},
		"one state":         {States: []finding.State{{Name: "s0"}}},
		"unknown states":    {Transitions: []finding.Transition{{From: "x", Input: "i", Output: "o", To: "y"}}},
		"a state apart":     {States: []finding.State{{Name: "s0"}, {Name: "s1"}}},
		"twice the same":    {States: []finding.State{{Name: "s0"}, {Name: "s0"}}},
		"nothing but loops": {States: []finding.State{{Name: "s0"}}, Transitions: []finding.Transition{{From: "s0", To: "s0"}}},
	} {
		if d := diagramOf(m, 0); len(d.Boxes) > 0 && (d.Width <= 0 || d.Height <= 0) {
			t.Errorf("%s: %v x %v", name, d.Width, d.Height)
		}
	}
}

func TestTimesAreWrittenInUnitsThatSuitThem(t *testing.T) {
	for v, want := range map[float64]string{0: "0 s", 1.5: "1.5 s", 60: "1 min", 90: "90 s", 299: "4 min 59 s", 300: "5 min", 3600: "1 h", 90061: "1 d 1 h 1 min 1 s", 2419200: "28 d"} {
		if got := duration(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

func TestATimerIsDrawnSoThatItsEndCanBeSeen(t *testing.T) {
	at := func(low, high float64, points ...float64) timing {
		timer := finding.Timer{Name: "t", Low: low, High: high}
		for _, p := range points {
			timer.Points = append(timer.Points, finding.TimerPoint{After: p, Alive: p <= low})
		}
		return timingOf(timer, 0)
	}
	for _, c := range []struct {
		name  string
		got   timing
		plots int
		log   bool
		says  string
	}{
		{"a wide end", at(100, 200, 50, 100, 200), 1, false, "It had not run out after 100 s, and had after 200 s (3 min 20 s)."},
		{"a narrow end", at(299, 301, 15, 299, 301, 405), 2, false, "It had not run out after 299 s (4 min 59 s), and had after 301 s (5 min 1 s)."},
		{"an end far to the left", at(5, 9, 5, 9, 3600), 1, true, "It had not run out after 5 s, and had after 9 s."},
		{"no end", at(400, 0, 300, 400), 1, false, "It had not run out after 400 s (6 min 40 s), the longest wait."},
		{"no look", at(0, 0), 0, false, "It was not looked at."},
	} {
		if len(c.got.Plots) != c.plots || c.got.Summary != c.says || c.plots > 0 && c.got.Plots[0].Log != c.log {
			t.Errorf("%s: %d plots, %s", c.name, len(c.got.Plots), c.got.Summary)
		}
		for _, p := range c.got.Plots {
			checkDots(t, c.name, p)
		}
	}
}

func checkDots(t *testing.T, name string, p plot) {
	t.Helper()
	for i, a := range p.Dots {
		if a.X < 0 || a.X > p.Width || a.Y < 0 || a.Y > p.Height {
			t.Errorf("%s: a dot lies outside: %+v", name, a)
		}
		for _, b := range p.Dots[i+1:] {
			if dx, dy := a.X-b.X, a.Y-b.Y; dx*dx+dy*dy < 4*dotSize*dotSize {
				t.Errorf("%s: two dots overlap: %+v, %+v", name, a, b)
			}
		}
	}
}

func TestManyEqualLooksAtATimerStandOnEachOther(t *testing.T) {
	timer := finding.Timer{Name: "t", Low: 10, High: 20}
	for i := range 40 {
		timer.Points = append(timer.Points, finding.TimerPoint{After: 10, Alive: true, ID: fmt.Sprint(i)})
	}
	checkDots(t, "many", timingOf(timer, 0).Plots[0])
}

func TestRareVariantsGetNoColumnOfTheirOwn(t *testing.T) {
	m := matrixOf([]finding.MatrixRow{
		{Command: "A", Key: "x", Cells: []finding.Cell{{Variant: "absent", Outcome: "same"}, {Variant: "1001", Outcome: "other"}}},
		{Command: "A", Key: "y", Cells: []finding.Cell{{Variant: "absent", Outcome: "strange"}}},
	})
	if strings.Join(m.Columns, ",") != "absent" || !m.Others || len(m.Rows[0].Others) != 1 || len(m.Rows[1].Others) != 0 {
		t.Errorf("%+v", m)
	}
	if got := m.Rows[1].Cells[0].Look.Letter; got != "?" {
		t.Errorf("an outcome that is not known is shown as %q", got)
	}
	seen := map[string]bool{}
	for _, o := range outcomes {
		if seen[o.Letter] {
			t.Errorf("two outcomes share the letter %s", o.Letter)
		}
		seen[o.Letter] = true
	}
}

func TestTheFirstPageHoldsTheSurestFactsOfEachAspect(t *testing.T) {
	f := func(command, claim string, aspect finding.Aspect, grade finding.Grade, attacks int) finding.Fact {
		return finding.Fact{Command: command, Claim: claim, Aspect: aspect, Grade: grade, Attacks: attacks, Statement: command + claim}
	}
	got := surest([]finding.Fact{
		f("A", "1", finding.Parameter, finding.Observed, 9), f("A", "2", finding.Parameter, finding.Confirmed, 1),
		f("A", "3", finding.Parameter, finding.Confirmed, 5), f("B", "4", finding.Parameter, finding.Confirmed, 1),
		f("C", "5", finding.Parameter, finding.Confirmed, 1), f("D", "6", finding.Parameter, finding.Contested, 1),
		f("A", "7", finding.Session, finding.Inferred, 1), f("A", "8", "colour", finding.Observed, 0),
	})
	if len(got) != 2 || got[0].Aspect != finding.Parameter || got[1].Aspect != "colour" {
		t.Fatalf("%+v", got)
	}
	var names []string
	for _, fact := range got[0].Facts {
		names = append(names, fact.Statement)
	}
	if strings.Join(names, " ") != "A3 B4 C5 A2" || got[0].More != 1 {
		t.Errorf("%v, %d more", names, got[0].More)
	}
}
