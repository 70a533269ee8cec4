package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// codes lists the possible answers to each command, for accounts that are logged in and
// for others. Answers of HTTP are in the table of forms.
func (v *tableView) codes(names []string) string {
	var rows groups // commands by the other cells of the row
	cells := make(map[string][]string)
	for _, command := range v.selectCommands(names) {
		in, out := v.answersTo(command.Name, true), v.answersTo(command.Name, false)
		if in == "" && out == "" {
			continue
		}
		at := in + "\x00" + out
		cells[at] = []string{in, out}
		rows.add(at, codeSpan(command.Name))
	}
	g := grid{head: []string{"command", "to a logged-in account", "to one that is not logged in"}}
	for _, at := range rows.labels {
		g.add(append([]string{strings.Join(rows.members[at], ", ")}, cells[at]...)...)
	}
	return g.String()
}

// answersTo lists the answers to a command that the study saw, in the state "logged in"
// or in all other states.
func (v *tableView) answersTo(command string, loggedIn bool) string {
	grades := make(map[string]finding.Grade)
	var answers []string
	for _, f := range v.factsOf(finding.AspectField) {
		answer, is := strings.CutPrefix(f.Claim, "can be ")
		if !is || f.Command != command || (f.Scope == "logged in") != loggedIn || isHTTP(answer) {
			continue
		}
		if grades[answer] == "" {
			answers = append(answers, answer)
		}
		if grades[answer] != finding.Confirmed {
			grades[answer] = f.Grade
		}
	}
	slices.Sort(answers)
	for i, answer := range answers {
		answers[i] = escapeMarkdown(answer) + gradeMark(grades[answer])
	}
	return strings.Join(answers, ", ")
}

// isHTTP reports whether an answer is an HTTP status or a page, not a record.
func isHTTP(answer string) bool {
	return strings.HasPrefix(answer, "status ") || strings.HasPrefix(answer, "no ")
}

// sessions says in which state an account is after each event, and when logins are locked.
func (v *tableView) sessions(_ []string) string {
	g := grid{head: []string{"after", "the account is"}}
	for _, f := range v.factsOf(finding.AspectSession) {
		if event, is := strings.CutPrefix(f.Name, "after "); is && f.Claim == "state" {
			g.add(escapeMarkdown(event), f.Value+gradeMark(f.Grade))
		}
	}
	out := g.String()
	for _, f := range v.factsOf(finding.AspectSession) {
		if f.Claim == "lock after" {
			out += "\n" + escapeMarkdown(f.Statement) + gradeMark(f.Grade) + ".\n"
		}
	}
	return out
}

// machine makes a table for each learned state machine, or for those of some aspects. A
// cell has the answer to an input in a state and, in bold, the next state if it changes.
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
		row := []string{codeSpan(input)}
		for _, s := range m.States {
			row = append(row, describeTransition(m, s.Name, input))
		}
		g.add(row...)
	}
	var text strings.Builder
	text.WriteString(g.String() + "\n")
	for _, s := range m.States {
		way := "at the beginning"
		if len(s.Access) > 0 {
			way = "after " + strings.Join(codeSpans(s.Access), ", ")
		}
		fmt.Fprintf(&text, "- %s: %s\n", s.Name, way)
	}
	fmt.Fprintf(&text, "\n%s.\n", capitalize(m.Guarantee))
	return text.String()
}

// describeTransition returns the cell of an input in a state.
func describeTransition(m *finding.StateMachine, state, input string) string {
	for _, t := range m.Transitions {
		if t.From != state || t.Input != input {
			continue
		}
		out := escapeMarkdown(t.Output)
		if t.To != state {
			out += " **" + t.To + "**"
		}
		return out
	}
	return "not tried"
}

func capitalize(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// timers makes one row per timer: its length, its start, and which commands restart it.
func (v *tableView) timers(_ []string) string {
	g := grid{head: []string{"timer", "is over after", "counts from", "put off by", "not put off by"}}
	for _, t := range v.Timers {
		length := fmt.Sprintf("more than %g s", t.Low)
		if t.High > 0 {
			length = fmt.Sprintf("%g to %g s", t.Low, t.High)
		}
		if f := v.fact("*", finding.AspectTimer, t.Name, "length"); f == nil {
			length += observedMark
		} else {
			length += gradeMark(f.Grade)
		}
		from := ""
		switch t.Kind {
		case "idle":
			from = "the latest request"
		case "absolute":
			from = "its beginning"
		}
		g.add(escapeMarkdown(t.Name), length, from,
			joinNames(v.groupSessionCommands(t.RefreshedBy)), joinNames(v.groupSessionCommands(t.NotBy)))
	}
	return g.String()
}

// groupSessionCommands replaces the names of all commands that need a session by one
// description, if the list has all of them.
func (v *tableView) groupSessionCommands(list []string) []string {
	needs := func(name string) bool {
		f := v.fact(name, finding.AspectSession, "session", "needs")
		return f != nil && f.Value == "needed"
	}
	for _, command := range v.Commands {
		if needs(command.Name) && !slices.Contains(list, command.Name) {
			return list
		}
	}
	others := slices.DeleteFunc(slices.Clone(list), needs)
	if len(others) == len(list) {
		return list
	}
	return append([]string{"every command that needs a session"}, others...)
}

// joinNames joins names of commands, as code, and descriptions, as text.
func joinNames(list []string) string {
	out := make([]string, len(list))
	for i, name := range list {
		out[i] = codeSpan(name)
		if strings.Contains(name, " ") {
			out[i] = escapeMarkdown(name)
		}
	}
	return strings.Join(out, ", ")
}
