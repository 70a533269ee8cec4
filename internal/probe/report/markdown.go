package report

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// Markdown writes what the page says for reading in a repository, with the state
// machines in Mermaid.
func Markdown(w io.Writer, study *finding.Study) error {
	document := documentOf(study)
	m := &markdown{}
	m.para("# %s", text(document.Title))
	m.para("%s.", document.Kind)
	m.blocks(document.Head)
	for _, section := range document.Sections {
		m.para("## %s", text(section.Title))
		m.blocks(section.Blocks)
	}
	_, err := io.WriteString(w, strings.TrimRight(m.out.String(), "\n")+"\n")
	return err
}

func (m *markdown) blocks(list []block) {
	for _, block := range list {
		switch {
		case block.Title != "":
			m.para("### %s", text(block.Title))
		case block.Para != nil:
			m.para("%s", spans(block.Para.Spans))
		case block.List != nil:
			for _, item := range block.List {
				m.line("- %s", spans(item))
			}
			m.line("")
		case block.Table != nil:
			m.table(block.Table)
		case block.Exchange != nil:
			m.exchange(block.Exchange)
		case block.Diagram != nil:
			m.para("```mermaid\n%s```", block.Diagram.Mermaid)
		case block.Verbatim != "":
			m.fenced(block.Verbatim)
		case block.Fold != nil:
			title := strings.Join(strings.Fields(block.Fold.Title), " ")
			m.line("<details><summary>%s</summary>\n", html.EscapeString(title)) // no Markdown in here
			m.blocks(block.Fold.Blocks)
			m.line("</details>\n")
		}
	}
}

func (m *markdown) exchange(e *exchangeBlock) {
	m.line("- %s: %s", text(e.Title), code(e.Sent))
	for _, receivedAnswer := range e.Received {
		name := "answer"
		if receivedAnswer.Name != "" {
			name += " of " + receivedAnswer.Name
		}
		var answer strings.Builder
		for _, textPiece := range receivedAnswer.Pieces {
			if textPiece.Differs && strings.TrimSpace(textPiece.Text) != "" {
				answer.WriteString("<b>" + text(textPiece.Text) + "</b>")
			} else {
				answer.WriteString(text(textPiece.Text))
			}
		}
		m.line("  - %s: %s", name, or(answer.String(), "none"))
	}
	m.line("")
}

func spans(list []textSpan) string {
	var out strings.Builder
	for _, textSpan := range list {
		lead := textSpan.Text[:len(textSpan.Text)-len(strings.TrimLeft(textSpan.Text, " "))]
		trail := ""
		if lead != textSpan.Text {
			trail = textSpan.Text[len(strings.TrimRight(textSpan.Text, " ")):]
		}
		body := text(textSpan.Text)
		switch {
		case body == "":
		case textSpan.Look == fixed:
			body = code(textSpan.Text)
		case textSpan.Look == strong:
			body = "**" + body + "**"
		}
		out.WriteString(lead + body + trail)
	}
	return out.String()
}

// markdown gathers a text in Markdown.
type markdown struct {
	out strings.Builder
}

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(&m.out, format+"\n", args...) }

func (m *markdown) para(format string, args ...any) { m.line(format+"\n", args...) }

func (m *markdown) table(t *tableBlock) {
	head := make([]string, len(t.Head))
	for i, h := range t.Head {
		head[i] = text(h)
	}
	m.line("| %s |", strings.Join(head, " | "))
	m.line("|%s", strings.Repeat(" --- |", len(head)))
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, tableCell := range row {
			cells[i] = strings.TrimSpace(spans(tableCell))
		}
		m.line("| %s |", strings.Join(cells, " | "))
	}
	m.line("")
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
		case i == 0 && strings.ContainsRune("#+-=", r),
			i == marker && i > 0 && (r == '.' || r == ')') && (i+1 == len(s) || s[i+1] == ' '):
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
