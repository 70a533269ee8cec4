package study

import (
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// observeAfterChanges performs all changes in a row and reads every list after each. A list that is
// cached shows only to an account that has read it before.
func (s *study) observeAfterChanges() error {
	everybody := []string{s.actor, s.friend, s.stranger}
	looks := func(builder *stepBuilder, roles ...string) *stepBuilder {
		for _, role := range roles {
			builder.observe(role, verbFriends, verbOnline)
		}
		return builder
	}
	changes := s.changingRequests()
	// An account that has logged out sees nothing, so logins and logouts come last.
	slices.SortStableFunc(changes,
		func(first, second trialPlan) int {
			return compareBools(s.affectsSession(first), s.affectsSession(second))
		})
	for group := range slices.Chunk(changes, 6) {
		builder := looks(s.newSteps().login(everybody...), everybody...)
		for _, plan := range group {
			builder.append(slices.DeleteFunc(slices.Clone(plan.setup),
				func(step experiment.Step) bool { return s.File.VerbOf(step) == verbLogin })...)
			looks(builder.append(plan.request).observe(s.concernedRole(plan), verbReceive), plan.request.Role,
				s.concernedRole(plan))
		}
		builder.isIncomplete = false // the file may have only two accounts
		if err := runAll(builder); err != nil {
			return err
		}
	}
	return nil
}

// observeChangesLater performs each change and reads its effects a day later. The day includes
// every hour and midnight. Changes that end with a session are read after a minute.
func (s *study) observeChangesLater() error {
	if s.File.Clock.URL == "" {
		s.noteUntested("what is left of a change after a day",
			"the experiment file has no URL that moves the server's clock")
		return nil
	}
	for _, plan := range s.changingRequests() {
		builder := s.newSteps().append(plan.setup...).append(plan.request)
		switch s.File.VerbOf(plan.request) {
		case verbStatus, verbLogin, verbLogout:
			builder.wait(seconds(61))
		default:
			builder.wait(seconds(86401)).login(plan.request.Role, s.concernedRole(plan))
		}
		if err := runAll(builder.append(plan.observations...)); err != nil {
			return err
		}
	}
	// Pending friend requests are answered a day later.
	for _, answer := range []experiment.Verb{verbAccept, verbReject} {
		if err := runAll(s.newSteps().login(s.actor).perform(s.actor, verbRequest,
			s.stranger).wait(seconds(86401)).login(s.stranger).perform(s.stranger, answer, s.actor).observe(s.stranger,
			verbFriends)); err != nil {
			return err
		}
	}
	return nil
}

// changingRequests returns one request for each purpose that changes something, and one for each
// status.
func (s *study) changingRequests() []trialPlan {
	var plans []trialPlan
	for _, step := range s.purposeSteps() {
		verb := s.File.VerbOf(step)
		if s.isReadOnly(step) || verb == verbReceive {
			continue
		}
		if verb == verbStatus {
			for _, statusStep := range s.statusVariants(step) {
				plans = append(plans, s.planTrial(statusStep))
			}
			continue
		}
		plans = append(plans, s.planTrial(step))
	}
	return plans
}

// affectsSession reports whether a request begins or ends a session.
func (s *study) affectsSession(plan trialPlan) bool {
	verb := s.File.VerbOf(plan.request)
	return verb == verbLogin || verb == verbLogout
}

// concernedRole returns the other role that can see a change.
func (s *study) concernedRole(plan trialPlan) string {
	if plan.request.TargetRole != "" {
		return plan.request.TargetRole
	}
	return s.File.Peer(plan.request.Role)
}
