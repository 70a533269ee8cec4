package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// purposeTexts describes the purposes that experiment files give to commands.
var purposeTexts = map[string]string{
	"login": "begins a session", "logout": "ends the session", "status": "sets what others see",
	"friends": "lists the friends", "online": "lists friends with what they show", "info": "tells about an account",
	"find": "lists accounts that fit", "add": "adds somebody", "request": "asks to be a friend", "accept": "says yes",
	"reject": "says no", "delete": "ends a friendship", "send": "sends a text", "receive": "collects what has come",
	"read": "tells or lists something",
}

// commands makes one row per command: purpose, session, request, answer.
func (v *tableView) commands(names []string) string {
	g := grid{head: []string{"command", "what for", "session", "request", "answer"}}
	for _, command := range v.selectCommands(names) {
		var purposes []string
		for _, purpose := range command.Purposes {
			purposes = append(purposes, cmp.Or(purposeTexts[purpose], purpose))
		}
		g.add(codeSpan(command.Name), strings.Join(purposes, ", "), v.describeSession(command),
			v.describeRequest(command), v.describeAnswer(command))
	}
	return g.String()
}

// describeSession says whether a command needs a session.
func (v *tableView) describeSession(command finding.CommandSummary) string {
	if f := v.fact(command.Name, finding.AspectSession, "session", "needs"); f != nil {
		return f.Value + gradeMark(f.Grade)
	}
	if command.Session == "not needed" {
		return command.Session
	}
	return "not known"
}

// describeRequest lists the keys of a command's request. It omits keys that every
// request has and keys that the server ignores.
func (v *tableView) describeRequest(command finding.CommandSummary) string {
	var keys []string
	for _, key := range command.RequestKeys {
		if slices.Contains(v.common, key) || v.isIgnored(command.Name, key) {
			continue
		}
		text := codeSpan(key)
		if about := v.describeKey(command.Name, key); len(about) > 0 {
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

// describeKey returns what is known of a key, in a few words each.
func (v *tableView) describeKey(command, key string) []string {
	var about []string
	if v.keyType(command, key) == "enum" {
		if taken, _ := v.valuesOf(command, key); len(taken) > 1 && areNumbers(taken) {
			about = append(about, joinOr(sortNumbers(taken)))
		}
	}
	if d := v.fact(command, finding.AspectParameter, key, "default"); d != nil {
		about = append(about, d.Value+" if left out"+gradeMark(d.Grade))
	} else if p := v.fact(command, finding.AspectParameter, key, "presence"); p != nil && p.Value == "optional" {
		about = append(about, "may be left out"+gradeMark(p.Grade))
	}
	if m := v.fact(command, finding.AspectParameter, key, "most"); m != nil {
		about = append(about, "at most "+m.Value+gradeMark(m.Grade))
	}
	if l := v.fact(command, finding.AspectParameter, key, "longest"); l != nil {
		about = append(about, "at most "+l.Value+" long"+gradeMark(l.Grade))
	}
	return about
}

// keyType returns the type of a key, or "" if the study did not try it.
func (v *tableView) keyType(command, key string) string {
	for _, row := range v.Matrix {
		if row.Command == command && row.Key == key {
			return row.Type
		}
	}
	return ""
}

// describeAnswer lists the fields of a command's answer behind those that all answers begin with.
func (v *tableView) describeAnswer(command finding.CommandSummary) string {
	if orders := v.ordersOf(command.Name); len(orders) > 1 {
		return fmt.Sprintf("%d forms", len(orders))
	}
	if len(command.AnswerKeys) <= v.headLen {
		return ""
	}
	f := v.fact(command.Name, finding.AspectField, "fields", "order")
	if f == nil {
		return codeSpan(strings.Join(command.AnswerKeys[v.headLen:], "&")) + observedMark
	}
	return codeSpan(strings.Join(strings.Fields(f.Value)[v.headLen:], "&")) + gradeMark(f.Grade)
}

// ordersOf returns the facts about the order of fields in a command's answers, the shortest answer first.
func (v *tableView) ordersOf(command string) []*finding.Fact {
	var all []*finding.Fact
	for _, f := range v.factsOf(finding.AspectField) {
		if f.Command == command && f.Claim == "order" && strings.HasPrefix(f.Name, "fields") {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all,
		func(x, y *finding.Fact) int { return len(strings.Fields(x.Value)) - len(strings.Fields(y.Value)) })
	return all
}

// orders makes one row for each order of fields, of commands whose answers have several.
func (v *tableView) orders(names []string) string {
	g := grid{head: []string{"fields", "in this order"}}
	chosen := v.selectCommands(names)
	if len(chosen) != 1 {
		g.head = append([]string{"command"}, g.head...)
	}
	for _, command := range chosen {
		for _, f := range v.ordersOf(command.Name) {
			fields := strings.Fields(f.Value)
			fields = fields[min(v.headLen, len(fields)):]
			row := []string{fmt.Sprint(len(fields)), codeSpan(strings.Join(fields, " ")) + gradeMark(f.Grade)}
			if len(chosen) != 1 {
				row = append([]string{codeSpan(command.Name)}, row...)
			}
			g.add(row...)
		}
	}
	return g.String()
}
