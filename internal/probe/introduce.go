package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// introduce sees to it that a study can begin: the servers can be reached and are
// of the kind that the file describes, nobody uses the accounts, their secrets are
// right, and control URLs do what they are for. It returns a [*SetupError] if not. From a transcript it does the same, to
// come to the same numbers; there it finds nothing wrong.
func (s *probeSession) introduce(ctx context.Context) error {
	for _, lab := range s.labs {
		if err := s.introduceTo(ctx, lab); err != nil {
			if _, stopped := stopReason(err); stopped && lab.Offline {
				return nil // the transcript ends here; the study will see
			}
			if reason, stopped := stopReason(err); stopped && ctx.Err() != nil {
				return refuse("%s before anything was found out", reason)
			}
			return &SetupError{err}
		}
	}
	return nil
}

func (s *probeSession) introduceTo(ctx context.Context, l *lab.Lab) error {
	if err := l.Reach(ctx); err != nil {
		return err
	}
	if err := s.nobodyIsIn(ctx, l); err != nil {
		return err
	}
	if err := s.logIn(ctx, l); err != nil {
		return err
	}
	return s.testControls(ctx, l)
}

// asks is a step of a command that needs a session and changes nothing.
func asks(file *experiment.File, role string) (experiment.Step, bool) {
	for _, verb := range []experiment.Verb{experiment.VerbFriends, experiment.VerbOnline, experiment.VerbInfo, experiment.VerbFind, experiment.VerbRead} {
		for _, step := range file.StepsOf(verb, role, "") {
			if command, ok := file.Command(step.Command); ok && command.NeedsSession && !command.Destructive {
				return step, true
			}
		}
	}
	return experiment.Step{}, false
}

