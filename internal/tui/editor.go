package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// editor is a text being written: one line, or several. What it moves over and
// deletes is what is seen as one character, however many it is made of.
type editor struct {
	lines bool // several
	text  string
	at    int    // where the cursor is, in bytes
	kept  string // what was cut out last
	// How it was shown last: up and down go by rows.
	measure ansi.Method
	width   int // cells
}

func (e *editor) set(text string) { e.text, e.at = text, len(text) }

// insert puts in what was typed or pasted. It was not typed by a trusted hand
// in the case of a paste, so it is cleaned as anything else is.
func (e *editor) insert(text string) {
	if text = cleanInput(text); !e.lines {
		text = strings.ReplaceAll(text, "\n", " ")
	}
	e.text = e.text[:e.at] + text + e.text[e.at:]
	e.at = e.boundary(e.at + len(text))
}

// boundary is the first end of a character at or after a place: what was
// inserted may have joined with its neighbour.
func (e *editor) boundary(at int) int {
	for i := 0; ; {
		if i >= at {
			return i
		}
		i = e.after(i)
	}
}

func (e *editor) before(at int) int { return clusterBefore(e.text, at) }

func (e *editor) after(at int) int {
	if at >= len(e.text) {
		return len(e.text)
	}
	cluster, _ := ansi.FirstGraphemeCluster(e.text[at:], e.measure)
	return at + len(cluster)
}

func (e *editor) remove(from, to int) {
	e.text = e.text[:from] + e.text[to:]
	e.at = e.boundary(from)
}

// cut is remove for more than a character: ctrl+y brings it back.
func (e *editor) cut(from, to int) {
	if from < to {
		e.kept = e.text[from:to]
	}
	e.remove(from, to)
}

// lineStart and lineEnd are the ends of the line that the cursor is in.
func (e *editor) lineStart() int { return strings.LastIndexByte(e.text[:e.at], '\n') + 1 }

func (e *editor) lineEnd() int {
	if i := strings.IndexByte(e.text[e.at:], '\n'); i >= 0 {
		return e.at + i
	}
	return len(e.text)
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' }

func (e *editor) wordStart() int {
	at := e.at
	for at > 0 && isSpace(e.text[at-1]) {
		at--
	}
	for at > 0 && !isSpace(e.text[at-1]) {
		at = e.before(at)
	}
	return at
}

func (e *editor) wordEnd() int {
	at := e.at
	for at < len(e.text) && isSpace(e.text[at]) {
		at++
	}
	for at < len(e.text) && !isSpace(e.text[at]) {
		at = e.after(at)
	}
	return at
}

// key takes a key press. It reports whether it had a use for it.
func (e *editor) key(k tea.KeyPressMsg) bool {
	switch k.String() {
	case "left", "ctrl+b":
		e.at = e.before(e.at)
	case "right":
		e.at = e.after(e.at)
	case "home", "ctrl+a":
		e.at = e.lineStart()
	case "end", "ctrl+e":
		e.at = e.lineEnd()
	case "ctrl+left", "alt+left", "alt+b":
		e.at = e.wordStart()
	case "ctrl+right", "alt+right", "alt+f":
		e.at = e.wordEnd()
	case "up":
		return e.row(-1)
	case "down":
		return e.row(+1)
	case "backspace", "ctrl+h":
		e.remove(e.before(e.at), e.at)
	case "delete", "ctrl+d":
		e.remove(e.at, e.after(e.at))
	case "ctrl+w", "alt+backspace":
		e.cut(e.wordStart(), e.at)
	case "ctrl+u":
		e.cut(e.lineStart(), e.at)
	case "ctrl+k":
		e.cut(e.at, e.lineEnd())
	case "ctrl+y":
		e.insert(e.kept)
	default:
		if k.Text == "" {
			return false
		}
		e.insert(k.Text)
	}
	return true
}

// row moves the cursor by rows, keeping its column. It reports false at the
// ends, where others may have a use for the key.
func (e *editor) row(by int) bool {
	rows := e.rows()
	y, x := e.place(rows)
	if y+by < 0 || y+by >= len(rows) {
		return false
	}
	to := rows[y+by]
	at := to.from
	for at < to.to && e.measure.StringWidth(e.text[to.from:e.after(at)]) <= x {
		at = e.after(at)
	}
	if at == to.to && at > to.from && y+by < len(rows)-1 && rows[y+by+1].from == at {
		at = e.before(at) // else it would stand at the beginning of the row below
	}
	e.at = at
	return true
}

// rows breaks the text as it is shown, with a cell left for the cursor.
func (e *editor) rows() []span { return wrap(e.measure, e.text, max(1, e.width-1)) }

// place is the cursor's row and column.
func (e *editor) place(rows []span) (y, x int) {
	for i, span := range rows {
		if span.from <= e.at && (e.at <= span.to) {
			y = i
		}
	}
	return y, e.measure.StringWidth(e.text[rows[y].from:e.at])
}

// view shows at most height rows, those around the cursor.
func (e *editor) view(m ansi.Method, width, height int) (lines []string, cursor tea.Position) {
	e.measure, e.width = m, width
	rows := e.rows()
	y, x := e.place(rows)
	first := max(0, y-height+1)
	for i := first; i < len(rows) && i < first+height; i++ {
		lines = append(lines, e.text[rows[i].from:rows[i].to])
	}
	return lines, tea.Position{X: min(x, width-1), Y: y - first}
}
