package report

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// Markdown writes the same document as HTML in Markdown, with state machines in Mermaid.
func Markdown(writer io.Writer, study *finding.Study) error {
	document := documentOf(study)
	markdown := &markdownWriter{}
	markdown.writeParagraph("# %s", escapeMarkdown(document.Title))
	markdown.writeParagraph("%s.", document.Kind)
	markdown.writeBlocks(document.Head)
	for _, section := range document.Sections {
		markdown.writeParagraph("## %s", escapeMarkdown(section.Title))
		markdown.writeBlocks(section.Blocks)
	}
	_, err := io.WriteString(writer, strings.TrimRight(markdown.out.String(), "\n")+"\n")
	return err
}

func (m *markdownWriter) writeBlocks(list []reportBlock) {
	for _, block := range list {
		switch {
		case block.Title != "":
			m.writeParagraph("### %s", escapeMarkdown(block.Title))
		case block.Para != nil:
			m.writeParagraph("%s", formatSpans(block.Para.Spans))
		case block.List != nil:
			for _, item := range block.List {
				m.writeLine("- %s", formatSpans(item))
			}
			m.writeLine("")
		case block.Table != nil:
			m.writeTable(block.Table)
		case block.Exchange != nil:
			m.writeExchange(block.Exchange)
		case block.Diagram != nil:
			m.writeParagraph("```mermaid\n%s```", block.Diagram.Mermaid)
		case block.Verbatim != "":
			m.writeFenced(block.Verbatim)
		case block.Fold != nil:
			title := strings.Join(strings.Fields(block.Fold.Title), " ")
			m.writeLine("<details><summary>%s</summary>\n", html.EscapeString(title)) // HTML, not Markdown
			m.writeBlocks(block.Fold.Blocks)
			m.writeLine("</details>\n")
		}
	}
}

func (m *markdownWriter) writeExchange(exchange *exchangeBlock) {
	m.writeLine("- %s: %s", escapeMarkdown(exchange.Title), codeElement(exchange.Sent))
	for _, received := range exchange.Received {
		name := "answer"
		if received.Name != "" {
			name += " of " + received.Name
		}
		var answer strings.Builder
		for _, piece := range received.Pieces {
			if piece.Differs && strings.TrimSpace(piece.Text) != "" {
				answer.WriteString("<b>" + escapeMarkdown(piece.Text) + "</b>")
			} else {
				answer.WriteString(escapeMarkdown(piece.Text))
			}
		}
		m.writeLine("  - %s: %s", name, cmp.Or(answer.String(), "none"))
	}
	m.writeLine("")
}

func formatSpans(list []textSpan) string {
	var result strings.Builder
	for _, span := range list {
		leadingSpace := span.Text[:len(span.Text)-len(strings.TrimLeft(span.Text, " "))]
		trailingSpace := ""
		if leadingSpace != span.Text {
			trailingSpace = span.Text[len(strings.TrimRight(span.Text, " ")):]
		}
		body := escapeMarkdown(span.Text)
		switch {
		case body == "":
		case span.Look == lookFixed:
			body = codeElement(span.Text)
		case span.Look == lookStrong:
			body = "**" + body + "**"
		}
		result.WriteString(leadingSpace + body + trailingSpace)
	}
	return result.String()
}

// markdownWriter collects Markdown text.
type markdownWriter struct {
	out strings.Builder
}

func (m *markdownWriter) writeLine(format string, args ...any) {
	fmt.Fprintf(&m.out, format+"\n", args...)
}

func (m *markdownWriter) writeParagraph(format string, args ...any) {
	m.writeLine(format+"\n", args...)
}

func (m *markdownWriter) writeTable(table *tableBlock) {
	head := make([]string, len(table.Head))
	for i, heading := range table.Head {
		head[i] = escapeMarkdown(heading)
	}
	m.writeLine("| %s |", strings.Join(head, " | "))
	m.writeLine("|%s", strings.Repeat(" --- |", len(head)))
	for _, row := range table.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.TrimSpace(formatSpans(cell))
		}
		m.writeLine("| %s |", strings.Join(cells, " | "))
	}
	m.writeLine("")
}

// writeFenced writes a code block with a fence longer than any in the text.
func (m *markdownWriter) writeFenced(text string) {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	m.writeLine("%s\n%s\n%s\n", fence, text, fence)
}

// escapeMarkdown escapes everything that has a meaning in Markdown or HTML, table cells
// included.
func escapeMarkdown(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	marker := len(text) - len(strings.TrimLeft(text, "0123456789")) // "1." would begin a list
	var result strings.Builder
	for i, character := range text {
		switch {
		case character == '<':
			result.WriteString("&lt;")
		case character == '>':
			result.WriteString("&gt;")
		case character == '&':
			result.WriteString("&amp;")
		case character == '@' || character == ':' && strings.HasPrefix(text[i:], "://"):
			// Text from a server must not become a link or a mention.
			fmt.Fprintf(&result, "&#%d;", character)
		case character == '_' && i > 0 && i+1 < len(text) && isASCIIAlphanumeric(text[i-1]) &&
			isASCIIAlphanumeric(text[i+1]):
			result.WriteRune(character) // no markup within a word
		case strings.ContainsRune("\\`*_[]|~$", character):
			result.WriteByte('\\')
			result.WriteRune(character)
		case i == 0 && strings.ContainsRune("#+-=", character),
			i == marker && i > 0 && (character == '.' || character == ')') && (i+1 == len(text) || text[i+1] == ' '):
			result.WriteByte('\\')
			result.WriteRune(character)
		default:
			result.WriteRune(character)
		}
	}
	return result.String()
}

func isASCIIAlphanumeric(character byte) bool {
	return '0' <= character && character <= '9' ||
		'A' <= character && character <= 'Z' ||
		'a' <= character && character <= 'z'
}

// codeElement formats monospaced text with an HTML element, because backquotes cannot hold
// every text in a table cell.
func codeElement(text string) string {
	if text == "" {
		return ""
	}
	return "<code>" + escapeMarkdown(text) + "</code>"
}
