package study

import (
	"fmt"
	"slices"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// studyCounts sends many messages before any is collected, and the same request many times.
func (s *study) studyCounts() error {
	// A long experiment is more likely to lose a request on the network, and is then repeated from
	// the start.
	queueLength := min(max(s.MaxRequests/30, batchSize), 100)
	if s.MaxRequests >= deepStudyRequests {
		queueLength = 300
	}
	if err := s.studyQueue("a logged-out account", queueLength, s.newSteps().login(s.actor), s.friend); err != nil {
		return err
	}
	if err := s.repeatRequests(min(max(s.MaxRequests/55, 10), 54)); err != nil {
		return err
	}
	if s.MaxRequests < deepStudyRequests {
		return nil // studyBatches covers receivers that are logged in
	}
	return s.studyQueue("a logged-in account", queueLength, s.newSteps().login(s.actor, s.friend), s.friend)
}

// studyQueue sends count messages before any is collected, and then collects all.
func (s *study) studyQueue(to string, count int, builder *stepBuilder, role string) error {
	for range count {
		builder.perform(s.actor, verbSend, role)
	}
	sent := len(builder.steps)
	builder.login(role)
	for range count/batchSize + 3 {
		builder.observe(role, verbReceive)
	}
	trace, err := builder.run()
	if err != nil || trace == nil {
		return err
	}
	arrived := 0
	for i := sent; i < len(trace.Steps); i++ {
		arrived += s.countSentTexts(trace, i)
	}
	value := "all"
	if arrived != count {
		value = fmt.Sprintf("%d of %d", arrived, count)
	}
	s.stateFact(finding.Fact{
		Command: trace.Steps[lastIndex(trace)].Command, Aspect: finding.AspectMessage, Name: "a long queue",
		Claim:     "for " + to,
		Value:     value,
		Statement: fmt.Sprintf("Of %d messages to %s that wait at once, %s arrive", count, to, value),
	}, trace, lastIndex(trace))
	return nil
}

// repeatRequests repeats each request that is safe to repeat: count times for the first command
// that lists friends, lists who is online, or collects messages, and a third as often for others.
func (s *study) repeatRequests(count int) error {
	for _, step := range s.purposeSteps() {
		verb := s.File.VerbOf(step)
		if !s.isReadOnly(step) && verb != verbReceive && verb != verbStatus && verb != verbLogin {
			continue
		}
		repetitions := count / 3
		if firstStep, _ := s.stepFor(s.actor, verb, ""); firstStep.Command == step.Command &&
			(verb == verbFriends || verb == verbOnline || verb == verbReceive) {
			repetitions = count
		}
		builder := s.newSteps().login(s.actor)
		for range repetitions {
			builder.append(step)
		}
		trace, err := builder.run()
		if err != nil {
			return err
		}
		if trace == nil {
			continue
		}
		first := s.normalForm(step, &trace.Answers[1])
		index := slices.IndexFunc(trace.Answers[1:],
			func(answer lab.Answer) bool { return s.normalForm(step, &answer) != first })
		value, statement := "alike", fmt.Sprintf("%s gets the same answer %d times in a row", step.Command, repetitions)
		if index >= 0 {
			value = fmt.Sprintf("alike %d times", index)
			statement = fmt.Sprintf("%s gets the same answer %d times in a row, and then a different one", step.Command,
				index)
		}
		s.stateFact(finding.Fact{
			Command: step.Command, Aspect: finding.AspectLimit, Name: "the same request", Claim: "in a row",
			Value: value, Statement: statement,
		}, trace, lastIndex(trace))
	}
	return nil
}
