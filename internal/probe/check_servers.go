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

// checkServers makes sure that a study can begin: the servers are reachable and answer as
// the file describes, nobody uses the accounts, their secrets are right, and control URLs
// work. Otherwise it returns a [*SetupError]. From a transcript it performs the same
// steps, so that request numbers match.
func (s *probeSession) checkServers(ctx context.Context) error {
	for _, serverLab := range s.labs {
		if err := s.checkServer(ctx, serverLab); err != nil {
			if _, stopped := stopReason(err); stopped && serverLab.Offline {
				return nil // the transcript ends here, which ends the study too
			}
			if reason, stopped := stopReason(err); stopped && ctx.Err() != nil {
				return setupErrorf("%s before anything was found out", reason)
			}
			return &SetupError{err}
		}
	}
	return nil
}

func (s *probeSession) checkServer(ctx context.Context, serverLab *lab.Lab) error {
	if err := serverLab.CheckReachable(ctx); err != nil {
		return err
	}
	if err := s.checkAccountsUnused(ctx, serverLab); err != nil {
		return err
	}
	if err := s.checkLogins(ctx, serverLab); err != nil {
		return err
	}
	return s.checkControlURLs(ctx, serverLab)
}

// sessionQueryStep returns a step of the role that needs a session and changes nothing, so that
// its answer shows whether the role is logged in. ok is false if the file has no such command.
func sessionQueryStep(file *experiment.File, role string) (experiment.Step, bool) {
	for _, verb := range []experiment.Verb{experiment.VerbFriends, experiment.VerbOnline, experiment.VerbInfo,
		experiment.VerbFind, experiment.VerbRead} {
		for _, step := range file.StepsOf(verb, role, "") {
			if command, ok := file.Command(step.Command); ok && command.NeedsSession && !command.Destructive {
				return step, true
			}
		}
	}
	return experiment.Step{}, false
}

