package study

import (
	"slices"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// A unit is how one request is tried: what comes before it, the request, and
// where its effects show.
type commandContext struct {
	before []experiment.Step
	step   experiment.Step
	after  []experiment.Step
	// pure says that the request changes nothing: several variants can be tried in
	// one experiment.
	pure bool
}

// isRead reports whether the file says that a step changes nothing.
func (s *study) isRead(step experiment.Step) bool {
	switch s.File.VerbOf(step) {
	case experiment.VerbFriends, experiment.VerbOnline, experiment.VerbInfo, experiment.VerbFind, experiment.VerbRead:
		return true
	}
	return false
}

// unitOf is how a request of a role is tried, by what the command is for.
func (s *study) unitOf(step experiment.Step) commandContext {
	u := commandContext{step: step}
	a, b, c := step.Role, s.b, s.c
	if a == b {
		b = s.a
	}
	if c == "" {
		c = b
	}
	before, after := s.row(), s.row()
	switch s.File.VerbOf(step) {
	case experiment.VerbLogin:
		after.look(a, experiment.VerbFriends)
	case experiment.VerbLogout:
		before.login(a)
		after.look(a, experiment.VerbFriends)
	case experiment.VerbStatus:
		before.login(a, b)
		after.look(b, experiment.VerbOnline, experiment.VerbReceive)
	case experiment.VerbSend:
		before.login(a, b)
		after.look(b, experiment.VerbReceive)
	case experiment.VerbReceive:
		before.login(a, b).do(b, experiment.VerbSend, a)
		after.look(a, experiment.VerbReceive)
	case experiment.VerbAdd, experiment.VerbRequest:
		before.login(a, c)
		u.step.TargetRole = c
		after.look(c, experiment.VerbFriends, experiment.VerbReceive)
	case experiment.VerbAccept, experiment.VerbReject:
		before.login(a, c).do(c, experiment.VerbRequest, a)
		u.step.TargetRole = c
		after.look(a, experiment.VerbFriends).look(c, experiment.VerbReceive)
	case experiment.VerbDelete:
		before.login(a, b)
		u.step.TargetRole = b
		after.look(a, experiment.VerbFriends).look(b, experiment.VerbFriends)
	case "":
		before.login(a, b)
		after.look(a, experiment.VerbFriends, experiment.VerbReceive).look(b, experiment.VerbFriends, experiment.VerbOnline, experiment.VerbReceive)
	default:
		u.pure = true
		before.login(a, b)
		if pagedList := s.lists[step.Command]; pagedList != nil {
			u.step.Role = pagedList.role
			before = s.row().login(pagedList.role).login(pagedList.others...)
		}
	}
	if command, ok := s.File.Command(step.Command); ok && !command.NeedsSession && s.File.VerbOf(step) == "" {
		before = s.row()
	}
	u.before, u.after = before.steps, after.steps
	return u
}

// steps is the whole experiment with a variant of the request.
func (u *commandContext) steps(changes ...experiment.PairChange) []experiment.Step {
	step := u.step
	step.Changes = append(slices.Clone(step.Changes), changes...)
	all := append(slices.Clone(u.before), step)
	return append(all, u.after...)
}
