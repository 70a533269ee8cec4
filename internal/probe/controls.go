package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// longTime ends every session of a server that ends sessions by time.
const longTime = 7 * 24 * time.Hour

// testControls refuses control URLs that answer and do nothing: what a study found
// behind them would be false. A session shows both. A reset must end it, and so must a
// long time, unless sessions have no end.
func (s *probeSession) testControls(ctx context.Context, l *lab.Lab) error {
	file := s.ex.File
	if file.Reset.Kind != experiment.ResetURL && file.Clock.URL == "" || file.Answer.CodeKey == "" {
		return nil
	}
	role := file.Accounts[0].Role
	login, ok := file.StepOf(experiment.VerbLogin, role, "")
	look, canLook := asks(file, role)
	if !ok || !canLook {
		return nil
	}
	loggedIn := func(steps ...experiment.Step) (bool, error) {
		trace, err := l.Run(ctx, append(steps, look), 0)
		if err != nil {
			return false, err
		}
		return lab.Done(file, look.Command, &trace.Answers[len(steps)]), nil
	}
	if is, err := loggedIn(login); err != nil || !is {
		return err // the look shows nothing
	}
	if file.Reset.Kind == experiment.ResetURL {
		if is, err := loggedIn(); err != nil {
			return err
		} else if is {
			return fmt.Errorf("the control URL %s resets nothing: %s is answered to account %s, whose login was before the reset",
				file.Reset.URL, look.Command, l.Account(role).Number)
		}
	}
	if file.Clock.URL == "" {
		return nil
	}
	if is, err := loggedIn(login, experiment.Step{Wait: longTime}); err != nil {
		return err
	} else if is {
		return fmt.Errorf("the control URL %s moves no clock: account %s is still logged in after %v of it; "+
			"if sessions of this server never end, leave out clock", file.Clock.URL, l.Account(role).Number, longTime)
	}
	return nil
}
