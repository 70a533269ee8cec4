package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// longestSession is longer than any session lasts on a server whose sessions expire.
const longestSession = 7 * 24 * time.Hour

// checkControlURLs refuses control URLs that have no effect, because a study would draw
// false conclusions. A session must end after a reset, and after a long time on the clock.
func (s *probeSession) checkControlURLs(ctx context.Context, serverLab *lab.Lab) error {
	file := s.experiment.File
	if file.Reset.Kind != experiment.ResetURL && file.Clock.URL == "" || file.Answer.CodeKey == "" {
		return nil
	}
	role := file.Accounts[0].Role
	loginStep, ok := file.StepOf(experiment.VerbLogin, role, "")
	queryStep, hasQuery := sessionQueryStep(file, role)
	if !ok || !hasQuery {
		return nil
	}
	loggedIn := func(steps ...experiment.Step) (bool, error) {
		trace, err := serverLab.Run(ctx, append(steps, queryStep), 0)
		if err != nil {
			return false, err
		}
		return lab.IsDone(file, queryStep.Command, &trace.Answers[len(steps)]), nil
	}
	if isLoggedIn, err := loggedIn(loginStep); err != nil || !isLoggedIn {
		return err // the query cannot show whether the session exists
	}
	if file.Reset.Kind == experiment.ResetURL {
		if isLoggedIn, err := loggedIn(); err != nil {
			return err
		} else if isLoggedIn {
			return fmt.Errorf(
				"the control URL %s resets nothing: %s is answered to account %s, whose login was before the reset",
				file.Reset.URL, queryStep.Command, serverLab.Account(role).Number)
		}
	}
	if file.Clock.URL == "" {
		return nil
	}
	if isLoggedIn, err := loggedIn(loginStep, experiment.Step{Wait: longestSession}); err != nil {
		return err
	} else if isLoggedIn {
		return fmt.Errorf("the control URL %s moves no clock: account %s is still logged in after %v of it; "+
			"if sessions of this server never end, leave out clock", file.Clock.URL, serverLab.Account(role).Number,
			longestSession)
	}
	return nil
}
