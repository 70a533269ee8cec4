package study

import (
	"fmt"
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// studyPresence finds out who sees which status.
func (s *study) studyPresence() error {
	a, b, c := s.actor, s.friend, s.stranger
	if err := s.studyVisibleStatus(); err != nil {
		return err
	}
	watch := func(builder *stepBuilder) *stepBuilder { return builder.observe(b, verbOnline, verbReceive) }
	experiments := []*stepBuilder{
		watch(s.newSteps().login(b).observe(b, verbOnline, verbReceive).login(a)),
		watch(s.newSteps().login(a, b).observe(b, verbReceive).perform(a, verbLogout, "")),
		watch(s.newSteps().login(a, b).observe(b, verbReceive).login(a)),
		watch(s.newSteps().login(a, b).observe(b, verbReceive).perform(a, verbLogin, "").fromPlace(1)),
		watch(s.newSteps().login(a, b).observe(b, verbReceive).perform(a, verbLogout, "").login(a)),
		watch(s.newSteps().login(a, b).observe(b, verbReceive).perform(a, verbLogin, "", s.wrongSecretChanges()...)),
		s.newSteps().login(a, b, c).observe(c, verbOnline, verbReceive, verbFind).perform(c, verbInfo, a).observe(a,
			verbOnline, verbReceive),
		s.newSteps().login(a, b).perform(b, verbInfo, a).observe(b, verbFind).observe(a, verbFind),
		s.newSteps().login(a).perform(a, verbInfo, b).perform(a, verbInfo, c).perform(a, verbInfo, a).observe(a,
			verbOnline, verbFind),
		// Notices are collected twice, and by an account that has just logged in.
		s.newSteps().login(b, a).observe(b, verbReceive, verbReceive),
		s.newSteps().login(a, b).observe(b, verbReceive, verbReceive),
	}
	if c != "" {
		experiments = append(experiments, s.newSteps().login(a, c).perform(a, verbRequest, c).observe(a,
			verbOnline).observe(c, verbOnline))
	}
	for i, statusStep := range s.statusSteps(a) {
		experiments = append(experiments, s.newSteps().login(a, b).append(statusStep).observe(a, verbOnline))
		// The status that an account sees after its login matters most, and comes first.
		experiments = slices.Insert(experiments, i,
			s.newSteps().login(a).append(statusStep).login(b, c).observe(b, verbOnline, verbFind).perform(b, verbInfo,
				a).observe(c, verbOnline, verbFind).perform(c, verbInfo, a))
		experiments = append(experiments, watch(s.newSteps().login(a, b).append(statusStep).login(a)))
		newLogin := watch(s.newSteps().login(a, b).append(statusStep).perform(a, verbLogout, "").login(a))
		if i == 1 { // any status except the default shows whether a login resets it
			experiments = slices.Insert(experiments, 0, newLogin)
		} else {
			experiments = append(experiments, newLogin)
		}
		if baseStep, ok := s.stepFor(a, verbStatus, ""); ok && i > 0 {
			experiments = append(experiments,
				watch(s.newSteps().login(a, b).append(statusStep).observe(b, verbReceive).append(baseStep)))
		}
	}
	return runAll(experiments...)
}

// studyVisibleStatus states whether a friend sees an account with a status as if it were offline.
func (s *study) studyVisibleStatus() error {
	a, b := s.actor, s.friend
	awayTrace, err := s.newSteps().login(b).observe(b, verbOnline).run()
	if err != nil || awayTrace == nil {
		return err
	}
	for _, statusStep := range s.statusSteps(a) {
		trace, err := s.newSteps().login(a, b).observe(b, verbReceive).append(statusStep).observe(b, verbOnline,
			verbReceive).run()
		if err != nil || trace == nil {
			return err
		}
		if len(statusStep.Changes) == 0 {
			continue
		}
		name := statusStep.Changes[0].Key + "=" + statusStep.Changes[0].Value
		for i, step := range awayTrace.Steps[1:] {
			index := s.stepIndex(trace, step)
			seenAs := "as online"
			if s.normalForm(step, &trace.Answers[index]) == s.normalForm(step, &awayTrace.Answers[i+1]) {
				seenAs = "as offline"
			}
			s.stateFact(finding.Fact{
				Command: step.Command, Aspect: finding.AspectPresence, Name: name, Claim: "a friend sees",
				Value:     seenAs,
				Statement: fmt.Sprintf("%s shows an account that has set %s %s", step.Command, name, seenAs),
			}, trace, index)
		}
		if noticeIndex := s.latestIndex(trace, verbReceive); noticeIndex >= 0 {
			s.stateFact(finding.Fact{
				Command: trace.Steps[noticeIndex].Command, Aspect: finding.AspectPresence, Name: name,
				Claim: "a friend is told", Value: s.nonEmptyLists(trace, noticeIndex),
				Statement: fmt.Sprintf("Of %s a friend is told: %s", name, s.nonEmptyLists(trace, noticeIndex)),
			}, trace, noticeIndex)
		}
	}
	return nil
}

// stepIndex returns the index of a step in a trace.
func (s *study) stepIndex(trace *lab.Trace, step experiment.Step) int {
	line := s.File.FormatStep(step)
	return slices.IndexFunc(trace.Steps,
		func(otherStep experiment.Step) bool { return s.File.FormatStep(otherStep) == line })
}

// latestIndex returns the index of the latest step with a verb, -1 if there is none.
func (s *study) latestIndex(trace *lab.Trace, verb experiment.Verb) int {
	for i := lastIndex(trace); i >= 0; i-- {
		if s.File.VerbOf(trace.Steps[i]) == verb {
			return i
		}
	}
	return -1
}

// listsRole reports whether a list in the answer at index contains the account of a role.
func (s *study) listsRole(trace *lab.Trace, index int, role string) bool {
	for _, field := range trace.Answers[index].Fields {
		if slices.Contains(field.List, "{"+role+"}") {
			return true
		}
	}
	return false
}

// nonEmptyLists formats the lists of an answer that have elements.
func (s *study) nonEmptyLists(trace *lab.Trace, index int) string {
	text := ""
	for _, field := range trace.Answers[index].Fields {
		if len(field.List) > 0 {
			text += field.Key + "=" + field.Value + " "
		}
	}
	if text == "" {
		return "nothing"
	}
	return text[:len(text)-1]
}