// nobodyIsIn refuses accounts that are in use: what somebody else does would be
// taken for the server's doing, and he would be disturbed. A server with a control
// URL is there for tests.
func (s *probeSession) nobodyIsIn(ctx context.Context, l *lab.Lab) error {
	file := s.ex.File
	if file.Reset.Kind == experiment.ResetURL || file.Answer.CodeKey == "" {
		return nil // or nothing tells who is logged in
	}
	var steps []experiment.Step
	for _, account := range file.Accounts {
		if step, ok := asks(file, account.Role); ok {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		return nil
	}
	trace, err := l.Look(ctx, steps)
	if err != nil {
		return err
	}
	for i, step := range steps {
		if err := s.isOfTheKind(l, step, &trace.Answers[i]); err != nil {
			return err
		}
		if lab.Done(file, step.Command, &trace.Answers[i]) {
			return fmt.Errorf("account %s (%s) is in use on %s: %s is answered to it, and nobody has logged it in; "+
				"log it out, wait until its session has ended, or take another account", l.Account(step.Role).Number, step.Role, l.URL, step.Command)
		}
	}
	return nil
}

// logIn logs all accounts in, to see whether their secrets are right.
func (s *probeSession) logIn(ctx context.Context, l *lab.Lab) error {
	file := s.ex.File
	var steps []experiment.Step
	for _, account := range file.Accounts {
		if step, ok := file.StepOf(experiment.VerbLogin, account.Role, ""); ok {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 && len(file.Commands) > 0 {
		steps = append(steps, experiment.Step{Role: file.Accounts[0].Role, Command: file.Commands[0].Name})
	}
	look := func(steps []experiment.Step) (*lab.Trace, error) { return l.Look(ctx, steps) }
	if file.Reset.Kind == experiment.ResetURL {
		look = func(steps []experiment.Step) (*lab.Trace, error) { return l.Run(ctx, steps, 0) }
	}
	trace, err := look(steps)
	if err != nil {
		return err
	}
	var wrong []error
	for i, step := range steps {
		answer := &trace.Answers[i]
		if err := s.isOfTheKind(l, step, answer); err != nil {
			wrong = []error{err}
			break
		}
		if file.VerbOf(step) == experiment.VerbLogin && !lab.Done(file, step.Command, answer) {
			wrong = append(wrong, s.refusedLogin(l, step, answer))
		}
	}
	if len(wrong) == 0 {
		return s.areFriends(ctx, l)
	}
	s.logOut(look)
	if len(wrong) == 1 {
		return wrong[0]
	}
	return fmt.Errorf("%d accounts cannot be used:\n%w", len(wrong), errors.Join(wrong...))
}

// areFriends refuses accounts that are not the friends that the file says they are, where
// nothing would make them so. Where commands undo what experiments do, they make friends.
func (s *probeSession) areFriends(ctx context.Context, l *lab.Lab) error {
	file := s.ex.File
	if file.Reset.Kind != experiment.ResetURL {
		return nil
	}
	for _, pair := range file.Friends {
		login, ok := file.StepOf(experiment.VerbLogin, pair[0], "")
		list, can := file.StepOf(experiment.VerbFriends, pair[0], "")
		if !ok || !can {
			return nil
		}
		trace, err := l.Run(ctx, []experiment.Step{login, list}, 0)
		if err != nil {
			return err
		}
		answer := &trace.Answers[1]
		listed := slices.ContainsFunc(answer.Fields, func(field lab.Field) bool {
			return field.Value == "{"+pair[1]+"}" || slices.Contains(field.List, "{"+pair[1]+"}")
		})
		if lab.Done(file, list.Command, answer) && !listed {
			return fmt.Errorf("%s does not list account %s (%s) as a friend of account %s (%s) after a reset, and %s says that they are friends; "+
				"make them friends, or take the pair out of friends", l.URL, l.Account(pair[1]).Number, pair[1], l.Account(pair[0]).Number, pair[0], s.ex.name)
		}
	}
	return nil
}

// logOut ends the sessions that a check of the logins has begun.
func (s *probeSession) logOut(look func([]experiment.Step) (*lab.Trace, error)) {
	var steps []experiment.Step
	for _, account := range s.ex.File.Accounts {
		if step, ok := s.ex.File.StepOf(experiment.VerbLogout, account.Role, ""); ok {
			steps = append(steps, step)
		}
	}
	if len(steps) > 0 {
		_, _ = look(steps) // there is something worse to tell
	}
}

// isOfTheKind refuses a server whose answers are no records of the file's syntax.
func (s *probeSession) isOfTheKind(l *lab.Lab, step experiment.Step, answer *lab.Answer) error {
	code := s.ex.File.Answer.CodeKey
	_, has := answer.Field(code)
	if answer.Kind() == "record" && (code == "" || has) {
		return nil
	}
	return fmt.Errorf("%s is no server of the kind that %s describes: it answers %s with %s",
		l.URL, s.ex.name, step.Command, shortly(answer))
}

func (s *probeSession) refusedLogin(l *lab.Lab, step experiment.Step, answer *lab.Answer) error {
	account := l.Account(step.Role)
	line, variable, hidden := account.SecretLine, account.SecretVariable, account.SecretHidden
	if pool := s.ex.File.Pool; pool != nil && s.ex.File.Reset.Kind == experiment.ResetPool {
		line, variable, hidden = pool.SecretLine, pool.SecretVariable, pool.SecretHidden
	}
	where := fmt.Sprintf("its password stands in line %d of %s", line, s.ex.name)
	switch {
	case hidden:
		where = "its password is what the environment variable " + variable + " holds; if it has another, set " + variable
	case variable != "":
		where += "; if it has another, set the environment variable " + variable
	}
	return fmt.Errorf("%s refuses the login of %s (account %s) with %s; create the account if it is missing; %s",
		l.URL, step.Role, account.Number, shortly(answer), where)
}

// shortly is what came back, for people.
func shortly(answer *lab.Answer) string {
	const most = 80
	text, _, more := strings.Cut(answer.Text(), "\n")
	if len(text) > most {
		text, more = strings.ToValidUTF8(text[:most], ""), true
	}
	if text = fmt.Sprintf("%q", text); more {
		text += " and more"
	}
	switch answer.Kind() {
	case "nothing":
		return "nothing (" + answer.Fault + ")"
	case "status":
		return fmt.Sprintf("status %d and %s", answer.Status, text)
	}
	return text
}
