package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// purposes are the verbs of experiment files in words.
var purposes = map[string]string{
	"login": "begins a session", "logout": "ends the session", "status": "sets what others see",
	"friends": "lists the friends", "online": "lists friends with what they show", "info": "tells about an account",
	"find": "lists accounts that fit", "add": "adds somebody", "request": "asks to be a friend", "accept": "says yes",
	"reject": "says no", "delete": "ends a friendship", "send": "sends a text", "receive": "collects what has come",
	"read": "tells or lists something",
}

// commands tells of each command in short.
func (v *tableView) commands(names []string) string {
	g := grid{head: []string{"command", "what for", "session", "request", "answer"}}
	for _, command := range v.chosen(names) {
		var does []string
		for _, d := range command.Purposes {
			if p, ok := purposes[d]; ok {
				d = p
			}
			does = append(does, d)
		}
		g.add(code(command.Name), strings.Join(does, ", "), v.needs(command), v.request(command), v.answer(command))
	}
	return g.String()
}

// needs says whether a command needs a session.
func (v *tableView) needs(command finding.CommandSummary) string {
	if f := v.fact(command.Name, finding.AspectSession, "session", "needs"); f != nil {
		return f.Value + mark(f.Grade)
	}
	if command.Session == "not needed" {
		return command.Session
	}
	return "not known"
}

// request are the keys of a command's request that only some commands have, but for
// those that change nothing.
func (v *tableView) request(command finding.CommandSummary) string {
	var keys []string
	for _, key := range command.RequestKeys {
		if slices.Contains(v.common, key) || v.isIgnored(command.Name, key) {
			continue
		}
		text := code(key)
		if about := v.about(command.Name, key); len(about) > 0 {
			text += " (" + strings.Join(about, "; ") + ")"
		}
		keys = append(keys, text)
	}
	return strings.Join(keys, ", ")
}

func (v *tableView) isIgnored(command, key string) bool {
	f := v.fact(command, finding.AspectParameter, key, "meaning")
	return f != nil && f.Value == "ignored"
}

// about is what is known of a key, in short.
func (v *tableView) about(command, key string) []string {
	var about []string
	if v.typeOf(command, key) == "enum" {
		if taken, _ := v.values(command, key); len(taken) > 1 && numbers(taken) {
			about = append(about, or(inOrder(taken)))
		}
	}
	if d := v.fact(command, finding.AspectParameter, key, "default"); d != nil {
		about = append(about, d.Value+" if left out"+mark(d.Grade))
	} else if p := v.fact(command, finding.AspectParameter, key, "presence"); p != nil && p.Value == "optional" {
		about = append(about, "may be left out"+mark(p.Grade))
	}
	if m := v.fact(command, finding.AspectParameter, key, "most"); m != nil {
		about = append(about, "at most "+m.Value+mark(m.Grade))
	}
	if l := v.fact(command, finding.AspectParameter, key, "longest"); l != nil {
		about = append(about, "at most "+l.Value+" long"+mark(l.Grade))
	}
	return about
}

// typeOf is the type of a key, "" if it was not tried.
func (v *tableView) typeOf(command, key string) string {
	for _, row := range v.Matrix {
		if row.Command == command && row.Key == key {
			return row.Type
		}
	}
	return ""
}

// answer are the fields of a command's answer that not all have.
func (v *tableView) answer(command finding.CommandSummary) string {
	if orders := v.ordersOf(command.Name); len(orders) > 1 {
		return fmt.Sprintf("%d forms", len(orders))
	}
	if len(command.AnswerKeys) <= v.head {
		return ""
	}
	f := v.fact(command.Name, finding.AspectField, "fields", "order")
	if f == nil {
		return code(strings.Join(command.AnswerKeys[v.head:], "&")) + seenMark
	}
	return code(strings.Join(strings.Fields(f.Value)[v.head:], "&")) + mark(f.Grade)
}

// ordersOf are the orders in which the fields of a command's answers come.
func (v *tableView) ordersOf(command string) []*finding.Fact {
	var all []*finding.Fact
	for _, f := range v.of(finding.AspectField) {
		if f.Command == command && f.Claim == "order" && strings.HasPrefix(f.Name, "fields") {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all,
		func(x, y *finding.Fact) int { return len(strings.Fields(x.Value)) - len(strings.Fields(y.Value)) })
	return all
}

// orders tells in which order the fields of answers come where there are several.
func (v *tableView) orders(names []string) string {
	g := grid{head: []string{"fields", "in this order"}}
	chosen := v.chosen(names)
	if len(chosen) != 1 {
		g.head = append([]string{"command"}, g.head...)
	}
	for _, command := range chosen {
		for _, f := range v.ordersOf(command.Name) {
			fields := strings.Fields(f.Value)
			fields = fields[min(v.head, len(fields)):]
			row := []string{fmt.Sprint(len(fields)), code(strings.Join(fields, " ")) + mark(f.Grade)}
			if len(chosen) != 1 {
				row = append([]string{code(command.Name)}, row...)
			}
			g.add(row...)
		}
	}
	return g.String()
}
