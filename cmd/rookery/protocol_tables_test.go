package main

// This file and the other protocol_tables files make the generated tables of
// docs/protocol.md from the facts of a study. Confirmed facts appear as they are.
// Observed facts have observedMark behind them. Contested, refuted and derived facts
// are omitted.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// observedMark follows a statement that the study observed but did not confirm.
const observedMark = "°"

// A tableMaker makes one of the tables. The arguments select a part of it.
type tableMaker struct {
	name string
	make func(v *tableView, arguments []string) string
}

func tableMakers() []tableMaker {
	return []tableMaker{
		{"commands", (*tableView).commands},
		{"orders", (*tableView).orders},
		{"common-keys", (*tableView).commonKeys},
		{"keys", (*tableView).ownKeys},
		{"fields", (*tableView).fields},
		{"codes", (*tableView).codes},
		{"sessions", (*tableView).sessions},
		{"machine", (*tableView).machine},
		{"timers", (*tableView).timers},
		{"presence", (*tableView).presence},
		{"messages", (*tableView).messages},
		{"friendship", (*tableView).friendship},
		{"encodings", (*tableView).encodings},
		{"forms", (*tableView).forms},
	}
}

// tableNames returns the names of all tables.
func tableNames() []string {
	var names []string
	for _, b := range tableMakers() {
		names = append(names, b.name)
	}
	return names
}

// makeTable returns the table with a name, in Markdown, with a line end behind it. The
// arguments select rows and their order: commands, orders, keys, fields and codes take
// names of commands, machine takes aspects. Without arguments, the table is complete.
func makeTable(study *finding.Study, name string, arguments ...string) (string, error) {
	for _, b := range tableMakers() {
		if b.name != name {
			continue
		}
		text := b.make(newView(study), arguments)
		if text == "" {
			return "", fmt.Errorf("the study has no facts for the table %s",
				strings.Join(append([]string{name}, arguments...), " "))
		}
		return text, nil
	}
	return "", fmt.Errorf("there is no table %q; use one of %s", name, strings.Join(tableNames(), ", "))
}

// A tableView answers questions about a study.
type tableView struct {
	*finding.Study
	common  []string // the keys that every request has
	headLen int      // the number of fields that all answers begin with
}

func newView(study *finding.Study) *tableView {
	v := &tableView{Study: study}
	for i, command := range study.Commands {
		if i == 0 {
			v.common, v.headLen = slices.Clone(command.RequestKeys), len(command.AnswerKeys)
			continue
		}
		v.common = slices.DeleteFunc(v.common,
			func(key string) bool { return !slices.Contains(command.RequestKeys, key) })
		v.headLen = min(v.headLen, len(command.AnswerKeys))
		for j := range v.headLen {
			if command.AnswerKeys[j] != study.Commands[0].AnswerKeys[j] {
				v.headLen = j
			}
		}
	}
	return v
}

// isShown reports whether the tables show facts of a grade.
func isShown(grade finding.Grade) bool {
	return grade == finding.Confirmed || grade == finding.Observed
}

// gradeMark returns what follows a statement of a grade.
func gradeMark(grade finding.Grade) string {
	if grade == finding.Confirmed {
		return ""
	}
	return observedMark
}

// fact returns the fact with a claim, or nil if none is shown.
func (v *tableView) fact(command string, aspect finding.Aspect, name, claim string) *finding.Fact {
	for i := range v.Facts {
		f := &v.Facts[i]
		if f.Command == command && f.Aspect == aspect && f.Name == name && f.Claim == claim && isShown(f.Grade) {
			return f
		}
	}
	return nil
}

// factsOf returns the facts of an aspect that are shown.
func (v *tableView) factsOf(aspect finding.Aspect) []*finding.Fact {
	var facts []*finding.Fact
	for i := range v.Facts {
		if f := &v.Facts[i]; f.Aspect == aspect && isShown(f.Grade) {
			facts = append(facts, f)
		}
	}
	return facts
}

// selectCommands returns the commands with these names, or all if there are no names.
func (v *tableView) selectCommands(names []string) []finding.CommandSummary {
	if len(names) == 0 {
		return v.Commands
	}
	var commands []finding.CommandSummary
	for _, name := range names {
		for _, command := range v.Commands {
			if command.Name == name {
				commands = append(commands, command)
			}
		}
	}
	return commands
}
