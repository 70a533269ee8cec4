package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// compareChanged compares the answers to two changed requests of a trace, at index and other, that
// differ in exactly one key. It returns false if they differ in more, or if they have no change in
// common, because compareWithBase covers that case.
func (s *study) compareChanged(trace *lab.Trace, index, other int) (finding.Fact, bool) {
	step, otherStep := trace.Steps[index], trace.Steps[other]
	key, differInOne := s.onlyDifferingKey(step, otherStep)
	var beside []string
	keys := []string{key}
	for _, change := range step.Changes {
		if change.Key != key {
			beside, keys = append(beside, describeChange(change)), append(keys, change.Key)
		}
	}
	if !differInOne || len(beside) == 0 {
		return finding.Fact{}, false
	}
	is, was := s.describeValue(step, key), s.describeValue(otherStep, key)
	proof := strings.Join(beside, ", ")
	fact := finding.Fact{
		Command: step.Command, Aspect: finding.AspectParameter, Name: key,
		Claim: fmt.Sprintf("%s against %s, %s", is, was, proof),
	}
	changedForm, before := s.formWithoutEchoes(step, &trace.Answers[index], keys),
		s.formWithoutEchoes(otherStep, &trace.Answers[other], keys)
	code := s.codeOf(step.Command, &trace.Answers[index])
	codeBefore := s.codeOf(otherStep.Command, &trace.Answers[other])
	about := step.Command + " " + proof
	switch {
	case changedForm == before:
		fact.Value = "alike"
		fact.Statement = fmt.Sprintf("%s gets the same answer with %s and with %s: %s", about, is, was, code)
	case code != codeBefore:
		fact.Value = code + ", not " + codeBefore
		fact.Statement = fmt.Sprintf("%s is answered %s with %s, and %s with %s", about, code, is, codeBefore, was)
	default:
		fact.Value = differingParts(changedForm, before) + ", not " + differingParts(before, changedForm)
		fact.Statement = fmt.Sprintf("%s is answered with %s for %s, and with %s for %s", about,
			differingParts(changedForm, before), is, differingParts(before, changedForm), was)
	}
	return fact, true
}

// onlyDifferingKey returns the one key in which two requests of a command differ. It returns false
// if they differ in several keys or in the order of keys.
func (s *study) onlyDifferingKey(step, other experiment.Step) (key string, ok bool) {
	firstPairs, firstErr := s.File.Pairs(step)
	secondPairs, secondErr := s.File.Pairs(other)
	if firstErr != nil || secondErr != nil {
		return "", false
	}
	keys := make(map[string]bool)
	for _, pair := range slices.Concat(firstPairs, secondPairs) {
		if !slices.Equal(valuesOf(firstPairs, pair.Key), valuesOf(secondPairs, pair.Key)) {
			keys[pair.Key], key = true, pair.Key
		}
	}
	rest := func(pairs []experiment.Pair) []experiment.Pair {
		return slices.DeleteFunc(slices.Clone(pairs), func(pair experiment.Pair) bool { return pair.Key == key })
	}
	return key, len(keys) == 1 && slices.Equal(rest(firstPairs), rest(secondPairs))
}

func valuesOf(pairs []experiment.Pair, key string) (values []string) {
	for _, pair := range pairs {
		if pair.Key == key {
			values = append(values, pair.Value)
		}
	}
	return values
}

// describeValue returns the key and its value in a request, in words.
func (s *study) describeValue(step experiment.Step, key string) string {
	pairs, err := s.File.Pairs(step)
	values := valuesOf(pairs, key)
	if err != nil || len(values) == 0 {
		return "no " + key
	}
	return key + "=" + strings.Join(values, " and ")
}
