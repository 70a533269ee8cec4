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

// isReadOnly reports whether the purpose of a step is one that changes nothing on the server.
func (s *study) isReadOnly(step experiment.Step) bool {
	return slices.Contains([]experiment.Verb{verbFriends, verbOnline, verbInfo, verbFind, verbRead},
		s.File.VerbOf(step))
}

// planTrial returns how to try a request: the logins and earlier requests without which the purpose of
// its command cannot succeed, and requests by the accounts that can see its effects.
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
	case verbLogin:
		after.observe(a, verbFriends)
	case verbLogout:
		before.login(a)
		after.observe(a, verbFriends)
	case verbStatus:
		before.login(a, b)
		after.observe(b, verbOnline, verbReceive)
	case verbSend:
		before.login(a, b)
		after.observe(b, verbReceive)
	case verbReceive:
		before.login(a, b).perform(b, verbSend, a)
		after.observe(a, verbReceive)
	case verbAdd, verbRequest:
		before.login(a, c)
		plan.request.TargetRole = c
		after.observe(c, verbFriends, verbReceive)
	case verbAccept, verbReject:
		before.login(a, c).perform(c, verbRequest, a)
		plan.request.TargetRole = c
		after.observe(a, verbFriends).observe(c, verbReceive)
	case verbDelete:
		before.login(a, b)
		plan.request.TargetRole = b
		after.observe(a, verbFriends).observe(b, verbFriends)
	case "":
		before.login(a, b)
		after.observe(a, verbFriends, verbReceive).observe(b, verbFriends, verbOnline, verbReceive)
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

// stepsWith returns the complete experiment, with changes applied to the request.
func (u *trialPlan) stepsWith(changes ...experiment.PairChange) []experiment.Step {
	return slices.Concat(u.setup, []experiment.Step{u.requestWith(changes)}, u.observations)
}

// requestWith returns the request with further changes.
func (u *trialPlan) requestWith(changes []experiment.PairChange) experiment.Step {
	step := u.request
	step.Changes = slices.Concat(step.Changes, changes)
	return step
}
