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
	List     [][]span
	Table    *table
	Exchange *exchange
	Diagram  *diagram
	Fold     *fold
	Verbatim string
}

type paragraph struct {
	Note  bool // stands out
	Spans []span
}

// A span is a run of text in one look.
type span struct {
	Text string
	Look look
	Link string // an anchor of the same page
}

type look int

const (
	plainText look = iota
	fixed          // as it was on the wire
	strong
	faint
)

type table struct {
	Head []string
	Rows [][]cell
}

type cell []span

// An exchange is a request and what came back, from one server or more.
type exchange struct {
	Anchor   string
	Title    string
	Sent     string
	Received []received
}

type received struct {
	Name   string
	Pieces []piece
}

// A diagram is a state machine, drawn for a browser and written for Markdown.
type diagram struct {
	SVG     template.HTML
	Mermaid string
}

type fold struct {
	Title  string
	Blocks []block
}

func says(spans ...span) block { return block{Para: &paragraph{Spans: spans}} }
func para(s string) block      { return says(span{Text: s}) }
func note(spans ...span) block { return block{Para: &paragraph{Note: true, Spans: spans}} }
func heading(s string) block   { return block{Title: s} }
func plainCell(s string) cell  { return cell{{Text: s}} }
func bold(s string) span       { return span{Text: s, Look: strong} }
func wire(s string) span       { return span{Text: s, Look: fixed} }
func soft(s string) span       { return span{Text: s, Look: faint} }
func folded(title string, b ...block) block {
	return block{Fold: &fold{title, b}}
}

func to(s, anchor string) span { return span{Text: s, Link: anchor} }

// wires writes a list of keys or values.
func wires(list []string) cell {
	var out cell
	for i, s := range list {
		if i > 0 {
			out = append(out, span{Text: " "})
		}
		out = append(out, wire(s))
	}
	return out
}

func rows(head []string, all [][]cell) []block {
	if len(all) == 0 {
		return nil
	}
	return []block{{Table: &table{head, all}}}
}

// evidence names entries of the transcript, a few of them.
func evidence(ids []string, anchors map[string]string) []span {
	const most = 3
	var out []span
	for i, id := range ids {
		if i == most {
			return append(out, soft(" + "+count(len(ids)-most)))
		}
		if i > 0 {
			out = append(out, soft(", "))
		}
		out = append(out, span{Text: id, Look: faint, Link: anchors[id]})
	}
	return out
}

// statement is a fact's sentence, its command before it if it does not name it.
func statement(f finding.Fact) []span {
	text := span{Text: sentence(f.Statement)}
	if name := subject(f); name != "" {
		return []span{bold(name), {Text: " "}, text}
	}
	return []span{text}
}
