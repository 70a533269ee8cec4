package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// codes tells which answers each command can get, by whether the account that asks is
// logged in. What is of HTTP is told of elsewhere: see
// forms.
func (v *tableView) codes(names []string) string {
	var rows groups
	cells := make(map[string][]string)
	for _, command := range v.chosen(names) {
		in, out := v.answersTo(command.Name, true), v.answersTo(command.Name, false)
		if in == "" && out == "" {
			continue
		}
		at := in + "\x00" + out
		cells[at] = []string{in, out}
		rows.add(at, code(command.Name))
	}
	g := grid{head: []string{"command", "to who is logged in", "to who is not"}}
	for _, at := range rows.texts {
		g.add(append([]string{strings.Join(rows.of[at], ", ")}, cells[at]...)...)
	}
	return g.String()
}

// answersTo are the answers that a command was seen to get in the state "logged in",
// or in the others.
func (v *tableView) answersTo(command string, in bool) string {
	grades := make(map[string]finding.Grade)
	var all []string
	for _, f := range v.of(finding.AspectField) {
		answer, is := strings.CutPrefix(f.Claim, "can be ")
		if !is || f.Command != command || (f.Scope == "logged in") != in || isHTTP(answer) {
			continue
		}
		if grades[answer] == "" {
			all = append(all, answer)
		}
		if grades[answer] != finding.Confirmed {
			grades[answer] = f.Grade
		}
	}
	slices.Sort(all)
	for i, answer := range all {
		all[i] = words(answer) + mark(grades[answer])
	}
	return strings.Join(all, ", ")
}

// isHTTP reports whether an answer is no record, but something of HTTP: a status, or a
// page.
func isHTTP(answer string) bool {
	return strings.HasPrefix(answer, "status ") || strings.HasPrefix(answer, "no ")
}

// sessions tells who counts as logged in after what.
func (v *tableView) sessions(_ []string) string {
	g := grid{head: []string{"after", "the account is"}}
	for _, f := range v.of(finding.AspectSession) {
		if event, is := strings.CutPrefix(f.Name, "after "); is && f.Claim == "state" {
			g.add(words(event), f.Value+mark(f.Grade))
		}
	}
	out := g.String()
	for _, f := range v.of(finding.AspectSession) {
		if f.Claim == "lock after" {
			out += "\n" + words(f.Statement) + mark(f.Grade) + ".\n"
		}
	}
	return out
}

// machine is what was learned of one aspect, or of all: what each input does in each
// state. A number in bold is the state that it leads to, if that is another.
func (v *tableView) machine(aspects []string) string {
	var parts []string
	for i := range v.Machines {
		m := &v.Machines[i]
		if len(aspects) > 0 && !slices.Contains(aspects, m.Aspect) {
			continue
		}
		parts = append(parts, machineTable(m))
	}
	return strings.Join(parts, "\n")
}

func machineTable(m *finding.StateMachine) string {
	g := grid{head: []string{m.Aspect}}
	for _, s := range m.States {
		g.head = append(g.head, s.Name)
	}
	for _, input := range m.Inputs {
		row := []string{code(input)}
		for _, s := range m.States {
			row = append(row, friendshipOutcome(m, s.Name, input))
		}
		g.add(row...)
	}
	var text strings.Builder
	text.WriteString(g.String() + "\n")
	for _, s := range m.States {
		way := "at the beginning"
		if len(s.Access) > 0 {
			way = "after " + strings.Join(codes(s.Access), ", ")
		}
		fmt.Fprintf(&text, "- %s: %s\n", s.Name, way)
	}
	fmt.Fprintf(&text, "\n%s.\n", upper(m.Guarantee))
	return text.String()
}

// friendshipOutcome is what an input does in a state.
func friendshipOutcome(m *finding.StateMachine, state, input string) string {
	for _, t := range m.Transitions {
		if t.From != state || t.Input != input {
			continue
		}
		out := words(t.Output)
		if t.To != state {
			out += " **" + t.To + "**"
		}
		return out
	}
	return "not tried"
}

func upper(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// timers tells how long what is remembered lives, and what puts its end off.
func (v *tableView) timers(_ []string) string {
	g := grid{head: []string{"timer", "is over after", "counts from", "put off by", "not put off by"}}
	for _, t := range v.Timers {
		length := fmt.Sprintf("more than %g s", t.Low)
		if t.High > 0 {
			length = fmt.Sprintf("%g to %g s", t.Low, t.High)
		}
		if f := v.fact("*", finding.AspectTimer, t.Name, "length"); f == nil {
			length += seenMark
		} else {
			length += mark(f.Grade)
		}
		from := ""
		switch t.Kind {
		case "idle":
			from = "the latest request"
		case "absolute":
			from = "its beginning"
		}
		g.add(words(t.Name), length, from, names(v.withSession(t.RefreshedBy)), names(v.withSession(t.NotBy)))
	}
	return g.String()
}

// withSession puts one name in place of those of all commands that need a session.
func (v *tableView) withSession(list []string) []string {
	needs := func(name string) bool {
		f := v.fact(name, finding.AspectSession, "session", "needs")
		return f != nil && f.Value == "needed"
	}
	for _, command := range v.Commands {
		if needs(command.Name) && !slices.Contains(list, command.Name) {
			return list
		}
	}
	rest := slices.DeleteFunc(slices.Clone(list), needs)
	if len(rest) == len(list) {
		return list
	}
	return append([]string{"every command that needs a session"}, rest...)
}

// names are names of commands as they are, and what is said in words as words.
func names(list []string) string {
	out := make([]string, len(list))
	for i, name := range list {
		out[i] = code(name)
		if strings.Contains(name, " ") {
			out[i] = words(name)
		}
	}
	return strings.Join(out, ", ")
}
