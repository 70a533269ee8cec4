package report

import (
	"html/template"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// A document is what a report says, whatever it is written in. HTML and Markdown
// are two renderings of it.
type document struct {
	Kind, Title string
	Head        []block
	Sections    []section
}

type section struct {
	ID, Title string
	Blocks    []block
}

// A block is a part of a section. Exactly one of its fields is set.
type block struct {
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
	Note  bool // stands out
	Spans []textSpan
}

// A span is a run of text in one look.
type textSpan struct {
	Text string
	Look spanStyle
	Link string // an anchor of the same page
}

type spanStyle int

const (
	plainText spanStyle = iota
	fixed               // as it was on the wire
	strong
	faint
)

type tableBlock struct {
	Head []string
	Rows [][]tableCell
}

type tableCell []textSpan

// An exchange is a request and what came back, from one server or more.
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

// A diagram is a state machine, drawn for a browser and written for Markdown.
type diagramBlock struct {
	SVG     template.HTML
	Mermaid string
}

type foldedSection struct {
	Title  string
	Blocks []block
}

func says(spans ...textSpan) block { return block{Para: &paragraph{Spans: spans}} }
func para(s string) block          { return says(textSpan{Text: s}) }
func note(spans ...textSpan) block { return block{Para: &paragraph{Note: true, Spans: spans}} }
func heading(s string) block       { return block{Title: s} }
func plainCell(s string) tableCell { return tableCell{{Text: s}} }
func bold(s string) textSpan       { return textSpan{Text: s, Look: strong} }
func wire(s string) textSpan       { return textSpan{Text: s, Look: fixed} }
func soft(s string) textSpan       { return textSpan{Text: s, Look: faint} }
func folded(title string, b ...block) block {
	return block{Fold: &foldedSection{title, b}}
}

func to(s, anchor string) textSpan { return textSpan{Text: s, Link: anchor} }

// wires writes a list of keys or values.
func wires(list []string) tableCell {
	var out tableCell
	for i, s := range list {
		if i > 0 {
			out = append(out, textSpan{Text: " "})
		}
		out = append(out, wire(s))
	}
	return out
}

func rows(head []string, all [][]tableCell) []block {
	if len(all) == 0 {
		return nil
	}
	return []block{{Table: &tableBlock{head, all}}}
}

// evidence names entries of the transcript, a few of them.
func evidence(ids []string, anchors map[string]string) []textSpan {
	const most = 3
	var out []textSpan
	for i, id := range ids {
		if i == most {
			return append(out, soft(" + "+count(len(ids)-most)))
		}
		if i > 0 {
			out = append(out, soft(", "))
		}
		out = append(out, textSpan{Text: id, Look: faint, Link: anchors[id]})
	}
	return out
}

// statement is a fact's sentence, its command before it if it does not name it.
func statement(fact finding.Fact) []textSpan {
	text := textSpan{Text: sentence(fact.Statement)}
	if name := subject(fact); name != "" {
		return []textSpan{bold(name), {Text: " "}, text}
	}
	return []textSpan{text}
}
