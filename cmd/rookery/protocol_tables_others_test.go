package main

import (
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// presence makes one row per status: what friends of the account see.
func (v *tableView) presence(_ []string) string {
	var columns, statuses []string
	cells := make(map[[2]string]string)
	for _, f := range v.factsOf(finding.AspectPresence) {
		column := ""
		switch f.Claim {
		case "a friend sees":
			column = "in " + codeSpan(f.Command)
		case "a friend is told":
			column = "told by " + codeSpan(f.Command)
		default:
			continue
		}
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
		if !slices.Contains(statuses, f.Name) {
			statuses = append(statuses, f.Name)
		}
		value := escapeMarkdown(f.Value)
		if strings.Contains(value, "=") {
			value = codeSpan(f.Value)
		}
		cells[[2]string{f.Name, column}] = value + gradeMark(f.Grade)
	}
	g := grid{head: append([]string{"status"}, columns...)}
	for _, status := range statuses {
		row := []string{codeSpan(status)}
		for _, column := range columns {
			row = append(row, cells[[2]string{status, column}])
		}
		g.add(row...)
	}
	return g.String()
}

// messages lists the facts about the delivery of messages and about repeated requests.
func (v *tableView) messages(_ []string) string {
	var text strings.Builder
	for _, f := range v.factsOf(finding.AspectMessage) {
		text.WriteString("- " + escapeMarkdown(f.Statement) + gradeMark(f.Grade) + "\n")
	}
	return text.String()
}

// friendship says which accounts list each other, by the requests before.
func (v *tableView) friendship(_ []string) string {
	var after groups
	for _, f := range v.factsOf(finding.AspectFriendship) {
		if f.Claim == "lists the other" {
			after.add(f.Value, escapeMarkdown(f.Name)+gradeMark(f.Grade))
		}
	}
	g := grid{head: []string{"who lists the other then", "after"}}
	for _, value := range after.labels {
		g.add(value, strings.Join(after.members[value], "; "))
	}
	return g.String()
}

// encodings says how texts arrive. A table shows those that change on the way or have no
// defined meaning; the line below it lists the others.
func (v *tableView) encodings(_ []string) string {
	g := grid{head: []string{"in a text", "sent", "arrives"}}
	var unchanged []string
	for _, f := range v.factsOf(finding.AspectEncoding) {
		if f.Claim != "arrives" {
			continue
		}
		sent := sentValue(f.Statement)
		if f.Value == "as it is meant" {
			unchanged = append(unchanged, escapeMarkdown(f.Name)+" "+sent+gradeMark(f.Grade))
			continue
		}
		arrives := escapeMarkdown(f.Value)
		if quoted, is := strings.CutPrefix(f.Value, `"`); is {
			arrives = codeSpan(strings.TrimSuffix(quoted, `"`))
		}
		g.add(escapeMarkdown(f.Name), sent, arrives+gradeMark(f.Grade))
	}
	out := g.String()
	if len(unchanged) > 0 {
		out += "\nAs it is meant arrives: " + strings.Join(unchanged, ", ") + ".\n"
	}
	return strings.TrimPrefix(out, "\n")
}

// sentValue extracts the text that was sent from the statement of a fact, as code.
func sentValue(statement string) string {
	_, rest, ok := strings.Cut(statement, ", sent as ")
	if !ok {
		return ""
	}
	sent, _, _ := strings.Cut(rest, ", arrives ")
	return codeSpan(strings.TrimSuffix(strings.TrimPrefix(sent, `"`), `"`))
}

// forms makes two tables: the forms of HTTP requests that the server understands, and
// what its answers have around the record.
func (v *tableView) forms(_ []string) string {
	var requestForms groups // forms by the server's reaction
	answers := grid{head: []string{"answers", ""}}
	for _, f := range v.factsOf(finding.AspectTransport) {
		if f.Claim == "of answers" {
			answers.add(escapeMarkdown(f.Name), codeSpan(strings.Trim(f.Value, `"`))+gradeMark(f.Grade))
		} else {
			requestForms.add(escapeMarkdown(f.Value), codeSpan(f.Name)+gradeMark(f.Grade))
		}
	}
	requests := grid{head: []string{"a request in the form", "is"}}
	for _, reaction := range requestForms.labels {
		requests.add(strings.Join(requestForms.members[reaction], ", "), reaction)
	}
	if len(answers.rows) == 0 {
		return requests.String()
	}
	return requests.String() + "\n" + answers.String()
}
