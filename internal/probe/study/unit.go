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
	case experiment.Friends, experiment.Online, experiment.Info, experiment.Find, experiment.Read:
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
	case experiment.Login:
		after.look(a, experiment.Friends)
	case experiment.Logout:
		before.login(a)
		after.look(a, experiment.Friends)
	case experiment.Status:
		before.login(a, b)
		after.look(b, experiment.Online, experiment.Receive)
	case experiment.Send:
		before.login(a, b)
		after.look(b, experiment.Receive)
	case experiment.Receive:
		before.login(a, b).do(b, experiment.Send, a)
		after.look(a, experiment.Receive)
	case experiment.Add, experiment.Request:
		before.login(a, c)
		u.step.To = c
		after.look(c, experiment.Friends, experiment.Receive)
	case experiment.Accept, experiment.Reject:
		before.login(a, c).do(c, experiment.Request, a)
		u.step.To = c
		after.look(a, experiment.Friends).look(c, experiment.Receive)
	case experiment.Delete:
		before.login(a, b)
		u.step.To = b
		after.look(a, experiment.Friends).look(b, experiment.Friends)
	case "":
		before.login(a, b)
		after.look(a, experiment.Friends, experiment.Receive).look(b, experiment.Friends, experiment.Online, experiment.Receive)
	default:
		u.pure = true
		before.login(a, b)
		if pagedList := s.lists[step.Command]; pagedList != nil {
			u.step.Role = pagedList.role
			before = s.row().login(pagedList.role).login(pagedList.others...)
		}
	}
	if command, ok := s.File.Command(step.Command); ok && !command.Session && s.File.VerbOf(step) == "" {
		before = s.row()
	}
	u.before, u.after = before.steps, after.steps
	return u
}

// steps is the whole experiment with a variant of the request.
func (u *commandContext) steps(changes ...experiment.Change) []experiment.Step {
	step := u.step
	step.Changes = append(slices.Clone(step.Changes), changes...)
	all := append(slices.Clone(u.before), step)
	return append(all, u.after...)
}
