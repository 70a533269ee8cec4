package tui

import (
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestWrapLines(t *testing.T) {
	for _, c := range []struct {
		name  string
		text  string
		width int
		want  []string
	}{
		{"nothing", "", 5, []string{""}},
		{"between words", "the ice is thin", 7, []string{"the ice", "is thin"}},
		{"in a word that is too long", "abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"a long word behind a short one", "a bcdefgh", 4, []string{"a", "bcde", "fgh"}},
		{"line ends stay", "a\n\nb", 5, []string{"a", "", "b"}},
		{"between Chinese characters", "今天晚上", 5, []string{"今天", "晚上"}},
		{"not before closing punctuation", "今天，晚上", 4, []string{"今", "天，", "晚上"}},
		{"between Chinese and English", "看penguin", 8, []string{"看", "penguin"}},
		{"never within an emoji", "👨‍👩‍👧👨‍👩‍👧", 3, []string{"👨‍👩‍👧", "👨‍👩‍👧"}},
		{"a character wider than the row has a row to itself", "今天", 1, []string{"今", "天"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := wrapLines(ansi.GraphemeWidth, c.text, c.width); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzWrappingLosesNothing(f *testing.F) {
	f.Add("今天 evening，👩‍👩‍👧‍👦\n\nok ok ok", 7, true)
	f.Fuzz(func(t *testing.T, text string, width int, graphemes bool) {
		method := ansi.WcWidth
		if graphemes {
			method = ansi.GraphemeWidth
		}
		text, width = sanitize(text), 2+width&63
		rows := wrapText(method, text, width)
		at := 0
		for i, span := range rows {
			if i > 0 && span.start != at {
				if span.start != at+1 || text[at] != '\n' {
					t.Fatalf("%q is lost between rows of %q", text[at:span.start], text)
				}
			}
			row := strings.TrimRight(text[span.start:span.end], " ")
			if cluster, _ := ansi.FirstGraphemeCluster(row, method); method.StringWidth(row) > width && cluster != row {
				t.Fatalf("a row of %d cells in %d: %q", method.StringWidth(row), width, row)
			}
			at = span.end
		}
		if at != len(text) {
			t.Fatalf("%q is lost at the end of %q", text[at:], text)
		}
	})
}

func TestCutTextEndsBetweenCharacters(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"penguin", 7, "penguin"},
		{"penguin", 4, "pen~"},
		{"企鹅爱好者", 5, "企鹅~"},
		{"企鹅爱好者", 4, "企~"},
		{"👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 3, "👩‍👩‍👧‍👦~"},
		{"企", 1, "~"},
		{"企", 0, ""},
		{"\x1b[1m企鹅\x1b[m爱好者", 4, "\x1b[1m企~\x1b[m"},
	} {
		if got := truncate(ansi.GraphemeWidth, c.text, c.width); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
		if got := fitWidth(ansi.GraphemeWidth, c.text, c.width); ansi.StringWidth(got) != c.width {
			t.Errorf("fit(%q, %d) has %d cells", c.text, c.width, ansi.StringWidth(got))
		}
	}
}

// Some terminals draw the parts of an emoji side by side and need more cells.
func TestTextIsCutAsTheTerminalMeasures(t *testing.T) {
	const ada = "👩‍🚀 Ada 🐧"
	if got := truncate(ansi.GraphemeWidth, ada, 9); got != ada {
		t.Errorf("it is cut to %q", got)
	}
	if got := truncate(ansi.WcWidth, ada, 9); got != "👩‍🚀 Ada~" {
		t.Errorf("it is cut to %q", got)
	}
}
