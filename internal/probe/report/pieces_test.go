package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// show writes pieces with brackets about what differs.
func show(pieces []textPiece) string {
	var result strings.Builder
	for _, piece := range pieces {
		if piece.Differs {
			result.WriteString("[" + piece.Text + "]")
		} else {
			result.WriteString(piece.Text)
		}
	}
	return result.String()
}

func TestDiffMarksChangedWords(t *testing.T) {
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
		left, right := markDifferences(c.a, c.b)
		if show(left) != c.left || show(right) != c.right {
			t.Errorf("%s: got %s | %s, want %s | %s", c.name, show(left), show(right), c.left, c.right)
		}
	}
}

func TestDiffMarksHugeMessagesAsAWhole(t *testing.T) {
	long := func(word string) string { return "start&" + strings.Repeat(word+",", 5000) + "&end" }
	left, _ := markDifferences(long("1"), long("2"))
	if len(left) != 3 || left[0].Text != "start&" || left[2].Text != ",&end" {
		t.Errorf("got %d pieces", len(left))
	}
}

func TestInvisibleCharactersAreEscaped(t *testing.T) {
	for in, want := range map[string]string{
		"plain, 企鹅 é":    "plain, 企鹅 é",
		"a\x00b\x1b\x7f": `a\x00b\x1b\x7f`,
		"\xff\xc3(":      `\xff\xc3(`,
		"a\r\nb\tc":      "a\\r\\n\nb\\tc",
		"\u0085\u202e":   `\u0085\u202e`,
		"\U000e0001":     `\U000e0001`,
		"\ufffd":         "\ufffd", // it is a character like others if it was sent
	} {
		if got := escapeInvisible(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		if again := escapeInvisible(escapeInvisible(in)); !strings.Contains(in, "\n") && again != escapeInvisible(in) {
			t.Errorf("%q: escaping it twice gives %q", in, again)
		}
	}
}

func TestMarkdownEscapesTexts(t *testing.T) {
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
		if got := escapeMarkdown(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestMermaidAcceptsAnyName(t *testing.T) {
	machine := finding.StateMachine{
		States: []finding.MachineState{{Name: `say "hi"; <b>`}, {Name: ""}},
		Transitions: []finding.MachineTransition{
			{From: `say "hi"; <b>`, Input: "a: x --> y", Output: "`0`", To: ""},
			{From: "", Input: "#1", Output: "{0}", To: ""},
		},
	}
	want := `stateDiagram-v2
    state "say #34;hi#34;#59; #60;b#62;" as s0
    state "?" as s1
    [*] --> s0
    s0 --> s1: a#58; x #45;-#62; y / #96;0#96;
    s1: ↺ #35;1 / #123;0#125;
`
	if got := newStateDiagram(machine).renderMermaid(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDiagramMergesInputsWithEqualAnswers(t *testing.T) {
	machine := finding.StateMachine{Transitions: []finding.MachineTransition{
		{From: "out", Input: "List", Output: "no", To: "out"},
		{From: "out", Input: "Login", Output: "yes", To: "in"},
		{From: "out", Input: "Send", Output: "no", To: "out"},
		{From: "in", Input: "Logout", Output: "yes", To: "out"},
	}}
	diagram := newStateDiagram(machine)
	var got []string
	for i := range diagram.states {
		for _, edge := range diagram.edgesFrom(i) {
			got = append(got, edge.String())
		}
	}
	if want := "List, Send / no|Login / yes|Logout / yes"; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %s", got, want)
	}
}

// A label is a server's words at worst. A drawing is well formed whatever they are,
// has nothing but shapes and texts, and shows the words as they are.
func TestDiagramHasOnlyShapesAndTexts(t *testing.T) {
	hostile := `<a href="javascript:x">企鹅</a><script>&amp;\N\n"'` + "\n"
	machine := finding.StateMachine{Aspect: hostile, States: []finding.MachineState{{Name: hostile}, {Name: "two"}},
		Transitions: []finding.MachineTransition{
			{From: hostile, Input: hostile, Output: hostile, To: "two"},
			{From: "two", Input: "x", Output: "y", To: "two"},
		}}
	svg := string(newStateDiagram(machine).renderSVG(hostile))
	texts := ""
	dec := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("got the error %v for\n%s", err, svg)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if !strings.Contains(" svg rect path circle text ", " "+e.Name.Local+" ") {
				t.Errorf("the drawing has the element %s", e.Name.Local)
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" || a.Name.Local == "style" {
					t.Errorf("the drawing has the attribute %s", a.Name.Local)
				}
			}
		case xml.CharData:
			texts += string(e)
		}
	}
	if !strings.Contains(texts, hostile) {
		t.Errorf("got %s, want the unchanged name", texts)
	}
}

func TestDiagramShowsIncompleteMachines(t *testing.T) {
	for name, machine := range map[string]finding.StateMachine{
		"nothing":        {},
		"unknown states": {Transitions: []finding.MachineTransition{{From: "x", Input: "i", Output: "o", To: "y"}}},
		"a state apart":  {States: []finding.MachineState{{Name: "s0"}, {Name: "s1"}}},
		"twice the same": {States: []finding.MachineState{{Name: "s0"}, {Name: "s0"}}},
		"nothing but loops": {States: []finding.MachineState{{Name: "s0"}},
			Transitions: []finding.MachineTransition{{From: "s0", To: "s0"}}},
	} {
		diagram := newStateDiagram(machine)
		if svg := string(diagram.renderSVG(name)); strings.Count(svg, "<rect") != len(diagram.states) ||
			strings.Contains(svg, "-1 ") {
			t.Errorf("%s: %s", name, svg)
		}
	}
}

func TestLaneReachesItsArrowAndItsLines(t *testing.T) {
	svg := string(newStateDiagram(finding.StateMachine{Transitions: []finding.MachineTransition{
		{From: "out", Input: "Login", Output: "yes", To: "in"}, {From: "in", Input: "Logout", Output: "yes", To: "out"},
	}}).renderSVG("session"))
	// Boxes of two rows each; the first one's name stands at 14, its line at 32.
	for _, lane := range []string{"M150 14V88", "M164 32V70"} {
		if !strings.Contains(svg, `<path d="`+lane+`"/>`) {
			t.Errorf("the lane %s is missing in %s", lane, svg)
		}
	}
}

func TestDurationsUseSuitableUnits(t *testing.T) {
	for v, want := range map[float64]string{0: "0 s", 1.5: "1.5 s", 60: "1 min", 90: "1 min 30 s", 299: "4 min 59 s",
		3600: "1 h", 90061: "1 d 1 h 1 min 1 s", 2419200: "28 d"} {
		if got := formatSeconds(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
}

func TestShortenedValuesSayHowMuchIsMissing(t *testing.T) {
	long := strings.Repeat("企", 5000)
	got := shortenMiddle(long)
	if count := len([]rune(got)); count > 700 || !strings.Contains(got, "… 4,500 characters left out …") {
		t.Errorf("got %d characters: %s", count, got)
	}
	if short := long[:1800]; shortenMiddle(short) != short {
		t.Error("a value of 600 characters is shortened")
	}
}

func TestConfirmedFactsComeFirst(t *testing.T) {
	facts := []finding.Fact{
		{ID: "guess", Claim: "rare", Grade: finding.Inferred},
		{ID: "usual 1", Claim: "meaning", Value: "taken", Grade: finding.Confirmed, Observations: 90},
		{ID: "usual 2", Claim: "meaning", Value: "taken", Grade: finding.Confirmed, Observations: 90},
		{ID: "unusual", Claim: "meaning", Value: "refused", Grade: finding.Confirmed, Observations: 3},
		{ID: "the only one", Claim: "locks", Grade: finding.Confirmed, Observations: 3},
		{ID: "seen", Claim: "locks too", Grade: finding.Observed},
	}
	var got []string
	for _, fact := range selectBySurprise(facts, func(finding.Fact) bool { return true }) {
		got = append(got, fact.ID)
	}
	if want := "the only one, unusual, usual 1, usual 2, seen, guess"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
}

func TestVariantsAreGroupedByOutcome(t *testing.T) {
	row := finding.MatrixRow{Cells: []finding.MatrixCell{
		{Variant: "-1", Outcome: "refused", Code: "RES=1"}, {Variant: "twice", Outcome: "same", Code: "RES=0"},
		{Variant: "x", Outcome: "refused", Code: "RES=1"}, {Variant: "", Outcome: "refused", Code: "RES=1"},
		{Variant: "0", Outcome: "other", Code: "RES=0"},
	}}
	if got := formatSpans(
		variantsByOutcome(row)); got != "**refused RES=1:** \\-1, x, empty; **same:** twice; **other RES=0:** 0" {
		t.Errorf("got %s", got)
	}
	if got := formatSpans(variantsByOutcome(finding.MatrixRow{})); got != "not varied" {
		t.Errorf("got %q for a parameter that was not varied", got)
	}
}
