package main

// The tables of docs/protocol.md that are made of what a study found. What is
// confirmed stands there as it is. What was only seen has seenMark behind it; what is
// contested, refuted or only follows from something else is left out.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// seenMark is the mark behind what is not confirmed.
const seenMark = "°"

// A block makes one of the tables. Words are what stands behind its name.
type block struct {
	name string
	make func(s *tableView, words []string) string
}

func blocks() []block {
	return []block{
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

// tableNames are the names of all tables.
func tableNames() []string {
	var names []string
	for _, b := range blocks() {
		names = append(names, b.name)
	}
	return names
}

// makeTable is the table of a name, in Markdown, with a line end behind it. Behind the
// name may stand words that say which part of it is wanted: for commands, orders,
// keys and fields the names of commands, in their order; for machine its aspect.
// Without them it is all.
func makeTable(study *finding.Study, name string, words ...string) (string, error) {
	for _, b := range blocks() {
		if b.name != name {
			continue
		}
		text := b.make(newView(study), words)
		if text == "" {
			return "", fmt.Errorf("the study has found nothing for %s",
				strings.Join(append([]string{name}, words...), " "))
		}
		return text, nil
	}
	return "", fmt.Errorf("there is no table %q, but %s", name, strings.Join(tableNames(), ", "))
}

// A tableView is a study with its facts in reach.
type tableView struct {
	*finding.Study
	// common are the keys that every request has, ignored those that change nothing
	// wherever they were tried.
	common, ignored []string
	// head is how many fields all answers begin with.
	head int
}

func newView(study *finding.Study) *tableView {
	v := &tableView{Study: study}
	for i, command := range study.Commands {
		if i == 0 {
			v.common, v.head = slices.Clone(command.RequestKeys), len(command.AnswerKeys)
			continue
		}
		v.common = slices.DeleteFunc(v.common,
			func(key string) bool { return !slices.Contains(command.RequestKeys, key) })
		v.head = min(v.head, len(command.AnswerKeys))
		for j := range v.head {
			if command.AnswerKeys[j] != study.Commands[0].AnswerKeys[j] {
				v.head = j
			}
		}
	}
	for _, f := range study.Facts {
		if f.Aspect == finding.AspectParameter && f.Claim == "meaning" && f.Value == "ignored" && good(f.Grade) &&
			!slices.Contains(v.ignored, f.Name) {
			v.ignored = append(v.ignored, f.Name)
		}
	}
	return v
}

// good reports whether a grade is one that is shown.
func good(grade finding.Grade) bool { return grade == finding.Confirmed || grade == finding.Observed }

// mark is what stands behind something of a grade.
func mark(grade finding.Grade) string {
	if grade == finding.Confirmed {
		return ""
	}
	return seenMark
}

// fact is the fact of a claim, nil if there is none to be shown.
func (v *tableView) fact(command string, aspect finding.Aspect, name, claim string) *finding.Fact {
	for i := range v.Facts {
		f := &v.Facts[i]
		if f.Command == command && f.Aspect == aspect && f.Name == name && f.Claim == claim && good(f.Grade) {
			return f
		}
	}
	return nil
}

// of are the facts of an aspect that are to be shown, in their order.
func (v *tableView) of(aspect finding.Aspect) []*finding.Fact {
	var all []*finding.Fact
	for i := range v.Facts {
		if f := &v.Facts[i]; f.Aspect == aspect && good(f.Grade) {
			all = append(all, f)
		}
	}
	return all
}

// chosen are the commands of these names, all if there are no names.
func (v *tableView) chosen(names []string) []finding.CommandSummary {
	if len(names) == 0 {
		return v.Commands
	}
	var all []finding.CommandSummary
	for _, name := range names {
		for _, command := range v.Commands {
			if command.Name == name {
				all = append(all, command)
			}
		}
	}
	return all
}
