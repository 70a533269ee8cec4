package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// fields describes the values of answer fields: first the fields that all answers begin
// with, then those of each command.
func (v *tableView) fields(names []string) string {
	g := grid{head: []string{"command", "place", "field", "holds"}}
	if len(names) == 0 {
		v.headFields(&g)
	}
	for _, command := range v.selectCommands(names) {
		var rows groups // fields by description
		places := make(map[string][]string)
		for _, f := range v.Fields {
			if f.Command != command.Name || f.Place <= v.headLen || !isShown(f.Grade) {
				continue
			}
			text := v.describeField(f)
			rows.add(text, codeSpan(f.Key))
			places[text] = append(places[text], strconv.Itoa(f.Place))
		}
		for _, text := range rows.labels {
			g.add(codeSpan(command.Name), ranges(places[text]), strings.Join(rows.members[text], " "), text)
		}
	}
	return g.String()
}

// headFields adds the fields that all answers begin with, one row for each description.
func (v *tableView) headFields(g *grid) {
	if len(v.Commands) == 0 {
		return
	}
	for i, key := range v.Commands[0].AnswerKeys[:v.headLen] {
		var descriptions groups // commands by description
		for _, f := range v.Fields {
			if f.Key == key && f.Place == i+1 && isShown(f.Grade) {
				descriptions.add(v.describeField(f), f.Command)
			}
		}
		for _, text := range descriptions.labels {
			commands := "all"
			if len(descriptions.labels) > 1 {
				commands = strings.Join(codeSpans(descriptions.members[text]), ", ")
			}
			g.add(commands, strconv.Itoa(i+1), codeSpan(key), text)
		}
	}
}

// ranges joins places in ascending order: 6-9, 12.
func ranges(places []string) string {
	var out []string
	for i := 0; i < len(places); {
		j := i
		for j+1 < len(places) && nextPlace(places[j]) == places[j+1] {
			j++
		}
		if j > i {
			out = append(out, places[i]+"-"+places[j])
		} else {
			out = append(out, places[i])
		}
		i = j + 1
	}
	return strings.Join(out, ", ")
}

func nextPlace(place string) string {
	n, _ := strconv.Atoi(place)
	return strconv.Itoa(n + 1)
}

// describeField says what a field contains, and with which grade that is known.
func (v *tableView) describeField(f finding.AnswerField) string {
	text := v.describeKind(f)
	if g := v.fact(f.Command, finding.AspectField, f.Key, "order of elements"); g != nil {
		text += ", " + g.Value + gradeMark(g.Grade)
	}
	if others := v.parallelLists(f); len(others) > 0 {
		text += ", one element for each of " + strings.Join(codeSpans(others), " ")
	}
	if f.When != "" {
		text += "; not in every answer"
	}
	return text + gradeMark(f.Grade)
}

func (v *tableView) describeKind(f finding.AnswerField) string {
	switch f.Kind {
	case "echo":
		if f.Of == f.Key {
			return "what the request has"
		}
		return "what the request has as " + codeSpan(f.Of)
	case "count":
		return "how many elements " + codeSpan(f.Of) + " has"
	case "list":
		return "a list"
	case "constant":
		if len(f.Values) == 1 {
			if f.Values[0] == "" {
				return "was always empty"
			}
			if f.When == "" {
				return "always " + codeSpan(f.Values[0])
			}
		}
	case "prose":
		return "words for people"
	}
	if seen := sortNumbers(f.Values); len(seen) > 1 && len(seen) < 5 && areDigits(seen) {
		return joinOr(codeSpans(seen))
	}
	if areNumbers(f.Values) {
		return "a number"
	}
	return "a text"
}

// areDigits reports whether all values are single digits. Such values are codes, not quantities.
func areDigits(list []string) bool {
	return !slices.ContainsFunc(list, func(v string) bool { return len(v) != 1 || v < "0" || v > "9" })
}

// parallelLists returns the lists of the same answer that have as many elements as f.
// It returns none if an earlier list already names f.
func (v *tableView) parallelLists(f finding.AnswerField) []string {
	if f.Kind != "list" {
		return nil
	}
	var later []string
	for _, g := range v.Fields {
		if g.Command != f.Command || g.Kind != "list" || g.Key == f.Key {
			continue
		}
		pair := f.Key + " and " + g.Key
		if g.Place < f.Place {
			pair = g.Key + " and " + f.Key
		}
		if v.fact(f.Command, finding.AspectField, pair, "are") == nil {
			continue
		}
		if g.Place < f.Place {
			return nil // the row of g names f
		}
		later = append(later, g.Key)
	}
	return later
}
