package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// contrast says how two changed requests that differ in one key alone were answered. It
// says nothing of two that have no change in common: what follows of these, the comparison
// of each with the file's request says.
func (s *study) contrast(trace *lab.Trace, i, j int) (finding.Fact, bool) {
	step, other := trace.Steps[i], trace.Steps[j]
	key, one := s.onlyDifference(step, other)
	var beside []string
	keys := []string{key}
	for _, change := range step.Changes {
		if change.Key != key {
			beside, keys = append(beside, changed(change)), append(keys, change.Key)
		}
	}
	if !one || len(beside) == 0 {
		return finding.Fact{}, false
	}
	is, was := s.valueIn(step, key), s.valueIn(other, key)
	with := strings.Join(beside, ", ")
	fact := finding.Fact{
		Command: step.Command, Aspect: finding.AspectParameter, Name: key, Claim: fmt.Sprintf("%s against %s, %s", is, was, with),
	}
	got, before := s.withoutEchoes(step, &trace.Answers[i], keys), s.withoutEchoes(other, &trace.Answers[j], keys)
	code, codeBefore := s.code(step.Command, &trace.Answers[i]), s.code(other.Command, &trace.Answers[j])
	about := step.Command + " " + with
	switch {
	case got == before:
		fact.Value = "alike"
		fact.Statement = fmt.Sprintf("%s is answered alike with %s and with %s: %s", about, is, was, code)
	case code != codeBefore:
		fact.Value = code + ", not " + codeBefore
		fact.Statement = fmt.Sprintf("%s is answered %s with %s, and %s with %s", about, code, is, codeBefore, was)
	default:
		fact.Value = otherParts(got, before) + ", not " + otherParts(before, got)
		fact.Statement = fmt.Sprintf("%s is answered with %s for %s, and with %s for %s", about, otherParts(got, before), is, otherParts(before, got), was)
	}
	return fact, true
}

// onlyDifference is the key in which two requests of one command differ; ok is false if
// there is none, or more than one. The order of the keys counts as one more.
func (s *study) onlyDifference(x, y experiment.Step) (key string, ok bool) {
	pairsX, errX := s.File.Pairs(x)
	pairsY, errY := s.File.Pairs(y)
	if errX != nil || errY != nil {
		return "", false
	}
	keys := make(map[string]bool)
	for _, pair := range slices.Concat(pairsX, pairsY) {
		if !slices.Equal(valuesOf(pairsX, pair.Key), valuesOf(pairsY, pair.Key)) {
			keys[pair.Key], key = true, pair.Key
		}
	}
	rest := func(pairs []experiment.Pair) []experiment.Pair {
		return slices.DeleteFunc(slices.Clone(pairs), func(pair experiment.Pair) bool { return pair.Key == key })
	}
	return key, len(keys) == 1 && slices.Equal(rest(pairsX), rest(pairsY))
}

func valuesOf(pairs []experiment.Pair, key string) (values []string) {
	for _, pair := range pairs {
		if pair.Key == key {
			values = append(values, pair.Value)
		}
	}
	return values
}

// valueIn is what a request has for a key, in words.
func (s *study) valueIn(step experiment.Step, key string) string {
	pairs, err := s.File.Pairs(step)
	values := valuesOf(pairs, key)
	if err != nil || len(values) == 0 {
		return "no " + key
	}
	return key + "=" + strings.Join(values, " and ")
}
