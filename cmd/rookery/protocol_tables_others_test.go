package main

import (
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// presence tells what a friend sees of who has set a status.
func (v *tableView) presence(_ []string) string {
	var columns, statuses []string
	cells := make(map[[2]string]string)
	for _, f := range v.of(finding.AspectPresence) {
		column := ""
		switch f.Claim {
		case "a friend sees":
			column = "in " + code(f.Command)
		case "a friend is told":
			column = "told by " + code(f.Command)
		default:
			continue
		}
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
		if !slices.Contains(statuses, f.Name) {
			statuses = append(statuses, f.Name)
		}
		value := words(f.Value)
		if strings.Contains(value, "=") {
			value = code(f.Value)
		}
		cells[[2]string{f.Name, column}] = value + mark(f.Grade)
	}
	g := grid{head: append([]string{"status"}, columns...)}
	for _, status := range statuses {
		row := []string{code(status)}
		for _, column := range columns {
			row = append(row, cells[[2]string{status, column}])
		}
		g.add(row...)
	}
	return g.String()
}

// messages tells what becomes of messages, and of requests that are repeated.
func (v *tableView) messages(_ []string) string {
	var text strings.Builder
	for _, f := range v.of(finding.AspectMessage) {
		text.WriteString("- " + words(f.Statement) + mark(f.Grade) + "\n")
	}
	return text.String()
}

// friendship tells who lists whom after what.
func (v *tableView) friendship(_ []string) string {
	var after groups
	for _, f := range v.of(finding.AspectFriendship) {
		if f.Claim == "lists the other" {
			after.add(f.Value, words(f.Name)+mark(f.Grade))
		}
	}
	g := grid{head: []string{"who lists the other then", "after"}}
	for _, value := range after.texts {
		g.add(value, strings.Join(after.of[value], "; "))
	}
	return g.String()
}

// encodings tells how texts arrive: those that arrive otherwise than they are meant,
// or were meant in no way, in a table, the others in a row.
func (v *tableView) encodings(_ []string) string {
	g := grid{head: []string{"in a text", "sent", "arrives"}}
	var fine []string
	for _, f := range v.of(finding.AspectEncoding) {
		if f.Claim != "arrives" {
			continue
		}
		sent := sentAs(f.Statement)
		if f.Value == "as it is meant" {
			fine = append(fine, words(f.Name)+" "+sent+mark(f.Grade))
			continue
		}
		arrives := words(f.Value)
		if quoted, is := strings.CutPrefix(f.Value, `"`); is {
			arrives = code(strings.TrimSuffix(quoted, `"`))
		}
		g.add(words(f.Name), sent, arrives+mark(f.Grade))
	}
	out := g.String()
	if len(fine) > 0 {
		out += "\nAs it is meant arrives: " + strings.Join(fine, ", ") + ".\n"
	}
	return strings.TrimPrefix(out, "\n")
}

// sentAs is what a statement says that was sent, for a cell.
func sentAs(statement string) string {
	_, rest, ok := strings.Cut(statement, ", sent as ")
	if !ok {
		return ""
	}
	sent, _, _ := strings.Cut(rest, ", arrives ")
	return code(strings.TrimSuffix(strings.TrimPrefix(sent, `"`), `"`))
}

// forms tells in which forms of HTTP a record is understood, and what stands around
// answers.
func (v *tableView) forms(_ []string) string {
	var as groups
	g := grid{head: []string{"answers", ""}}
	for _, f := range v.of(finding.AspectTransport) {
		if f.Claim == "of answers" {
			g.add(words(f.Name), code(strings.Trim(f.Value, `"`))+mark(f.Grade))
		} else {
			as.add(words(f.Value), code(f.Name)+mark(f.Grade))
		}
	}
	h := grid{head: []string{"a request in the form", "is"}}
	for _, value := range as.texts {
		h.add(strings.Join(as.of[value], ", "), value)
	}
	if len(g.rows) == 0 {
		return h.String()
	}
	return h.String() + "\n" + g.String()
}
