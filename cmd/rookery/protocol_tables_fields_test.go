package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// fields tells what the fields of answers hold: first those that all answers begin
// with, then those of each command.
func (v *tableView) fields(names []string) string {
	g := grid{head: []string{"command", "place", "field", "holds"}}
	if len(names) == 0 {
		v.headFields(&g)
	}
	for _, command := range v.chosen(names) {
		var rows groups
		places := make(map[string][]string)
		for _, f := range v.Fields {
			if f.Command != command.Name || f.Place <= v.head || !good(f.Grade) {
				continue
			}
			text := v.holds(f)
			rows.add(text, code(f.Key))
			places[text] = append(places[text], strconv.Itoa(f.Place))
		}
		for _, text := range rows.texts {
			g.add(code(command.Name), ranges(places[text]), strings.Join(rows.of[text], " "), text)
		}
	}
	return g.String()
}

// headFields are the fields that all answers begin with, where they hold the same
// with every command.
func (v *tableView) headFields(g *grid) {
	if len(v.Commands) == 0 {
		return
	}
	for i, key := range v.Commands[0].AnswerKeys[:v.head] {
		var texts groups
		for _, f := range v.Fields {
			if f.Key == key && f.Place == i+1 && good(f.Grade) {
				texts.add(v.holds(f), f.Command)
			}
		}
		for _, text := range texts.texts {
			who := "all"
			if len(texts.texts) > 1 {
				who = strings.Join(codes(texts.of[text]), ", ")
			}
			g.add(who, strconv.Itoa(i+1), code(key), text)
		}
	}
}

// ranges is a row of places: 6-9, 12.
func ranges(places []string) string {
	var out []string
	for i := 0; i < len(places); {
		j := i
		for j+1 < len(places) && next(places[j]) == places[j+1] {
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

func next(place string) string {
	n, _ := strconv.Atoi(place)
	return strconv.Itoa(n + 1)
}

// holds is what a field holds, in words.
func (v *tableView) holds(f finding.AnswerField) string {
	text := v.kind(f)
	if g := v.fact(f.Command, finding.AspectField, f.Key, "order of elements"); g != nil {
		text += ", " + g.Value + mark(g.Grade)
	}
	if others := v.parallel(f); len(others) > 0 {
		text += ", one element for each of " + strings.Join(codes(others), " ")
	}
	if f.When != "" {
		text += "; not in every answer"
	}
	return text + mark(f.Grade)
}

func (v *tableView) kind(f finding.AnswerField) string {
	switch f.Kind {
	case "echo":
		if f.Of == f.Key {
			return "what the request has"
		}
		return "what the request has as " + code(f.Of)
	case "count":
		return "how many elements " + code(f.Of) + " has"
	case "list":
		return "a list"
	case "constant":
		if len(f.Values) == 1 {
			if f.Values[0] == "" {
				return "was always empty"
			}
			if f.When == "" {
				return "always " + code(f.Values[0])
			}
		}
	case "prose":
		return "words for people"
	}
	if seen := inOrder(f.Values); len(seen) > 1 && len(seen) < 5 && small(seen) {
		return or(codes(seen))
	}
	if numbers(f.Values) {
		return "a number"
	}
	return "a text"
}

// small reports whether all are numbers of one digit: what stands for something.
func small(list []string) bool {
	return !slices.ContainsFunc(list, func(v string) bool { return len(v) != 1 || v < "0" || v > "9" })
}

// parallel are the lists of the same answer that have as many elements, for the first
// of them alone.
func (v *tableView) parallel(f finding.AnswerField) []string {
	if f.Kind != "list" {
		return nil
	}
	var behind []string
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
			return nil // it is said there
		}
		behind = append(behind, g.Key)
	}
	return behind
}
