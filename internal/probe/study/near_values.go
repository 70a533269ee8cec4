package study

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// studyNearValues sends values that are almost right: proofs, numbers, marks and texts that a
// server confuses if it compares only a part of them.
func (s *study) studyNearValues() error {
	return runInOrder(s.tryNearProofs, s.tryNearMarks, s.tryTextLengths, s.tryNearNumbers)
}

// tryNearProofs logs in with proofs that differ in one character.
func (s *study) tryNearProofs() error {
	loginStep, ok := s.stepFor(s.actor, verbLogin, "")
	if !ok {
		return nil
	}
	command, _ := s.File.Command(loginStep.Command)
	key := s.keyOfType(loginStep.Command, experiment.TypeSecret)
	base, _ := baseValue(command, key)
	if key == "" || !strings.Contains(base, "secret") {
		return nil
	}
	for _, p := range s.findWorkingProofs(loginStep, key, base) {
		for _, variant := range nearVariants(p[0].Value) {
			step := loginStep
			step.Changes = append([]experiment.PairChange{setKey(key, variant.value)}, p[1:]...)
			trace, err := s.newSteps().append(step).observe(s.actor, verbFriends).run()
			if err != nil {
				return err
			}
			if trace == nil {
				continue
			}
			s.stateFact(finding.Fact{
				Command: loginStep.Command, Aspect: finding.AspectParameter, Name: key, Claim: variant.name + " " +
					formatChanges(p),
				Value: s.outcomeOf(step, &trace.Answers[0]),
				Statement: fmt.Sprintf("%s with %s %s, %s, is %s", loginStep.Command, key, formatChanges(p),
					variant.name, s.outcomeOf(step, &trace.Answers[0])),
			}, trace, 0)
		}
	}
	return nil
}

// findWorkingProofs returns changes of a login that succeed: the usual proof, and the first proof
// of another kind.
func (s *study) findWorkingProofs(loginStep experiment.Step, key, base string) [][]experiment.PairChange {
	all := [][]experiment.PairChange{{setKey(key, base)}}
	command, _ := s.File.Command(loginStep.Command)
	for _, value := range []string{"{secret}", "{md5(secret)}"} {
		for _, proofKind := range s.listedValues(command) {
			step := loginStep
			step.Changes = []experiment.PairChange{setKey(key, value), setKey(proofKind.Key, proofKind.Value)}
			if value == base {
				continue
			}
			if trace, err := s.newSteps().append(step).run(); err == nil && trace != nil &&
				s.isDone(step, &trace.Answers[0]) {
				return append(all, step.Changes)
			}
		}
	}
	return all
}

func formatChanges(changes []experiment.PairChange) string {
	var parts []string
	for _, change := range changes {
		parts = append(parts, change.Key+"="+change.Value)
	}
	return strings.Join(parts, " ")
}

// nearVariants returns variants of a template that differ in one character.
func nearVariants(base string) []parameterVariant {
	variants := []parameterVariant{{name: "with one character appended", value: base + "0"},
		{name: "with a zero before", value: "0" + base}}
	for _, alteration := range []struct{ function, name string }{
		{"last", "with another last character"}, {"first", "with another first character"},
		{"middle", "with another character in the middle"}, {"cut", "without its last character"},
	} {
		value := strings.NewReplacer("{", "{"+alteration.function+"(", "}", ")}").Replace(base)
		variants = append(variants, parameterVariant{name: alteration.name, value: value})
	}
	return variants
}

// tryNearMarks sends two messages with almost the same mark. Both must arrive.
func (s *study) tryNearMarks() error {
	sendStep, ok := s.stepFor(s.actor, verbSend, s.friend)
	text := s.keyOfType(sendStep.Command, experiment.TypeText)
	if !ok || text == "" || s.markKey(sendStep) == "" {
		return nil
	}
	marked := func(mark string) experiment.Step {
		step := s.withMark(sendStep, mark)
		step.Changes = append(step.Changes, setKey(text, "one"))
		return step
	}
	for _, markCase := range []struct{ name, first, second string }{
		{"but for its last character", "{seq}a", "{seq:3}b"},
		{"but for the case of their letters", "{seq}a", "{seq:3}A"},
		{"but for a zero before it", "{seq}", "0{seq:3}"},
		{"but for one character more", "{seq}", "{seq:3}9"},
	} {
		trace, err := s.newSteps().login(s.actor, s.friend).append(marked(markCase.first),
			marked(markCase.second)).observe(s.friend, verbReceive).run()
		if err != nil {
			return err
		}
		if trace == nil || len(trace.Steps) < 5 || !s.isDone(sendStep, &trace.Answers[2]) ||
			!s.isDone(sendStep, &trace.Answers[3]) {
			continue
		}
		count := countRepeatedTexts(&trace.Answers[4])
		s.stateFact(finding.Fact{
			Command: trace.Steps[4].Command, Aspect: finding.AspectMessage, Name: "nearly the same mark",
			Claim: markCase.name,
			Value: fmt.Sprintf("%d of 2", count),
			Statement: fmt.Sprintf("Of two equal messages whose marks are the same %s, %d arrive", markCase.name,
				count),
		}, trace, 4)
	}
	return nil
}

