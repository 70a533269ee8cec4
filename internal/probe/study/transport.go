package study

import (
	"fmt"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// studyTransport sends the same record in other forms of HTTP.
func (s *study) studyTransport() error {
	readStep, ok := s.stepFor(s.actor, verbFriends, "")
	if !ok {
		readStep, ok = s.stepFor(s.actor, verbReceive, "")
	}
	if !ok {
		s.noteUntested("transport", "the experiment file defines no command that reads something")
		return nil
	}
	for _, way := range lab.RequestForms() {
		step := readStep
		step.HTTPForm = way
		trace, err := s.newSteps().login(s.actor).append(readStep, step, readStep).run()
		if err != nil {
			return err
		}
		if trace == nil {
			continue
		}
		index := lastIndex(trace) - 1
		value := "answered otherwise: " + s.codeOf(step.Command, &trace.Answers[index])
		if s.normalForm(step, &trace.Answers[index]) == s.normalForm(step, &trace.Answers[index-1]) {
			value = "answered as usual"
		}
		if way != "" {
			s.stateFact(finding.Fact{
				Command: "*", Aspect: finding.AspectTransport, Name: way, Claim: "is", Value: value,
				Statement: fmt.Sprintf("A request in the form %q is %s", way, value),
			}, trace, index)
		}
		loginStep, ok := s.stepFor(s.actor, verbLogin, "")
		if loginStep.HTTPForm = way; !ok {
			continue
		}
		if err := runAll(s.newSteps().append(loginStep, readStep)); err != nil {
			return err
		}
	}
	return s.stateAnswerFraming(readStep)
}

// stateAnswerFraming states the content type, the status and the line end of answers.
func (s *study) stateAnswerFraming(readStep experiment.Step) error {
	trace, err := s.newSteps().login(s.actor).append(readStep).run()
	if err != nil || trace == nil {
		return err
	}
	answer := &trace.Answers[1]
	for _, framing := range []struct{ name, value string }{
		{"Content-Type", answer.ContentType}, {"status", fmt.Sprint(answer.Status)},
		{"line end after a record", fmt.Sprintf("%q", answer.LineEnding)},
	} {
		s.stateFact(finding.Fact{
			Command: "*", Aspect: finding.AspectTransport, Name: framing.name, Claim: "of answers",
			Value:     framing.value,
			Statement: fmt.Sprintf("%s of answers: %s", framing.name, framing.value),
		}, trace, 1)
	}
	return nil
}
