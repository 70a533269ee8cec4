package study

import (
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// around makes all changes in a row, and between them looks at what everybody sees:
// a list that lags behind shows only to who has looked before.
func (s *study) around() error {
	everybody := []string{s.a, s.b, s.c}
	looks := func(r *stepBuilder, roles ...string) *stepBuilder {
		for _, role := range roles {
			r.look(role, vFriends, vOnline)
		}
		return r
	}
	changes := s.changes()
	// Who has left sees nothing any more, so these come last.
	slices.SortStableFunc(changes, func(x, y commandContext) int { return s.ends(x) - s.ends(y) })
	for group := range slices.Chunk(changes, 6) {
		stepBuilder := looks(s.row().login(everybody...), everybody...)
		for _, commandContext := range group {
			stepBuilder.add(slices.DeleteFunc(slices.Clone(commandContext.before), func(step experiment.Step) bool { return s.File.VerbOf(step) == vLogin })...)
			looks(stepBuilder.add(commandContext.step).look(s.concerned(commandContext), vReceive), commandContext.step.Role, s.concerned(commandContext))
		}
		stepBuilder.short = false // there may be no third account
		if err := all(stepBuilder); err != nil {
			return err
		}
	}
	return nil
}

// later makes each change, lets a day go by, which has every hour and midnight in it,
// and looks what is left of it; of what ends with a session, after a minute.
func (s *study) later() error {
	if s.File.Clock.URL == "" {
		s.gap("what is left of a change after a day", "the server has no clock that can be moved")
		return nil
	}
	for _, commandContext := range s.changes() {
		stepBuilder := s.row().add(commandContext.before...).add(commandContext.step)
		switch s.File.VerbOf(commandContext.step) {
		case vStatus, vLogin, vLogout:
			stepBuilder.wait(seconds(61))
		default:
			stepBuilder.wait(seconds(86401)).login(commandContext.step.Role, s.concerned(commandContext))
		}
		if err := all(stepBuilder.add(commandContext.after...)); err != nil {
			return err
		}
	}
	// What waits for an answer is answered a day later.
	for _, answer := range []experiment.Verb{vAccept, vReject} {
		if err := all(s.row().login(s.a).do(s.a, vRequest, s.c).wait(seconds(86401)).login(s.c).do(s.c, answer, s.a).look(s.c, vFriends)); err != nil {
			return err
		}
	}
	return nil
}

// changes are the requests that change something: one of each purpose, and each
// status.
func (s *study) changes() []commandContext {
	var all []commandContext
	for _, step := range s.purposes() {
		verb := s.File.VerbOf(step)
		if s.isRead(step) || verb == vReceive {
			continue
		}
		if verb == vStatus {
			for _, status := range s.statuses(step) {
				all = append(all, s.unitOf(status))
			}
			continue
		}
		all = append(all, s.unitOf(step))
	}
	return all
}

// ends is 1 for what begins or ends a session.
func (s *study) ends(u commandContext) int {
	if verb := s.File.VerbOf(u.step); verb == vLogin || verb == vLogout {
		return 1
	}
	return 0
}

// concerned is the other role that sees a change.
func (s *study) concerned(u commandContext) string {
	if u.step.TargetRole != "" {
		return u.step.TargetRole
	}
	return s.File.Peer(u.step.Role)
}