// tryNearNumbers adds powers of two to the numbers in requests. A server that reads them into too
// few bits takes them for the original number.
func (s *study) tryNearNumbers() error {
	own := false // all commands read the own account number alike
	steps := s.purposeSteps()
	slices.SortStableFunc(steps, func(step, other experiment.Step) int {
		return compareBools(!s.isReadOnly(step), !s.isReadOnly(other))
	})
	for _, step := range steps {
		command, _ := s.File.Command(step.Command)
		var variants []parameterVariant
		for _, parameter := range s.parametersOf(command) {
			isSelf := parameter.Type == experiment.TypeSelf
			if s.isFixedByPurpose(step, parameter.Key) || isSelf && (own || !s.isReadOnly(step)) {
				continue
			}
			own = own || isSelf
			for _, value := range s.overflowingNumbers(step, parameter) {
				variants = append(variants, parameterVariant{name: value,
					changes: []experiment.PairChange{setKey(parameter.Key, experiment.EscapeTemplate(value))},
					value:   value, isPlainValue: true})
			}
		}
		if len(variants) == 0 {
			continue
		}
		if _, _, err := s.tryVariants(s.planTrial(step), variants); err != nil {
			return err
		}
	}
	return nil
}

// overflowingNumbers returns numbers whose lowest bits equal those of a parameter's usual value.
func (s *study) overflowingNumbers(step experiment.Step, parameter experiment.Parameter) []string {
	base := "1"
	switch parameter.Type {
	case experiment.TypeCount, experiment.TypeCursor, experiment.TypeNumber:
	case experiment.TypeEnum:
		base = parameter.Values[len(parameter.Values)-1]
	case experiment.TypeTarget, experiment.TypeSelf:
		role := s.planTrial(step).request.TargetRole
		if role == "" {
			role = s.File.Peer(step.Role)
		}
		if parameter.Type == experiment.TypeSelf {
			role = step.Role
		}
		account, _ := s.File.Account(role)
		base = account.Number
		if s.File.Reset.Kind == experiment.ResetPool {
			return nil // another account plays the role each time
		}
	default:
		return nil
	}
	number, err := strconv.ParseUint(base, 10, 32)
	if err != nil {
		return nil
	}
	var found []string
	for _, bits := range []int{8, 16, 32} {
		found = append(found, strconv.FormatUint(number+1<<bits, 10))
	}
	switch parameter.Type {
	case experiment.TypeEnum:
		return append(found, "00"+base)
	case experiment.TypeCount, experiment.TypeCursor, experiment.TypeNumber:
		return append(found[1:], "2147483647", "2147483648", "00"+base)
	}
	return found[1:] // the first may be an existing account
}

// textLengths are typical limits of text, in bytes.
var textLengths = []int{31, 63, 99, 127, 139, 159, 199, 254, 511, 999, 1023, 1999, 3999}

// tryTextLengths sends texts of several lengths, with one and with three bytes per character, to
// find out where the server truncates them.
func (s *study) tryTextLengths() error {
	sendStep, ok := s.stepFor(s.actor, verbSend, s.friend)
	key := s.keyOfType(sendStep.Command, experiment.TypeText)
	if !ok || key == "" {
		return nil
	}
	for _, textKind := range []struct{ name, character string }{{"one byte", "x"}, {"three bytes", "中"}} {
		builder := s.newSteps().login(s.actor, s.friend)
		firstIndex := len(builder.steps)
		for _, count := range textLengths {
			// The extra byte keeps limits from falling between two characters.
			text := "a" + strings.Repeat(textKind.character, count/len(textKind.character)+1)
			builder.perform(s.actor, verbSend, s.friend, setKey(key, text)).observe(s.friend, verbReceive)
		}
		trace, err := builder.run()
		if err != nil {
			return err
		}
		if trace == nil {
			continue
		}
		longestArrived := 0
		for i := firstIndex; i+1 < len(trace.Steps); i += 2 {
			sent := trace.Steps[i].Changes[0].Value
			arrived := slices.ContainsFunc(trace.Answers[i+1].Fields,
				func(field lab.Field) bool { return slices.Contains(field.List, sent) || field.Value == sent })
			if !arrived {
				break
			}
			longestArrived = len(sent)
		}
		if longestArrived > 0 {
			s.stateFact(finding.Fact{
				Command: sendStep.Command, Aspect: finding.AspectEncoding, Name: "texts of " + textKind.name +
					" a character", Claim: "arrive whole up to",
				Value: fmt.Sprint(longestArrived),
				Statement: fmt.Sprintf("A text of %d bytes, with %s a character, arrives whole", longestArrived,
					textKind.name),
			}, trace, lastIndex(trace))
		}
	}
	return nil
}
