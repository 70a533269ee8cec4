package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// editor is a text being written: one line, or several. What it moves over and
// deletes is what is seen as one character, however many it is made of.
type editor struct {
	multiline bool // several
	text      string
	cursor    int    // where the cursor is, in bytes
	lastCut   string // what was cut out last
	// How it was shown last: up and down go by rows.
	widthMethod ansi.Method
	viewWidth   int // cells
}

func (e *editor) setText(text string) { e.text, e.cursor = text, len(text) }

// insert puts in what was typed or pasted. It was not typed by a trusted hand
// in the case of a paste, so it is cleaned as anything else is.
func (e *editor) insert(text string) {
	if text = sanitizeInput(text); !e.multiline {
		text = strings.ReplaceAll(text, "\n", " ")
	}
	e.text = e.text[:e.cursor] + text + e.text[e.cursor:]
	e.cursor = e.clusterBoundary(e.cursor + len(text))
}

// clusterBoundary is the first end of a character at or after a place: what was
// inserted may have joined with its neighbour.
func (e *editor) clusterBoundary(at int) int {
	for i := 0; ; {
		if i >= at {
			return i
		}
		i = e.clusterEndAfter(i)
	}
}

func (e *editor) clusterStartBefore(at int) int { return clusterStartBefore(e.text, at) }

func (e *editor) clusterEndAfter(at int) int {
	if at >= len(e.text) {
		return len(e.text)
	}
	cluster, _ := ansi.FirstGraphemeCluster(e.text[at:], e.widthMethod)
	return at + len(cluster)
}

func (e *editor) deleteRange(from, to int) {
	e.text = e.text[:from] + e.text[to:]
	e.cursor = e.clusterBoundary(from)
}

// cutRange is remove for more than a character: ctrl+y brings it back.
func (e *editor) cutRange(from, to int) {
	if from < to {
		e.lastCut = e.text[from:to]
	}
	e.deleteRange(from, to)
}

// lineStart and lineEnd are the ends of the line that the cursor is in.
func (e *editor) lineStart() int { return strings.LastIndexByte(e.text[:e.cursor], '\n') + 1 }

func (e *editor) lineEnd() int {
	if i := strings.IndexByte(e.text[e.cursor:], '\n'); i >= 0 {
		return e.cursor + i
	}
	return len(e.text)
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' }

func (e *editor) wordStart() int {
	at := e.cursor
	for at > 0 && isSpace(e.text[at-1]) {
		at--
	}
	for at > 0 && !isSpace(e.text[at-1]) {
		at = e.clusterStartBefore(at)
	}
	return at
}

func (e *editor) wordEnd() int {
	at := e.cursor
	for at < len(e.text) && isSpace(e.text[at]) {
		at++
	}
	for at < len(e.text) && !isSpace(e.text[at]) {
		at = e.clusterEndAfter(at)
	}
	return at
}

// handleKey takes a key press. It reports whether it had a use for it.
func (e *editor) handleKey(k tea.KeyPressMsg) bool {
	switch k.String() {
	case "left", "ctrl+b":
		e.cursor = e.clusterStartBefore(e.cursor)
	case "right":
		e.cursor = e.clusterEndAfter(e.cursor)
	case "home", "ctrl+a":
		e.cursor = e.lineStart()
	case "end", "ctrl+e":
		e.cursor = e.lineEnd()
	case "ctrl+left", "alt+left", "alt+b":
		e.cursor = e.wordStart()
	case "ctrl+right", "alt+right", "alt+f":
		e.cursor = e.wordEnd()
	case "up":
		return e.moveRows(-1)
	case "down":
		return e.moveRows(+1)
	case "backspace", "ctrl+h":
		e.deleteRange(e.clusterStartBefore(e.cursor), e.cursor)
	case "delete", "ctrl+d":
		e.deleteRange(e.cursor, e.clusterEndAfter(e.cursor))
	case "ctrl+w", "alt+backspace":
		e.cutRange(e.wordStart(), e.cursor)
	case "ctrl+u":
		e.cutRange(e.lineStart(), e.cursor)
	case "ctrl+k":
		e.cutRange(e.cursor, e.lineEnd())
	case "ctrl+y":
		e.insert(e.lastCut)
	default:
		if k.Text == "" {
			return false
		}
		e.insert(k.Text)
	}
	return true
}

// moveRows moves the cursor by rows, keeping its column. It reports false at the
// ends, where others may have a use for the key.
func (e *editor) moveRows(by int) bool {
	rows := e.wrappedRows()
	y, x := e.cursorPosition(rows)
	if y+by < 0 || y+by >= len(rows) {
		return false
	}
	to := rows[y+by]
	at := to.start
	for at < to.end && e.widthMethod.StringWidth(e.text[to.start:e.clusterEndAfter(at)]) <= x {
		at = e.clusterEndAfter(at)
	}
	if at == to.end && at > to.start && y+by < len(rows)-1 && rows[y+by+1].start == at {
		at = e.clusterStartBefore(at) // else it would stand at the beginning of the row below
	}
	e.cursor = at
	return true
}

// wrappedRows breaks the text as it is shown, with a cell left for the cursor.
func (e *editor) wrappedRows() []textSpan {
	return wrapText(e.widthMethod, e.text, max(1, e.viewWidth-1))
}

// cursorPosition is the cursor's row and column.
func (e *editor) cursorPosition(rows []textSpan) (y, x int) {
	for i, span := range rows {
		if span.start <= e.cursor && (e.cursor <= span.end) {
			y = i
		}
	}
	return y, e.widthMethod.StringWidth(e.text[rows[y].start:e.cursor])
}

// view shows at most height rows, those around the cursor.
func (e *editor) view(m ansi.Method, width, height int) (lines []string, cursor tea.Position) {
	e.widthMethod, e.viewWidth = m, width
	rows := e.wrappedRows()
	y, x := e.cursorPosition(rows)
	first := max(0, y-height+1)
	for i := first; i < len(rows) && i < first+height; i++ {
		lines = append(lines, e.text[rows[i].start:rows[i].end])
	}
	return lines, tea.Position{X: min(x, width-1), Y: y - first}
}
