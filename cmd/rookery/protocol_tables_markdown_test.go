package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// grid is a table. Each row has as many cells as the head.
type grid struct {
	head []string
	rows [][]string
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// String returns the table in Markdown, or "" if it has no rows.
func (g *grid) String() string {
	if len(g.rows) == 0 {
		return ""
	}
	var text strings.Builder
	line := func(cells []string) {
		text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	line(g.head)
	text.WriteString(strings.Repeat("|---", len(g.head)) + "|\n")
	for _, row := range g.rows {
		for i, cell := range row {
			row[i] = strings.ReplaceAll(cell, "\n", " ")
		}
		line(row)
	}
	return text.String()
}

// codeSpan formats a text as code in a cell.
func codeSpan(text string) string {
	if text == "" {
		return "(empty)"
	}
	text = strings.ReplaceAll(text, "|", `\|`)
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}

func codeSpans(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = codeSpan(t)
	}
	return out
}

// escapeMarkdown makes a text show as it is in a cell.
func escapeMarkdown(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`).Replace(text)
}

// joinOr joins alternatives: a, b or c.
func joinOr(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

// areNumbers reports whether all values are decimal numbers.
func areNumbers(list []string) bool {
	return !slices.ContainsFunc(list, func(v string) bool { _, err := strconv.ParseInt(v, 10, 64); return err != nil })
}

// sortNumbers returns a sorted copy of a list of numbers, or a copy of any other list.
func sortNumbers(list []string) []string {
	list = slices.Clone(list)
	if areNumbers(list) {
		slices.SortFunc(list, func(x, y string) int {
			n, _ := strconv.ParseInt(x, 10, 64)
			m, _ := strconv.ParseInt(y, 10, 64)
			return cmp.Compare(n, m)
		})
	}
	return list
}

// groups collects the distinct members of each label. Labels and members keep the order
// in which they were added.
type groups struct {
	labels  []string
	members map[string][]string // by label
}

func (g *groups) add(label, member string) {
	if g.members == nil {
		g.members = make(map[string][]string)
	}
	if len(g.members[label]) == 0 {
		g.labels = append(g.labels, label)
	}
	if !slices.Contains(g.members[label], member) {
		g.members[label] = append(g.members[label], member)
	}
}
