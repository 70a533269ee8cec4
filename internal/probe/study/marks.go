package study

import (
	"fmt"
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// studyMarks finds out what a request's mark protects: it repeats requests with the same mark.
func (s *study) studyMarks() error {
	sendStep, ok := s.stepFor(s.actor, verbSend, s.friend)
	if !ok || s.markKey(sendStep) == "" {
		s.noteUntested("marks", "no command that sends has a parameter of type mark")
		return nil
	}
	s.deferredTimers = append(s.deferredTimers, func() error { return s.measureMarkMemory(sendStep) }, s.collectLater)
	return runInOrder(
		func() error { return s.repeatMessages(sendStep, "{seq}", "a long mark", false) },
		func() error { return s.repeatMessages(sendStep, "7", "a short mark", true) },
		func() error { return s.repeatMessages(sendStep, "", "an empty mark", true) },
		s.collectAgain, s.repeatOtherChanges,
	)
}

// repeatMessages sends a message twice with one mark in several situations. If isLiteral, both messages
// have the given mark; otherwise the second repeats the mark that the lab chose for the first.
func (s *study) repeatMessages(sendStep experiment.Step, mark, kind string, isLiteral bool) error {
	a, b, c := s.actor, s.friend, s.stranger
	key := s.keyOfType(sendStep.Command, experiment.TypeText)
	firstStep := sendStep
	if isLiteral {
		firstStep = s.withMark(sendStep, mark)
	}
	if key != "" {
		firstStep.Changes = append(slices.Clone(firstStep.Changes), setKey(key, "one"))
	}
	again := func(step experiment.Step, i int) experiment.Step {
		if isLiteral {
			return s.withMark(step, mark)
		}
		return s.withMark(step, fmt.Sprintf("{seq:%d}", i))
	}
	repeatedStep := sendStep
	if key != "" {
		repeatedStep.Changes = append(slices.Clone(repeatedStep.Changes), setKey(key, "one"))
	}
	otherText, otherTarget := sendStep, repeatedStep
	otherTarget.TargetRole = c
	fromB := repeatedStep
	fromB.Role, fromB.TargetRole = b, a
	fromC := repeatedStep
	fromC.Role = c
	// The first message is always step 3.
	sendFirst := func() *stepBuilder { return s.newSteps().login(a, b).append(firstStep) }
	if err := s.stateRepeat(kind, "at once", sendFirst().append(again(repeatedStep, 3)).observe(b, verbReceive,
		verbReceive)); err != nil {
		return err
	}
	if mark == "" {
		return nil
	}
	essential := []*stepBuilder{
		sendFirst().append(again(otherText, 3)).observe(b, verbReceive, verbReceive),
		sendFirst().append(sendStep).append(again(repeatedStep, 3)).observe(b, verbReceive),
		sendFirst().login(a).append(again(repeatedStep, 3)).observe(b, verbReceive),
	}
	if isLiteral {
		return runAll(essential...)
	}
	experiments := []*stepBuilder{
		sendFirst().observe(a, verbFriends).append(again(repeatedStep, 3)).observe(b, verbReceive, verbReceive),
		sendFirst().observe(b, verbReceive).append(again(repeatedStep, 3)).observe(b, verbReceive),
		sendFirst().append(again(otherTarget, 3)).login(c).observe(c, verbReceive).observe(b, verbReceive),
		sendFirst().append(again(fromB, 3)).observe(a, verbReceive).observe(b, verbReceive),
		sendFirst().login(c).append(again(fromC, 3)).observe(b, verbReceive),
		sendFirst().perform(a, verbLogout, "").login(a).append(again(repeatedStep, 3)).observe(b, verbReceive),
	}
	if statusStep, ok := s.stepFor(a, verbStatus, ""); ok {
		experiments = append(experiments, sendFirst().append(again(statusStep, 3)).observe(b, verbReceive, verbOnline),
			sendFirst().append(again(statusStep, 3)).append(again(repeatedStep, 3)).observe(b, verbReceive))
	}
	if moved := again(repeatedStep, 3); len(s.File.Places) > 1 {
		moved.Place = 1
		experiments = append(experiments, sendFirst().perform(a, verbLogin, "").fromPlace(1).append(moved).observe(b,
			verbReceive))
	}
	for _, verb := range []experiment.Verb{verbAdd, verbRequest, verbDelete} {
		if otherStep, ok := s.stepFor(a, verb, c); ok {
			experiments = append(experiments, sendFirst().append(again(otherStep, 3)).observe(a, verbFriends))
		}
	}
	if readStep, ok := s.stepFor(a, verbFriends, ""); ok {
		experiments = append(experiments, s.newSteps().login(a,
			b).append(readStep).append(again(readStep, 3)).append(again(sendStep, 3)).observe(b, verbReceive))
	}
	return runAll(append(essential, experiments...)...)
}

func (s *study) stateRepeat(kind, situation string, builder *stepBuilder) error {
	trace, err := builder.run()
	if err != nil || trace == nil {
		return err
	}
	index := lastIndex(trace) - 1
	count := countRepeatedTexts(&trace.Answers[index])
	s.stateFact(finding.Fact{
		Command: trace.Steps[index].Command, Aspect: finding.AspectMessage, Name: "repeat with " + kind,
		Claim: situation, Value: fmt.Sprintf("%d of 2", count),
		Statement: fmt.Sprintf("Of two equal messages with %s, the second sent %s, %d arrive", kind, situation, count),
	}, trace, index)
	return nil
}

// countRepeatedTexts counts the messages "one", which tests of repeats send.
func countRepeatedTexts(answer *lab.Answer) int {
	count := 0
	for _, field := range answer.Fields {
		for _, element := range field.List {
			if element == "one" {
				count++
			}
		}
	}
	return count
}

// collectAgain collects messages twice with one mark.
func (s *study) collectAgain() error {
	a, b := s.actor, s.friend
	receiveStep, ok := s.stepFor(b, verbReceive, "")
	if !ok || s.markKey(receiveStep) == "" {
		return nil
	}
	again := func(i int) experiment.Step { return s.withMark(receiveStep, fmt.Sprintf("{seq:%d}", i)) }
	short := func(mark string) experiment.Step { return s.withMark(receiveStep, mark) }
	trace, err := s.newSteps().login(a, b).perform(a, verbSend, b).append(receiveStep, again(4), receiveStep,
		again(4)).run()
	if err != nil {
		return err
	}
	if trace != nil {
		value := fmt.Sprintf("%d, %d, %d", s.countSentTexts(trace, 3), s.countSentTexts(trace, 4),
			s.countSentTexts(trace, 5))
		s.stateFact(finding.Fact{
			Command: receiveStep.Command, Aspect: finding.AspectMessage, Name: "collecting",
			Claim: "again with the same mark", Value: value,
			Statement: fmt.Sprintf("Collected with a mark, with the same one again and with another, a message arrives "+
				"%s times", value),
		}, trace, 5)
	}
	return runAll(
		s.newSteps().login(a, b).perform(a, verbSend, b).append(receiveStep).observe(b, verbFriends).append(again(4)),
		s.newSteps().login(a, b).perform(a, verbSend, b).append(receiveStep, receiveStep, again(4)).perform(a, verbSend,
			b).append(again(4), again(5), receiveStep),
		s.newSteps().login(a, b).append(receiveStep).perform(a, verbSend, b).append(again(3), receiveStep),
		s.newSteps().login(a, b).perform(a, verbSend, b).append(short("7"), short("7"), short("8"), short("7")),
		s.newSteps().login(a, b).perform(a, verbSend, b).append(short(""), short("")),
		s.newSteps().login(a, b).perform(a, verbSend, b).append(receiveStep).login(b).append(again(4)),
		s.newSteps().login(a, b).perform(a, verbSend, b).append(short("7")).login(b).append(short("7")),
		s.newSteps().login(a, b).perform(a, verbSend, b).append(receiveStep).perform(a, verbSend, b).append(again(4),
			receiveStep),
	)
}

// collectLater collects messages twice with one mark, with time in between.
func (s *study) collectLater() error {
	receiveStep, ok := s.stepFor(s.friend, verbReceive, "")
	if !ok || s.markKey(receiveStep) == "" {
		return nil
	}
	return runAll(
		s.newSteps().login(s.actor, s.friend).perform(s.actor, verbSend,
			s.friend).append(s.withMark(receiveStep, "7")).wait(seconds(20)).append(s.withMark(receiveStep, "7")),
		s.newSteps().login(s.actor, s.friend).perform(s.actor, verbSend,
			s.friend).append(receiveStep).wait(seconds(130)).append(s.withMark(receiveStep, "{seq:4}")),
	)
}

// measureMarkMemory measures how long the server remembers a mark.
func (s *study) measureMarkMemory(sendStep experiment.Step) error {
	key := s.keyOfType(sendStep.Command, experiment.TypeText)
	if key == "" {
		return nil
	}
	text := setKey(key, "one")
	for _, markCase := range []struct{ name, first, again string }{{"long mark", "{seq}", "{seq:3}"},
		{"short mark", "7", "7"}} {
		firstStep, repeatedStep := s.withMark(sendStep, markCase.first), s.withMark(sendStep, markCase.again)
		firstStep.Changes, repeatedStep.Changes = append(firstStep.Changes, text), append(repeatedStep.Changes, text)
		isRemembered := func(after float64) (bool, *lab.Trace, error) {
			trace, err := s.newSteps().login(s.actor, s.friend).append(firstStep).wait(seconds(after)).append(
				repeatedStep).observe(s.friend, verbReceive).run()
			if err != nil || trace == nil {
				return false, nil, err
			}
			return countRepeatedTexts(&trace.Answers[lastIndex(trace)]) == 1, trace, nil
		}
		if err := s.measureTimer("memory of a "+markCase.name, 250, isRemembered); err != nil {
			return err
		}
	}
	return nil
}

// repeatOtherChanges repeats other changing commands with one mark.
func (s *study) repeatOtherChanges() error {
	a, b, c := s.actor, s.friend, s.stranger
	var experiments []*stepBuilder
	for _, verb := range []experiment.Verb{verbRequest, verbAdd, verbDelete} {
		to := c
		if verb == verbDelete {
			to = b
		}
		if step, ok := s.stepFor(a, verb, to); ok {
			experiments = append(experiments, s.newSteps().login(a, to).append(step,
				s.withMark(step, "{seq:3}")).observe(to, verbFriends, verbReceive))
		}
	}
	if acceptStep, ok := s.stepFor(a, verbAccept, c); ok {
		experiments = append(experiments, s.newSteps().login(a, c).perform(c, verbRequest, a).append(acceptStep,
			s.withMark(acceptStep, "{seq:4}")).observe(c, verbReceive))
	}
	if statusStep, ok := s.stepFor(a, verbStatus, ""); ok {
		for _, otherStep := range s.statusSteps(a) {
			experiments = append(experiments, s.newSteps().login(a, b).append(statusStep, otherStep,
				s.withMark(statusStep, "{seq:3}")).observe(b, verbOnline, verbReceive))
		}
	}
	return runAll(experiments...)
}
