package study

import (
	"fmt"
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
)

// hiddenKeys looks for keys that the file does not name: many are added to a
// request at once, and halved where the answer changes.
func (s *study) hiddenKeys() error {
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
		keys := s.candidates(step)
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
func (s *study) hidden(u unit, base *trial, keys []string) (clean int, err error) {
	var changes []experiment.Change
	for _, key := range keys {
		changes = append(changes, experiment.Change{Kind: experiment.Append, Key: key, Value: "1"})
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
			Command: u.step.Command, Aspect: finding.Parameter, Name: keys[0], Claim: "hidden", Value: "has an effect",
			Statement: fmt.Sprintf("%s: %s, which the file does not name, changes the answer", u.step.Command, keys[0]),
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
