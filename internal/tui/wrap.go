package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Widths are in terminal cells: a Chinese character has two. The width of an emoji made
// of several characters depends on the terminal, so every function takes its ansi.Method.

// truncationMark ends a shortened text. It is ASCII, because the width of an ellipsis
// depends on the terminal's font.
const truncationMark = "~"

// truncate shortens a text, which may contain styles, to at most width cells. It is used
// instead of ansi.Method.Truncate, which measures some texts with another method.
func truncate(method ansi.Method, text string, width int) string {
	if method.StringWidth(text) <= width {
		return text
	}
	var out strings.Builder
	usedCells, isFull := 0, width <= 0
	for at := 0; at < len(text); {
		if style := leadingStyle(text[at:]); style != "" {
			out.WriteString(style) // keeps the sequence that resets the style
			at += len(style)
			continue
		}
		cluster, cells := ansi.FirstGraphemeCluster(text[at:], method)
		at += len(cluster)
		if isFull {
			continue
		}
		if isFull = usedCells+cells > width-len(truncationMark); isFull {
			out.WriteString(truncationMark)
			continue
		}
		out.WriteString(cluster)
		usedCells += cells
	}
	return out.String()
}

// leadingStyle returns the escape sequence at the start of text. The only ones here are
// our own, which set styles and end in m.
func leadingStyle(text string) string {
	if !strings.HasPrefix(text, "\x1b[") {
		return ""
	}
	return text[:strings.IndexByte(text, 'm')+1]
}

// fitWidth makes a text, which may contain styles, exactly width cells wide.
func fitWidth(method ansi.Method, text string, width int) string {
	text = truncate(method, text, width)
	return text + strings.Repeat(" ", max(0, width-method.StringWidth(text)))
}

// alignEnds puts left and right at the ends of a line. left is shortened if necessary.
func alignEnds(method ansi.Method, left, right string, width int) string {
	right = truncate(method, right, width)
	padding := width - method.StringWidth(right)
	return fitWidth(method, left, padding) + right
}

// textSpan is a range of byte offsets.
type textSpan struct{ start, end int }

// wrapText breaks a text into rows of at most width cells: at spaces, between wide
// characters, and inside longer words, but never inside a grapheme cluster. A space at
// the end of a row may exceed the width.
func wrapText(method ansi.Method, text string, width int) []textSpan {
	var rows []textSpan
	row := textSpan{}
	usedCells := 0 // width of the current row
	breakAt := -1  // latest offset at which the row may end
	next := func(to, from int) {
		rows = append(rows, textSpan{row.start, to})
		row.start = from
		breakAt = -1
	}
	afterWide := false // the previous cluster is wide
	for at := 0; at < len(text); {
		cluster, cells := ansi.FirstGraphemeCluster(text[at:], method)
		if at > row.start && (afterWide || cells == 2) && !strings.ContainsAny(cluster, closingPunctuation) {
			breakAt = at
		}
		switch {
		case cluster == "\n":
			next(at, at+1)
			usedCells = 0
		case usedCells+cells > width && cluster == " " && at > row.start:
			breakAt = at + 1
		case usedCells+cells > width && at > row.start:
			end := at
			if breakAt > row.start {
				end = breakAt
			}
			next(end, end)
			usedCells = method.StringWidth(text[end:at])
			continue // handles the cluster again, in the new row
		default:
			usedCells += cells
			if cluster == " " {
				breakAt = at + 1
			}
		}
		afterWide = cells == 2
		at += len(cluster)
	}
	return append(rows, textSpan{row.start, len(text)})
}

// closingPunctuation must not begin a row of Chinese text.
const closingPunctuation = "，。、！？：；）】》」』〉”’…"

// wrapLines returns the rows of wrapText without trailing spaces.
func wrapLines(method ansi.Method, text string, width int) []string {
	var rows []string
	for _, span := range wrapText(method, text, max(1, width)) {
		rows = append(rows, strings.TrimRight(text[span.start:span.end], " "))
	}
	return rows
}

// clusterStartBefore returns the offset of the cluster that ends at offset at.
func clusterStartBefore(text string, at int) int {
	begin := 0
	for i := 0; i < at; {
		cluster, _ := ansi.FirstGraphemeCluster(text[i:], ansi.GraphemeWidth)
		begin = i
		i += len(cluster)
	}
	return begin
}
