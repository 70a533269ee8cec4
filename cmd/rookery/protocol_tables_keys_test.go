package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// structural are values that say how a value may be written, whatever it is.
var structural = []string{"a space before", "a space behind", "its first character escaped", "zeros before"}

// values are the values of a key that are taken, and those that are refused by the
// answer that they got.
func (v *tableView) values(command, key string) (taken []string, refused groups) {
	for _, f := range v.of(finding.AspectParameter) {
		name, is := strings.CutPrefix(f.Claim, "value ")
		if !is || f.Command != command || f.Name != key || slices.Contains(structural, name) {
			continue
		}
		if name == "" {
			name = "empty"
		}
		name += mark(f.Grade)
		if answer, is := strings.CutPrefix(f.Value, "answered "); is {
			refused.add(answer, name)
		} else if f.Value == "taken" && !slices.Contains(taken, name) {
			taken = append(taken, name)
		}
	}
	return taken, refused
}

// leftOut says what becomes of a request without a key.
func (v *tableView) leftOut(command, key string) string {
	if d := v.fact(command, finding.AspectParameter, key, "default"); d != nil {
		return "as " + code(d.Value) + mark(d.Grade)
	}
	p := v.fact(command, finding.AspectParameter, key, "presence")
	if p == nil {
		return ""
	}
	if p.Value == "optional" {
		return "taken" + mark(p.Grade)
	}
	if _, answer, ok := strings.Cut(p.Statement, "the answer is "); ok {
		return answer + mark(p.Grade)
	}
	return p.Value + mark(p.Grade)
}

// valuesTold are values in a cell: those that say what they are in words, and those
// that are what was sent.
func valuesTold(list []string) string {
	var out []string
	for _, name := range list {
		bare := strings.TrimSuffix(name, seenMark)
		seen := name[len(bare):]
		switch {
		case strings.TrimSpace(bare) == "":
			out = append(out, "a space"+seen)
		case bare == "empty", strings.Contains(strings.TrimSpace(bare), " "):
			out = append(out, words(bare)+seen)
		default:
			out = append(out, code(bare)+seen)
		}
	}
	return strings.Join(out, ", ")
}

// keyRow is what is known of a key: left out, taken, refused.
func (v *tableView) keyRow(command, key string) []string {
	taken, refused := v.values(command, key)
	var no []string
	for _, answer := range refused.texts {
		no = append(no, answer+": "+valuesTold(refused.of[answer]))
	}
	yes := valuesTold(taken)
	if m := v.fact(command, finding.AspectParameter, key, "most"); m != nil {
		yes += "; at most " + m.Value + " elements come" + mark(m.Grade)
	}
	if l := v.fact(command, finding.AspectParameter, key, "longest"); l != nil {
		yes += "; at most " + l.Value + " long" + mark(l.Grade)
	}
	return []string{v.leftOut(command, key), yes, strings.Join(no, "; ")}
}

// commonKeys tells of the keys that every request has, by the command with which
// they were tried in most ways.
func (v *tableView) commonKeys(_ []string) string {
	g := grid{head: []string{"key", "left out", "taken", "refused"}}
	for _, key := range v.common {
		best, maxBytes := "", 0
		for _, command := range v.Commands {
			taken, refused := v.values(command.Name, key)
			n := len(taken)
			for _, members := range refused.of {
				n += len(members)
			}
			if n > maxBytes {
				best, maxBytes = command.Name, n
			}
		}
		if best != "" {
			g.add(append([]string{code(key)}, v.keyRow(best, key)...)...)
		}
	}
	return g.String() + v.manners()
}

// manners tells how keys and values may be written, if that is the same everywhere.
func (v *tableView) manners() string {
	var lines []string
	for _, m := range []struct{ claim, value, text string }{
		{"case of the key", "any", "understood in letters of the other case"},
		{"given twice", "the first counts", "of two the first counts"},
		{"given twice", "the last counts", "of two the last counts"},
		{"place in the request", "any", "may stand anywhere in the request"},
		{"spaces around", "left out", "spaces around the value are dropped"},
		{"escapes", "read", "escapes in the value are undone"},
	} {
		yes, no := v.tally(m.claim, m.value)
		if len(yes) == 0 || len(no) > len(yes) {
			continue
		}
		line := "- " + m.text + ": " + strings.Join(codes(yes), " ")
		if len(no) > 0 {
			line += "; not so: " + strings.Join(codes(no), " ")
		}
		lines = append(lines, line+"\n")
	}
	if len(lines) == 0 {
		return ""
	}
	return "\n" + strings.Join(lines, "")
}

// tally are the keys of which a claim has a value with every command, and those of
// which it has not.
func (v *tableView) tally(claim, value string) (yes, no []string) {
	for _, f := range v.of(finding.AspectParameter) {
		if f.Claim != claim || v.isIgnored(f.Command, f.Name) {
			continue
		}
		if f.Value != value {
			if !slices.Contains(no, f.Name) {
				no = append(no, f.Name)
			}
		} else if !slices.Contains(yes, f.Name) {
			yes = append(yes, f.Name)
		}
	}
	yes = slices.DeleteFunc(yes, func(key string) bool { return slices.Contains(no, key) })
	return v.inPlace(yes), v.inPlace(no)
}

// inPlace are keys in the order in which requests have them: those that all have
// first.
func (v *tableView) inPlace(keys []string) []string {
	order := slices.Clone(v.common)
	for _, command := range v.Commands {
		order = append(order, command.RequestKeys...)
	}
	slices.SortStableFunc(keys,
		func(x, y string) int { return cmp.Compare(slices.Index(order, x), slices.Index(order, y)) })
	return keys
}

// ownKeys tells of the keys that only some requests have.
func (v *tableView) ownKeys(names []string) string {
	var rows groups // the commands by the rest of the row
	cells := make(map[string][]string)
	var ignored []string
	for _, command := range v.chosen(names) {
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
			row := append([]string{code(key)}, v.keyRow(command.Name, key)...)
			if row[1] == "" && row[2] == "" && row[3] == "" {
				continue
			}
			at := strings.Join(row, "\x00")
			cells[at] = row
			rows.add(at, code(command.Name))
		}
	}
	g := grid{head: []string{"command", "key", "left out", "taken", "refused"}}
	for _, at := range rows.texts {
		g.add(append([]string{strings.Join(rows.of[at], ", ")}, cells[at]...)...)
	}
	out := g.String()
	if len(ignored) > 0 {
		out += "\nKeys that change nothing, whatever they hold: " + strings.Join(codes(ignored), " ") + "\n"
	}
	return out
}
