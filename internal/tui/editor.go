package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// editor edits one or several lines of text. It moves and deletes by grapheme clusters,
// which the user sees as single characters.
type editor struct {
	multiline bool
	text      string
	cursor    int    // byte offset in text
	lastCut   string // inserted again by ctrl+y
	// Parameters of the last view, because the up and down keys move by displayed rows.
	widthMethod ansi.Method
	viewWidth   int // cells
}

func (e *editor) setText(text string) { e.text, e.cursor = text, len(text) }

// insert inserts typed or pasted text at the cursor. It sanitizes the text, because a
// paste may come from another account.
func (e *editor) insert(text string) {
	if text = sanitizeInput(text); !e.multiline {
		text = strings.ReplaceAll(text, "\n", " ")
	}
	e.text = e.text[:e.cursor] + text + e.text[e.cursor:]
	e.cursor = e.clusterBoundary(e.cursor + len(text))
}

// clusterBoundary returns the first cluster boundary at or after a byte offset. Inserted
// text may have merged with its neighbours into one cluster.
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

// cutRange deletes a range and keeps it for ctrl+y.
func (e *editor) cutRange(from, to int) {
	if from < to {
		e.lastCut = e.text[from:to]
	}
	e.deleteRange(from, to)
}

// lineStart and lineEnd are the byte offsets of the ends of the cursor's line.
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

// handleKey applies a key press. It returns false for a key that the editor does not use.
func (e *editor) handleKey(keyMsg tea.KeyPressMsg) bool {
	switch keyMsg.String() {
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
		if keyMsg.Text == "" {
			return false
		}
		e.insert(keyMsg.Text)
	}
	return true
}

// moveRows moves the cursor by displayed rows and keeps its column. It returns false at
// the first and the last row, so that the page can use the key.
func (e *editor) moveRows(delta int) bool {
	rows := e.wrappedRows()
	y, x := e.cursorPosition(rows)
	if y+delta < 0 || y+delta >= len(rows) {
		return false
	}
	to := rows[y+delta]
	at := to.start
	for at < to.end && e.widthMethod.StringWidth(e.text[to.start:e.clusterEndAfter(at)]) <= x {
		at = e.clusterEndAfter(at)
	}
	if at == to.end && at > to.start && y+delta < len(rows)-1 && rows[y+delta+1].start == at {
		at = e.clusterStartBefore(at) // at the end it would appear in the next row
	}
	e.cursor = at
	return true
}

// wrappedRows breaks the text into displayed rows and leaves one cell for the cursor.
func (e *editor) wrappedRows() []textSpan {
	return wrapText(e.widthMethod, e.text, max(1, e.viewWidth-1))
}

// cursorPosition returns the row and column of the cursor.
func (e *editor) cursorPosition(rows []textSpan) (y, x int) {
	for i, span := range rows {
		if span.start <= e.cursor && (e.cursor <= span.end) {
			y = i
		}
	}
	return y, e.widthMethod.StringWidth(e.text[rows[y].start:e.cursor])
}

// view returns at most height rows around the cursor.
func (e *editor) view(method ansi.Method, width, height int) (lines []string, cursor tea.Position) {
	e.widthMethod, e.viewWidth = method, width
	rows := e.wrappedRows()
	y, x := e.cursorPosition(rows)
	first := max(0, y-height+1)
	for i := first; i < len(rows) && i < first+height; i++ {
		lines = append(lines, e.text[rows[i].start:rows[i].end])
	}
	return lines, tea.Position{X: min(x, width-1), Y: y - first}
}
