package report

import (
	"html/template"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// reportDocument is the content of a report, independent of the format. HTML and Markdown
// render it.
type reportDocument struct {
	Kind, Title string
	Head        []reportBlock
	Sections    []reportSection
}

type reportSection struct {
	ID, Title string
	Blocks    []reportBlock
}

// reportBlock is a part of a section. Exactly one of its fields is set.
type reportBlock struct {
	Para     *paragraph
	Title    string
	List     [][]textSpan
	Table    *tableBlock
	Exchange *exchangeBlock
	Diagram  *diagramBlock
	Fold     *foldedSection
	Verbatim string
}

type paragraph struct {
	Note  bool // rendered as a highlighted note
	Spans []textSpan
}

// textSpan is text in one style.
type textSpan struct {
	Text string
	Look spanStyle
	Link string // anchor on the same page
}

type spanStyle int

const (
	lookPlain spanStyle = iota
	lookFixed           // monospaced, for text from the wire
	lookStrong
	lookFaint
)

type tableBlock struct {
	Head []string
	Rows [][]tableCell
}

type tableCell []textSpan

// exchangeBlock is a request and the answers of one or more servers.
type exchangeBlock struct {
	Anchor   string
	Title    string
	Sent     string
	Received []receivedAnswer
}

type receivedAnswer struct {
	Name   string
	Pieces []textPiece
}

// diagramBlock is a state machine, as SVG for HTML and as Mermaid for Markdown.
type diagramBlock struct {
	SVG     template.HTML
	Mermaid string
}

type foldedSection struct {
	Title  string
	Blocks []reportBlock
}

func spansBlock(spans ...textSpan) reportBlock { return reportBlock{Para: &paragraph{Spans: spans}} }
func textBlock(text string) reportBlock        { return spansBlock(textSpan{Text: text}) }
func noteBlock(spans ...textSpan) reportBlock {
	return reportBlock{Para: &paragraph{Note: true, Spans: spans}}
}
func headingBlock(text string) reportBlock { return reportBlock{Title: text} }
func plainCell(text string) tableCell      { return tableCell{{Text: text}} }
func boldSpan(text string) textSpan        { return textSpan{Text: text, Look: lookStrong} }
func codeSpan(text string) textSpan        { return textSpan{Text: text, Look: lookFixed} }
func faintSpan(text string) textSpan       { return textSpan{Text: text, Look: lookFaint} }
func foldedBlock(title string, b ...reportBlock) reportBlock {
	return reportBlock{Fold: &foldedSection{title, b}}
}

func linkSpan(text, anchor string) textSpan { return textSpan{Text: text, Link: anchor} }

// codeSpans formats a list of keys or values.
func codeSpans(values []string) tableCell {
	var cell tableCell
	for i, text := range values {
		if i > 0 {
			cell = append(cell, textSpan{Text: " "})
		}
		cell = append(cell, codeSpan(text))
	}
	return cell
}

func tableBlocks(head []string, all [][]tableCell) []reportBlock {
	if len(all) == 0 {
		return nil
	}
	return []reportBlock{{Table: &tableBlock{head, all}}}
}

// evidenceSpans names the first few entries of the transcript in ids.
func evidenceSpans(ids []string, anchors map[string]string) []textSpan {
	const most = 3
	var spans []textSpan
	for i, id := range ids {
		if i == most {
			return append(spans, faintSpan(" + "+formatCount(len(ids)-most)))
		}
		if i > 0 {
			spans = append(spans, faintSpan(", "))
		}
		spans = append(spans, textSpan{Text: id, Look: lookFaint, Link: anchors[id]})
	}
	return spans
}

// statementSpans returns a fact's sentence, preceded by its command unless the sentence
// begins with it.
func statementSpans(fact finding.Fact) []textSpan {
	text := textSpan{Text: endSentence(fact.Statement)}
	if name := statementSubject(fact); name != "" {
		return []textSpan{boldSpan(name), {Text: " "}, text}
	}
	return []textSpan{text}
}
