package study

import (
	"fmt"
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
)

// studyHiddenKeys looks for keys that the file does not declare. It adds many keys to one request,
// and bisects if the answer changes. Keys of other commands come first, with values that have a
// meaning there.
func (s *study) studyHiddenKeys() error {
	for _, step := range s.purposeSteps() {
		plan := s.planTrial(step)
		if verb := s.File.VerbOf(step); !plan.isReadOnly && verb != verbLogin || step.Verb != "" {
			continue
		}
		if !plan.isReadOnly {
			plan.observations = s.newSteps().login(s.friend).observe(s.friend, verbOnline).steps
		}
		baseTrial, err := s.tryVariant(plan, parameterVariant{name: "base"})
		if err != nil {
			return err
		}
		if baseTrial == nil {
			continue
		}
		if _, err := s.searchHiddenKeys(plan, baseTrial, s.borrowedKeys(step)); err != nil {
			return err
		}
	}
	for _, step := range s.purposeSteps() {
		plan := s.planTrial(step)
		if !plan.isReadOnly {
			continue
		}
		baseTrial, err := s.tryVariant(plan, parameterVariant{name: "base"})
		if err != nil {
			return err
		}
		if baseTrial == nil {
			continue
		}
		var keys []experiment.Pair
		for _, key := range s.candidateKeys(step) {
			keys = append(keys, experiment.Pair{Key: key, Value: "1"})
		}
		withoutEffect := 0
		for group := range slices.Chunk(keys, 40) {
			count, err := s.searchHiddenKeys(plan, baseTrial, group)
			if err != nil {
				return err
			}
			withoutEffect += count
		}
		stated := s.stateFact(finding.Fact{
			Command: step.Command, Aspect: finding.AspectParameter, Name: "hidden keys", Claim: "tried",
			Value: fmt.Sprint(len(keys)),
			Statement: fmt.Sprintf("%s: of %d keys that the file does not name, %d change nothing", step.Command,
				len(keys), withoutEffect),
		}, baseTrial.trace, baseTrial.index)
		stated.Bound = fmt.Sprintf("no effect in %d clean tries: under %.1f %% at 95 %%", withoutEffect,
			300/float64(max(withoutEffect, 1)))
	}
	return nil
}

// borrowedKeys returns the keys of other commands with a value other than the usual one. It leaves
// out keys that all commands have.
func (s *study) borrowedKeys(step experiment.Step) []experiment.Pair {
	declared, _ := s.File.Command(step.Command)
	var pairs []experiment.Pair
	for _, command := range s.File.Commands {
		for _, parameter := range s.parametersOf(command) {
			base, exists := baseValue(command, parameter.Key)
			_, have := baseValue(declared, parameter.Key)
			twice := slices.ContainsFunc(pairs, func(pair experiment.Pair) bool { return pair.Key == parameter.Key })
			if have || twice || isCommonType(parameter.Type) || !exists || parameter.Type == experiment.TypeText ||
				parameter.Type == experiment.TypeSecret {
				continue
			}
			value := s.otherValue(parameter, base)
			if parameter.Type == experiment.TypeEnum && len(parameter.Values) > 2 {
				value = parameter.Values[2] // the second often means away
			}
			pairs = append(pairs, experiment.Pair{Key: parameter.Key, Value: value})
		}
	}
	return pairs
}

// candidateKeys returns the keys of other commands and answers, and keys of two letters.
func (s *study) candidateKeys(step experiment.Step) []string {
	declared, _ := s.File.Command(step.Command)
	var found []string
	add := func(key string) {
		if _, exists := baseValue(declared, key); !exists && !slices.Contains(found, key) {
			found = append(found, key)
		}
	}
	for _, command := range s.File.Commands {
		for _, parameter := range s.parametersOf(command) {
			add(parameter.Key)
		}
	}
	for _, command := range s.findings.Commands {
		for _, key := range command.AnswerKeys {
			add(key)
		}
	}
	for first := 'A'; first <= 'Z'; first++ {
		for _, second := range "ACDEIKLMNOPRSTUVX" {
			add(string(first) + string(second))
		}
	}
	return found
}

// searchHiddenKeys adds keys together, and bisects if the answer changes. It returns how many keys
// have no effect.
func (s *study) searchHiddenKeys(
	plan trialPlan, baseTrial *variantTrial, keys []experiment.Pair,
) (withoutEffect int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	var changes []experiment.PairChange
	for _, pair := range keys {
		changes = append(changes, experiment.PairChange{Kind: experiment.AppendPair, Key: pair.Key, Value: pair.Value})
	}
	trial, err := s.tryVariant(plan, parameterVariant{changes: changes})
	if err != nil || trial == nil {
		return 0, err
	}
	if trial.normalForm == baseTrial.normalForm {
		return len(keys), nil
	}
	if len(keys) == 1 {
		s.stateFact(finding.Fact{
			Command: plan.request.Command, Aspect: finding.AspectParameter, Name: keys[0].Key, Claim: "hidden",
			Value: "has an effect",
			Statement: fmt.Sprintf("%s: %s, which the file does not name, changes the answer", plan.request.Command,
				keys[0].Key),
		}, trial.trace, trial.index)
		return 0, nil
	}
	half := len(keys) / 2
	left, err := s.searchHiddenKeys(plan, baseTrial, keys[:half])
	if err != nil {
		return left, err
	}
	right, err := s.searchHiddenKeys(plan, baseTrial, keys[half:])
	return left + right, err
}
