package study

import (
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// trialPlan says how one request is tried: the steps before it, the request, and the steps that
// show its effects.
type trialPlan struct {
	setup        []experiment.Step
	request      experiment.Step
	observations []experiment.Step
	// isReadOnly says that the request changes nothing, so that one experiment can try several
	// variants.
	isReadOnly bool
}

// isReadOnly reports whether the file declares that a step changes nothing.
func (s *study) isReadOnly(step experiment.Step) bool {
	switch s.File.VerbOf(step) {
	case experiment.VerbFriends, experiment.VerbOnline, experiment.VerbInfo, experiment.VerbFind, experiment.VerbRead:
		return true
	}
	return false
}

// planTrial returns how to try a request, depending on the purpose of its command.
func (s *study) planTrial(step experiment.Step) trialPlan {
	plan := trialPlan{request: step}
	a, b, c := step.Role, s.friend, s.stranger
	if a == b {
		b = s.actor
	}
	if c == "" {
		c = b
	}
	before, after := s.newSteps(), s.newSteps()
	switch s.File.VerbOf(step) {
	case experiment.VerbLogin:
		after.observe(a, experiment.VerbFriends)
	case experiment.VerbLogout:
		before.login(a)
		after.observe(a, experiment.VerbFriends)
	case experiment.VerbStatus:
		before.login(a, b)
		after.observe(b, experiment.VerbOnline, experiment.VerbReceive)
	case experiment.VerbSend:
		before.login(a, b)
		after.observe(b, experiment.VerbReceive)
	case experiment.VerbReceive:
		before.login(a, b).perform(b, experiment.VerbSend, a)
		after.observe(a, experiment.VerbReceive)
	case experiment.VerbAdd, experiment.VerbRequest:
		before.login(a, c)
		plan.request.TargetRole = c
		after.observe(c, experiment.VerbFriends, experiment.VerbReceive)
	case experiment.VerbAccept, experiment.VerbReject:
		before.login(a, c).perform(c, experiment.VerbRequest, a)
		plan.request.TargetRole = c
		after.observe(a, experiment.VerbFriends).observe(c, experiment.VerbReceive)
	case experiment.VerbDelete:
		before.login(a, b)
		plan.request.TargetRole = b
		after.observe(a, experiment.VerbFriends).observe(b, experiment.VerbFriends)
	case "":
		before.login(a, b)
		after.observe(a, experiment.VerbFriends, experiment.VerbReceive).observe(b, experiment.VerbFriends, experiment.VerbOnline, experiment.VerbReceive)
	default:
		plan.isReadOnly = true
		before.login(a, b)
		if list := s.pagedLists[step.Command]; list != nil {
			plan.request.Role = list.role
			before = s.newSteps().login(list.role).login(list.otherRoles...)
		}
	}
	if command, ok := s.File.Command(step.Command); ok && !command.NeedsSession && s.File.VerbOf(step) == "" {
		before = s.newSteps()
	}
	plan.setup, plan.observations = before.steps, after.steps
	return plan
}

// stepsWith returns the complete experiment with a variant of the request.
func (u *trialPlan) stepsWith(changes ...experiment.PairChange) []experiment.Step {
	step := u.request
	step.Changes = append(slices.Clone(step.Changes), changes...)
	steps := append(slices.Clone(u.setup), step)
	return append(steps, u.observations...)
}