// checkAccountsUnused refuses accounts that are in use. Otherwise the study would disturb
// their users and mistake their actions for those of the server. A server with a control
// URL exists for tests and is not checked.
func (s *probeSession) checkAccountsUnused(ctx context.Context, serverLab *lab.Lab) error {
	file := s.experiment.File
	if file.Reset.Kind == experiment.ResetURL || file.Answer.CodeKey == "" {
		return nil // without a code, answers do not show who is logged in
	}
	var steps []experiment.Step
	for _, account := range file.Accounts {
		if step, ok := sessionQueryStep(file, account.Role); ok {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 {
		return nil
	}
	trace, err := serverLab.RunWithoutReset(ctx, steps)
	if err != nil {
		return err
	}
	for i, step := range steps {
		if err := s.checkAnswerForm(serverLab, step, &trace.Answers[i]); err != nil {
			return err
		}
		if lab.IsDone(file, step.Command, &trace.Answers[i]) {
			return fmt.Errorf("account %s (%s) is in use on %s: %s is answered to it, and nobody has logged it in; "+
				"log it out, wait until its session has ended, or take another account",
				serverLab.Account(step.Role).Number, step.Role, serverLab.URL, step.Command)
		}
	}
	return nil
}

// checkLogins logs all accounts in to verify their secrets. It logs them out again only if a login
// failed, because every experiment begins with a reset.
func (s *probeSession) checkLogins(ctx context.Context, serverLab *lab.Lab) error {
	file := s.experiment.File
	var steps []experiment.Step
	for _, account := range file.Accounts {
		if step, ok := file.StepOf(experiment.VerbLogin, account.Role, ""); ok {
			steps = append(steps, step)
		}
	}
	if len(steps) == 0 && len(file.Commands) > 0 {
		steps = append(steps, experiment.Step{Role: file.Accounts[0].Role, Command: file.Commands[0].Name})
	}
	runSteps := func(steps []experiment.Step) (*lab.Trace, error) { return serverLab.RunWithoutReset(ctx, steps) }
	if file.Reset.Kind == experiment.ResetURL {
		runSteps = func(steps []experiment.Step) (*lab.Trace, error) { return serverLab.Run(ctx, steps, 0) }
	}
	trace, err := runSteps(steps)
	if err != nil {
		return err
	}
	var loginErrors []error
	for i, step := range steps {
		answer := &trace.Answers[i]
		if err := s.checkAnswerForm(serverLab, step, answer); err != nil {
			loginErrors = []error{err}
			break
		}
		if file.VerbOf(step) == experiment.VerbLogin && !lab.IsDone(file, step.Command, answer) {
			loginErrors = append(loginErrors, s.refusedLoginError(serverLab, step, answer))
		}
	}
	if len(loginErrors) == 0 {
		return s.checkFriends(ctx, serverLab)
	}
	s.logOutAccounts(runSteps)
	if len(loginErrors) == 1 {
		return loginErrors[0]
	}
	return fmt.Errorf("%d accounts cannot be used:\n%w", len(loginErrors), errors.Join(loginErrors...))
}

// checkFriends refuses accounts that are not friends as declared in the file, if a control
// URL resets the server. With other resets, the commands of the reset restore friendships.
func (s *probeSession) checkFriends(ctx context.Context, serverLab *lab.Lab) error {
	file := s.experiment.File
	if file.Reset.Kind != experiment.ResetURL {
		return nil
	}
	for _, pair := range file.Friends {
		loginStep, ok := file.StepOf(experiment.VerbLogin, pair[0], "")
		listStep, hasList := file.StepOf(experiment.VerbFriends, pair[0], "")
		if !ok || !hasList {
			return nil
		}
		trace, err := serverLab.Run(ctx, []experiment.Step{loginStep, listStep}, 0)
		if err != nil {
			return err
		}
		answer := &trace.Answers[1]
		listed := slices.ContainsFunc(answer.Fields, func(field lab.Field) bool {
			return field.Value == "{"+pair[1]+"}" || slices.Contains(field.List, "{"+pair[1]+"}")
		})
		if lab.IsDone(file, listStep.Command, answer) && !listed {
			return fmt.Errorf(
				"%s does not list account %s (%s) as a friend of account %s (%s) after a reset, and %s says that "+
					"they are friends; "+
					"make them friends, or take the pair out of friends",
				serverLab.URL, serverLab.Account(pair[1]).Number,
				pair[1], serverLab.Account(pair[0]).Number, pair[0], s.experiment.name)
		}
	}
	return nil
}

// logOutAccounts ends the sessions that checkLogins began.
func (s *probeSession) logOutAccounts(runSteps func([]experiment.Step) (*lab.Trace, error)) {
	var steps []experiment.Step
	for _, account := range s.experiment.File.Accounts {
		if step, ok := s.experiment.File.StepOf(experiment.VerbLogout, account.Role, ""); ok {
			steps = append(steps, step)
		}
	}
	if len(steps) > 0 {
		_, _ = runSteps(steps) // the caller returns a more important error
	}
}

// checkAnswerForm refuses a server whose answers are not records in the file's syntax.
func (s *probeSession) checkAnswerForm(serverLab *lab.Lab, step experiment.Step, answer *lab.Answer) error {
	code := s.experiment.File.Answer.CodeKey
	_, hasCode := answer.Field(code)
	if answer.Kind() == "record" && (code == "" || hasCode) {
		return nil
	}
	return fmt.Errorf("%s is no server of the kind that %s describes: it answers %s with %s",
		serverLab.URL, s.experiment.name, step.Command, summarizeAnswer(answer))
}

// refusedLoginError explains a refused login and says where the password comes from.
func (s *probeSession) refusedLoginError(serverLab *lab.Lab, step experiment.Step, answer *lab.Answer) error {
	account := serverLab.Account(step.Role)
	line, variable, hidden := account.SecretLine, account.SecretVariable, account.SecretHidden
	if pool := s.experiment.File.Pool; pool != nil && s.experiment.File.Reset.Kind == experiment.ResetPool {
		line, variable, hidden = pool.SecretLine, pool.SecretVariable, pool.SecretHidden
	}
	where := fmt.Sprintf("its password stands in line %d of %s", line, s.experiment.name)
	switch {
	case hidden:
		where = "its password is what the environment variable " + variable + " holds; if it has another, set " +
			variable
	case variable != "":
		where += "; if it has another, set the environment variable " + variable
	}
	return fmt.Errorf("%s refuses the login of %s (account %s) with %s; create the account if it is missing; %s",
		serverLab.URL, step.Role, account.Number, summarizeAnswer(answer), where)
}

// summarizeAnswer describes an answer in an error message.
func summarizeAnswer(answer *lab.Answer) string {
	const most = 80
	description, _, more := strings.Cut(answer.Text(), "\n")
	if len(description) > most {
		description, more = strings.ToValidUTF8(description[:most], ""), true
	}
	if description = fmt.Sprintf("%q", description); more {
		description += " and more"
	}
	switch answer.Kind() {
	case "nothing":
		return "nothing (" + answer.Fault + ")"
	case "status":
		return fmt.Sprintf("status %d and %s", answer.Status, description)
	}
	return description
}
