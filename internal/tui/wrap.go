package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Widths are in cells of the terminal: a Chinese character has two. What an
// emoji of several characters has depends on the terminal, so that every
// measure takes the ansi.Method of the one at hand.

// more stands where a text was cut off. It is ASCII: the width of an ellipsis is
// one cell or two, as the terminal's fonts are.
const truncationMark = "~"

// truncate shortens a text, styled or not, to at most width cells. (The method's own
// Truncate takes the shortcut of measuring as another method does.)
func truncate(m ansi.Method, text string, width int) string {
	if m.StringWidth(text) <= width {
		return text
	}
	var out strings.Builder
	used, full := 0, width <= 0
	for at := 0; at < len(text); {
		if style := leadingStyle(text[at:]); style != "" {
			out.WriteString(style) // the last of them ends what began
			at += len(style)
			continue
		}
		cluster, cells := ansi.FirstGraphemeCluster(text[at:], m)
		at += len(cluster)
		if full {
			continue
		}
		if full = used+cells > width-len(truncationMark); full {
			out.WriteString(truncationMark)
			continue
		}
		out.WriteString(cluster)
		used += cells
	}
	return out.String()
}

// leadingStyle is the escape sequence that a text begins with. There are none but
// our own, which set colours and end in m.
func leadingStyle(text string) string {
	if !strings.HasPrefix(text, "\x1b[") {
		return ""
	}
	return text[:strings.IndexByte(text, 'm')+1]
}

// fitWidth makes a text, styled or not, exactly width cells wide.
func fitWidth(m ansi.Method, text string, width int) string {
	text = truncate(m, text, width)
	return text + strings.Repeat(" ", max(0, width-m.StringWidth(text)))
}

// alignEnds puts one text at the left end of a line and another at its right
// end; the left one gives way.
func alignEnds(m ansi.Method, left, right string, width int) string {
	right = truncate(m, right, width)
	room := width - m.StringWidth(right)
	return fitWidth(m, left, room) + right
}

// span is a piece of a text, in bytes.
type textSpan struct{ start, end int }

// wrapText breaks a text into rows of at most width cells: at spaces, between wide
// characters, and in the middle of what is longer than a row, but never within
// what is seen as one character. A space at the end of a row hangs over.
func wrapText(m ansi.Method, text string, width int) []textSpan {
	var rows []textSpan
	row := textSpan{}
	used := 0     // cells of the row
	breakAt := -1 // where the row may end
	next := func(to, from int) {
		rows = append(rows, textSpan{row.start, to})
		row.start = from
		breakAt = -1
	}
	wide := false // the character before is
	for at := 0; at < len(text); {
		cluster, cells := ansi.FirstGraphemeCluster(text[at:], m)
		if at > row.start && (wide || cells == 2) && !strings.ContainsAny(cluster, closingPunctuation) {
			breakAt = at
		}
		switch {
		case cluster == "\n":
			next(at, at+1)
			used = 0
		case used+cells > width && cluster == " " && at > row.start:
			breakAt = at + 1
		case used+cells > width && at > row.start:
			end := at
			if breakAt > row.start {
				end = breakAt
			}
			next(end, end)
			used = m.StringWidth(text[end:at])
			continue // the character is looked at again, in the new row
		default:
			used += cells
			if cluster == " " {
				breakAt = at + 1
			}
		}
		wide = cells == 2
		at += len(cluster)
	}
	return append(rows, textSpan{row.start, len(text)})
}

// closing is the punctuation of Chinese that no row begins with.
const closingPunctuation = "，。、！？：；）】》」』〉”’…"

// wrapLines is wrap as texts, without spaces at their ends.
func wrapLines(m ansi.Method, text string, width int) []string {
	var rows []string
	for _, span := range wrapText(m, text, max(1, width)) {
		rows = append(rows, strings.TrimRight(text[span.start:span.end], " "))
	}
	return rows
}

// clusterStartBefore is where the character that ends at a place begins.
func clusterStartBefore(text string, at int) int {
	begin := 0
	for i := 0; i < at; {
		cluster, _ := ansi.FirstGraphemeCluster(text[i:], ansi.GraphemeWidth)
		begin = i
		i += len(cluster)
	}
	return begin
}
