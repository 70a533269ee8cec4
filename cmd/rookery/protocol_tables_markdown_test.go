package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// grid is a table: a head and rows of as many cells.
type grid struct {
	head []string
	rows [][]string
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// String is the table in Markdown, empty if it has no rows.
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

// code is a text as it is, for a cell.
func code(text string) string {
	if text == "" {
		return "(empty)"
	}
	text = strings.ReplaceAll(text, "|", `\|`)
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}

func codes(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = code(t)
	}
	return out
}

// words is a text in words, for a cell.
func words(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`).Replace(text)
}

// or joins what is one of several.
func or(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

// numbers reports whether all are numbers.
func numbers(list []string) bool {
	return !slices.ContainsFunc(list, func(v string) bool { _, err := strconv.ParseInt(v, 10, 64); return err != nil })
}

// inOrder sorts numbers by their size, and leaves other lists as they are.
func inOrder(list []string) []string {
	list = slices.Clone(list)
	if numbers(list) {
		slices.SortFunc(list, func(x, y string) int {
			n, _ := strconv.ParseInt(x, 10, 64)
			m, _ := strconv.ParseInt(y, 10, 64)
			return cmp.Compare(n, m)
		})
	}
	return list
}

// groups puts together what has the same text beside it, in the order in which they
// come.
type groups struct {
	texts []string
	of    map[string][]string
}

func (g *groups) add(text, member string) {
	if g.of == nil {
		g.of = make(map[string][]string)
	}
	if len(g.of[text]) == 0 {
		g.texts = append(g.texts, text)
	}
	if !slices.Contains(g.of[text], member) {
		g.of[text] = append(g.of[text], member)
	}
}
