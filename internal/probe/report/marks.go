package report

import (
	"fmt"
	"html"
	"strings"
)

// markdown gathers a text in Markdown.
type markdown struct {
	out strings.Builder
}

func (m *markdown) line(format string, args ...any) {
	fmt.Fprintf(&m.out, format+"\n", args...)
}

func (m *markdown) para(format string, args ...any) {
	m.line(format+"\n", args...)
}

func (m *markdown) table(head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	m.line("| %s |", strings.Join(head, " | "))
	m.line("|%s", strings.Repeat(" --- |", len(head)))
	for _, row := range rows {
		m.line("| %s |", strings.Join(row, " | "))
	}
	m.line("")
}

// details folds a part that is long.
func (m *markdown) details(title string, body func()) {
	title = strings.Join(strings.Fields(title), " ")
	m.line("<details><summary>%s</summary>\n", html.EscapeString(title)) // no Markdown in here
	body()
	m.line("</details>\n")
}

// fenced shows a text as it is, behind a fence that is longer than any in it.
func (m *markdown) fenced(s string) {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	m.line("%s\n%s\n%s\n", fence, s, fence)
}

// text escapes all that has a meaning in Markdown or HTML, so that it shows as it
// is, in a table's cell too.
func text(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	marker := len(s) - len(strings.TrimLeft(s, "0123456789")) // "1." would begin a list
	var out strings.Builder
	for i, r := range s {
		switch {
		case r == '<':
			out.WriteString("&lt;")
		case r == '>':
			out.WriteString("&gt;")
		case r == '&':
			out.WriteString("&amp;")
		case r == '@' || r == ':' && strings.HasPrefix(s[i:], "://"):
			// Neither links nor mentions are made of what a server wrote.
			fmt.Fprintf(&out, "&#%d;", r)
		case r == '_' && i > 0 && i+1 < len(s) && plain(s[i-1]) && plain(s[i+1]):
			out.WriteRune(r) // within a word it means nothing
		case strings.ContainsRune("\\`*_[]|~$", r):
			out.WriteByte('\\')
			out.WriteRune(r)
		case i == 0 && strings.ContainsRune("#+-=", r), i == marker && i > 0 && (r == '.' || r == ')') && (i+1 == len(s) || s[i+1] == ' '):
			out.WriteByte('\\')
			out.WriteRune(r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// plain tells letters and digits of ASCII.
func plain(b byte) bool {
	return '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z'
}

// code writes a text in the font of fixed width. Markdown's own way cannot hold
// every text in a table's cell, HTML's can.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "<code>" + text(s) + "</code>"
}

func codes(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = code(s)
	}
	return strings.Join(out, " ")
}
