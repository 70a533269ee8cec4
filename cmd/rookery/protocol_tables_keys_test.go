package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// notationVariants are the tested values that vary how a value is written, not what it means.
var notationVariants = []string{"a space before", "a space after", "its first character escaped", "zeros before"}

// valuesOf returns the values of a key that the server accepts, and the refused ones
// grouped by the answer to them.
func (v *tableView) valuesOf(command, key string) (accepted []string, refused groups) {
	for _, f := range v.factsOf(finding.AspectParameter) {
		name, is := strings.CutPrefix(f.Claim, "value ")
		if !is || f.Command != command || f.Name != key || slices.Contains(notationVariants, name) {
			continue
		}
		if name == "" {
			name = "empty"
		}
		name += gradeMark(f.Grade)
		if answer, is := strings.CutPrefix(f.Value, "answered "); is {
			refused.add(answer, name)
		} else if f.Value == "taken" && !slices.Contains(accepted, name) {
			accepted = append(accepted, name)
		}
	}
	return accepted, refused
}

// describeMissingKey says how the server treats a request without a key.
func (v *tableView) describeMissingKey(command, key string) string {
	if d := v.fact(command, finding.AspectParameter, key, "default"); d != nil {
		return "as " + codeSpan(d.Value) + gradeMark(d.Grade)
	}
	p := v.fact(command, finding.AspectParameter, key, "presence")
	if p == nil {
		return ""
	}
	if p.Value == "optional" {
		return "taken" + gradeMark(p.Grade)
	}
	if _, answer, ok := strings.Cut(p.Statement, "the answer is "); ok {
		return answer + gradeMark(p.Grade)
	}
	return p.Value + gradeMark(p.Grade)
}

// formatValues joins values for a cell: descriptions such as "a space before" as text,
// values that were sent as code.
func formatValues(list []string) string {
	var out []string
	for _, name := range list {
		bare := strings.TrimSuffix(name, observedMark)
		mark := name[len(bare):]
		switch {
		case strings.TrimSpace(bare) == "":
			out = append(out, "a space"+mark)
		case bare == "empty", strings.Contains(strings.TrimSpace(bare), " "):
			out = append(out, escapeMarkdown(bare)+mark)
		default:
			out = append(out, codeSpan(bare)+mark)
		}
	}
	return strings.Join(out, ", ")
}

// keyRow returns the cells of a key behind its name: left out, taken, refused.
func (v *tableView) keyRow(command, key string) []string {
	accepted, refused := v.valuesOf(command, key)
	var refusedCell []string
	for _, answer := range refused.labels {
		refusedCell = append(refusedCell, answer+": "+formatValues(refused.members[answer]))
	}
	acceptedCell := formatValues(accepted)
	if m := v.fact(command, finding.AspectParameter, key, "most"); m != nil {
		acceptedCell += "; at most " + m.Value + " elements come" + gradeMark(m.Grade)
	}
	if l := v.fact(command, finding.AspectParameter, key, "longest"); l != nil {
		acceptedCell += "; at most " + l.Value + " long" + gradeMark(l.Grade)
	}
	return []string{v.describeMissingKey(command, key), acceptedCell, strings.Join(refusedCell, "; ")}
}

// commonKeys describes the keys that every request has, each by the command with which
// the study tried most values of it.
func (v *tableView) commonKeys(_ []string) string {
	g := grid{head: []string{"key", "left out", "taken", "refused"}}
	for _, key := range v.common {
		best, maxValues := "", 0
		for _, command := range v.Commands {
			accepted, refused := v.valuesOf(command.Name, key)
			n := len(accepted)
			for _, values := range refused.members {
				n += len(values)
			}
			if n > maxValues {
				best, maxValues = command.Name, n
			}
		}
		if best != "" {
			g.add(append([]string{codeSpan(key)}, v.keyRow(best, key)...)...)
		}
	}
	return g.String() + v.notation()
}

// notation lists how keys and values may be written. It omits rules that hold for fewer
// keys than they fail for.
func (v *tableView) notation() string {
	var lines []string
	for _, m := range []struct{ claim, value, text string }{
		{"case of the key", "any", "understood in letters of the other case"},
		{"given twice", "the first counts", "of two the first counts"},
		{"given twice", "the last counts", "of two the last counts"},
		{"place in the request", "any", "may stand anywhere in the request"},
		{"spaces around", "left out", "spaces around the value are dropped"},
		{"escapes", "read", "escapes in the value are undone"},
	} {
		follow, differ := v.splitKeysByClaim(m.claim, m.value)
		if len(follow) == 0 || len(differ) > len(follow) {
			continue
		}
		line := "- " + m.text + ": " + strings.Join(codeSpans(follow), " ")
		if len(differ) > 0 {
			line += "; not so: " + strings.Join(codeSpans(differ), " ")
		}
		lines = append(lines, line+"\n")
	}
	if len(lines) == 0 {
		return ""
	}
	return "\n" + strings.Join(lines, "")
}

// splitKeysByClaim returns the keys for which a claim has this value in every command,
// and the keys for which it has another in some command.
func (v *tableView) splitKeysByClaim(claim, value string) (follow, differ []string) {
	for _, f := range v.factsOf(finding.AspectParameter) {
		if f.Claim != claim || v.isIgnored(f.Command, f.Name) {
			continue
		}
		if f.Value != value {
			if !slices.Contains(differ, f.Name) {
				differ = append(differ, f.Name)
			}
		} else if !slices.Contains(follow, f.Name) {
			follow = append(follow, f.Name)
		}
	}
	follow = slices.DeleteFunc(follow, func(key string) bool { return slices.Contains(differ, key) })
	return v.sortKeys(follow), v.sortKeys(differ)
}

// sortKeys puts keys into the order in which requests have them, common keys first.
func (v *tableView) sortKeys(keys []string) []string {
	order := slices.Clone(v.common)
	for _, command := range v.Commands {
		order = append(order, command.RequestKeys...)
	}
	slices.SortStableFunc(keys,
		func(x, y string) int { return cmp.Compare(slices.Index(order, x), slices.Index(order, y)) })
	return keys
}

// ownKeys describes the keys that only some requests have. Commands that treat a key
// alike share a row.
func (v *tableView) ownKeys(names []string) string {
	var rows groups // commands by the other cells of the row
	cells := make(map[string][]string)
	var ignored []string
	for _, command := range v.selectCommands(names) {
		for _, key := range command.RequestKeys {
			if slices.Contains(v.common, key) {
				continue
			}
			if v.isIgnored(command.Name, key) {
				if !slices.Contains(ignored, key) {
					ignored = append(ignored, key)
				}
				continue
			}
			row := append([]string{codeSpan(key)}, v.keyRow(command.Name, key)...)
			if row[1] == "" && row[2] == "" && row[3] == "" {
				continue
			}
			at := strings.Join(row, "\x00")
			cells[at] = row
			rows.add(at, codeSpan(command.Name))
		}
	}
	g := grid{head: []string{"command", "key", "left out", "taken", "refused"}}
	for _, at := range rows.labels {
		g.add(append([]string{strings.Join(rows.members[at], ", ")}, cells[at]...)...)
	}
	out := g.String()
	if len(ignored) > 0 {
		out += "\nKeys that change nothing, whatever they hold: " + strings.Join(codeSpans(ignored), " ") + "\n"
	}
	return out
}
