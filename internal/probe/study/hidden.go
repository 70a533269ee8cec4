package study

import (
	"fmt"
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
)

// hiddenKeys looks for keys that the file does not name: many are added to a
// request at once, and halved where the answer changes. Keys of other commands come
// first, with values that mean something there.
func (s *study) hiddenKeys() error {
	for _, step := range s.purposes() {
		u := s.unitOf(step)
		if verb := s.File.VerbOf(step); !u.pure && verb != vLogin || step.Verb != "" {
			continue
		}
		if !u.pure {
			u.after = s.row().login(s.b).look(s.b, vOnline).steps
		}
		base, err := s.tryOne(u, variant{name: "base"})
		if err != nil {
			return err
		}
		if base == nil {
			continue
		}
		if _, err := s.hidden(u, base, s.borrowed(step)); err != nil {
			return err
		}
	}
	for _, step := range s.purposes() {
		u := s.unitOf(step)
		if !u.pure {
			continue
		}
		base, err := s.tryOne(u, variant{name: "base"})
		if err != nil {
			return err
		}
		if base == nil {
			continue
		}
		var keys []experiment.Pair
		for _, key := range s.candidates(step) {
			keys = append(keys, experiment.Pair{Key: key, Value: "1"})
		}
		clean := 0
		for group := range slices.Chunk(keys, 40) {
			n, err := s.hidden(u, base, group)
			if err != nil {
				return err
			}
			clean += n
		}
		f := s.claim(finding.Fact{
			Command: step.Command, Aspect: finding.Parameter, Name: "hidden keys", Claim: "tried", Value: fmt.Sprint(len(keys)),
			Statement: fmt.Sprintf("%s: of %d keys that the file does not name, %d change nothing", step.Command, len(keys), clean),
		}, base.trace, base.at)
		f.Bound = fmt.Sprintf("no effect in %d clean tries: under %.1f %% at 95 %%", clean, 300/float64(max(clean, 1)))
	}
	return nil
}

// borrowed are the keys of other commands, with a value that is not the usual one
// there. Those that all commands have are left out.
func (s *study) borrowed(step experiment.Step) []experiment.Pair {
	own, _ := s.File.Command(step.Command)
	var all []experiment.Pair
	for _, c := range s.File.Commands {
		for _, p := range s.parametersOf(c) {
			base, is := baseValue(c, p.Key)
			_, have := baseValue(own, p.Key)
			twice := slices.ContainsFunc(all, func(q experiment.Pair) bool { return q.Key == p.Key })
			if have || twice || isCommon(p.Type) || !is || p.Type == experiment.Text || p.Type == experiment.Secret {
				continue
			}
			value := s.otherValue(p, base)
			if p.Type == experiment.Enum && len(p.Values) > 2 {
				value = p.Values[2] // the second is often that of being away
			}
			all = append(all, experiment.Pair{Key: p.Key, Value: value})
		}
	}
	return all
}

// candidates are the keys of other commands and answers, and those of two letters
// that begin like them.
func (s *study) candidates(step experiment.Step) []string {
	own, _ := s.File.Command(step.Command)
	var all []string
	add := func(key string) {
		if _, is := baseValue(own, key); !is && !slices.Contains(all, key) {
			all = append(all, key)
		}
	}
	for _, c := range s.File.Commands {
		for _, p := range s.parametersOf(c) {
			add(p.Key)
		}
	}
	for _, c := range s.out.Commands {
		for _, key := range c.Fields {
			add(key)
		}
	}
	for first := 'A'; first <= 'Z'; first++ {
		for _, second := range "ACDEIKLMNOPRSTUVX" {
			add(string(first) + string(second))
		}
	}
	return all
}

// hidden tries keys together, and halves where something changes. It returns how
// many change nothing.
func (s *study) hidden(u unit, base *trial, keys []experiment.Pair) (clean int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	var changes []experiment.Change
	for _, p := range keys {
		changes = append(changes, experiment.Change{Kind: experiment.Append, Key: p.Key, Value: p.Value})
	}
	t, err := s.tryOne(u, variant{changes: changes})
	if err != nil || t == nil {
		return 0, err
	}
	if t.forms == base.forms {
		return len(keys), nil
	}
	if len(keys) == 1 {
		s.claim(finding.Fact{
			Command: u.step.Command, Aspect: finding.Parameter, Name: keys[0].Key, Claim: "hidden", Value: "has an effect",
			Statement: fmt.Sprintf("%s: %s, which the file does not name, changes the answer", u.step.Command, keys[0].Key),
		}, t.trace, t.at)
		return 0, nil
	}
	half := len(keys) / 2
	left, err := s.hidden(u, base, keys[:half])
	if err != nil {
		return left, err
	}
	right, err := s.hidden(u, base, keys[half:])
	return left + right, err
}

// interactions tries parameters together, so that each pair of values occurs.
func (s *study) interactions() error {
	for _, step := range s.purposes() {
		c, _ := s.File.Command(step.Command)
		u := s.unitOf(step)
		if !u.pure && s.File.VerbOf(step) != vLogin {
			continue
		}
		var factors [][]variant
		for _, p := range s.parametersOf(c) {
			if isCommon(p.Type) {
				continue
			}
			some := []variant{{name: "base"}}
			for _, v := range s.variants(c, p) {
				switch v.name {
				case "absent", "empty", "1", "2", "3", "x", "wrong", "0":
					some = append(some, v)
				}
			}
			factors = append(factors, some)
		}
		if len(factors) < 2 {
			continue
		}
		var rows []variant
		for _, choice := range pairwise(factors) {
			rows = append(rows, variant{name: "together", changes: choice})
		}
		_, trials, err := s.try(u, rows)
		if err != nil {
			return err
		}
		codes := make([]string, 0, len(trials))
		for _, t := range trials {
			codes = append(codes, s.code(t.trace.Steps[t.at].Command, &t.trace.Answers[t.at]))
		}
		if len(trials) > 0 {
			s.claim(finding.Fact{
				Command: c.Name, Aspect: finding.Parameter, Name: "together", Claim: "answers", Value: fmt.Sprint(unique(codes)),
				Statement: fmt.Sprintf("%s: %d combinations of its parameters, each pair of values among them, are answered %v", c.Name, len(trials), unique(codes)),
			}, trials[0].trace, trials[0].at)
		}
	}
	return nil
}

// pairwise is a covering array: rows of one variant for each factor, such that
// each pair of variants of two factors is in one of them.
func pairwise(factors [][]variant) [][]experiment.Change {
	type pair struct{ f, v, g, w int }
	open := make(map[pair]bool)
	for f := range factors {
		for g := f + 1; g < len(factors); g++ {
			for v := range factors[f] {
				for w := range factors[g] {
					open[pair{f, v, g, w}] = true
				}
			}
		}
	}
	var rows [][]experiment.Change
	for len(open) > 0 && len(rows) < 200 {
		row := make([]int, len(factors))
		for f := range factors {
			best, most := 0, -1
			for v := range factors[f] {
				gain := 0
				for g := range f {
					if open[pair{g, row[g], f, v}] {
						gain += 10
					}
				}
				for g := f + 1; g < len(factors); g++ {
					for w := range factors[g] {
						if open[pair{f, v, g, w}] {
							gain++
						}
					}
				}
				if gain > most {
					best, most = v, gain
				}
			}
			row[f] = best
		}
		var changes []experiment.Change
		for f, v := range row {
			changes = append(changes, factors[f][v].changes...)
			for g := f + 1; g < len(row); g++ {
				delete(open, pair{f, v, g, row[g]})
			}
		}
		rows = append(rows, changes)
	}
	return rows
}
