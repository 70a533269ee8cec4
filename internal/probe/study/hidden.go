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
		commandContext := s.unitOf(step)
		if verb := s.File.VerbOf(step); !commandContext.pure && verb != vLogin || step.Verb != "" {
			continue
		}
		if !commandContext.pure {
			commandContext.after = s.row().login(s.b).look(s.b, vOnline).steps
		}
		base, err := s.tryOne(commandContext, parameterVariant{name: "base"})
		if err != nil {
			return err
		}
		if base == nil {
			continue
		}
		if _, err := s.hidden(commandContext, base, s.borrowed(step)); err != nil {
			return err
		}
	}
	for _, step := range s.purposes() {
		commandContext := s.unitOf(step)
		if !commandContext.pure {
			continue
		}
		base, err := s.tryOne(commandContext, parameterVariant{name: "base"})
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
			n, err := s.hidden(commandContext, base, group)
			if err != nil {
				return err
			}
			clean += n
		}
		factEvidence := s.claim(finding.Fact{
			Command: step.Command, Aspect: finding.AspectParameter, Name: "hidden keys", Claim: "tried", Value: fmt.Sprint(len(keys)),
			Statement: fmt.Sprintf("%s: of %d keys that the file does not name, %d change nothing", step.Command, len(keys), clean),
		}, base.trace, base.at)
		factEvidence.Bound = fmt.Sprintf("no effect in %d clean tries: under %.1f %% at 95 %%", clean, 300/float64(max(clean, 1)))
	}
	return nil
}

// borrowed are the keys of other commands, with a value that is not the usual one
// there. Those that all commands have are left out.
func (s *study) borrowed(step experiment.Step) []experiment.Pair {
	own, _ := s.File.Command(step.Command)
	var all []experiment.Pair
	for _, command := range s.File.Commands {
		for _, parameter := range s.parametersOf(command) {
			base, is := baseValue(command, parameter.Key)
			_, have := baseValue(own, parameter.Key)
			twice := slices.ContainsFunc(all, func(pair experiment.Pair) bool { return pair.Key == parameter.Key })
			if have || twice || isCommon(parameter.Type) || !is || parameter.Type == experiment.TypeText || parameter.Type == experiment.TypeSecret {
				continue
			}
			value := s.otherValue(parameter, base)
			if parameter.Type == experiment.TypeEnum && len(parameter.Values) > 2 {
				value = parameter.Values[2] // the second is often that of being away
			}
			all = append(all, experiment.Pair{Key: parameter.Key, Value: value})
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
	for _, command := range s.File.Commands {
		for _, parameter := range s.parametersOf(command) {
			add(parameter.Key)
		}
	}
	for _, command := range s.out.Commands {
		for _, key := range command.AnswerKeys {
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
func (s *study) hidden(u commandContext, base *variantTrial, keys []experiment.Pair) (clean int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	var changes []experiment.PairChange
	for _, pair := range keys {
		changes = append(changes, experiment.PairChange{Kind: experiment.AppendPair, Key: pair.Key, Value: pair.Value})
	}
	t, err := s.tryOne(u, parameterVariant{changes: changes})
	if err != nil || t == nil {
		return 0, err
	}
	if t.forms == base.forms {
		return len(keys), nil
	}
	if len(keys) == 1 {
		s.claim(finding.Fact{
			Command: u.step.Command, Aspect: finding.AspectParameter, Name: keys[0].Key, Claim: "hidden", Value: "has an effect",
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
