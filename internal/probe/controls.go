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
	f := s.ex.File
	if f.Reset.Kind != experiment.ResetURL && f.Clock.URL == "" || f.Answer.Code == "" {
		return nil
	}
	role := f.Accounts[0].Role
	login, ok := f.StepOf(experiment.Login, role, "")
	look, canLook := asks(f, role)
	if !ok || !canLook {
		return nil
	}
	loggedIn := func(steps ...experiment.Step) (bool, error) {
		t, err := l.Run(ctx, append(steps, look), 0)
		if err != nil {
			return false, err
		}
		return lab.Done(f, look.Command, &t.Answers[len(steps)]), nil
	}
	if is, err := loggedIn(login); err != nil || !is {
		return err // the look shows nothing
	}
	if f.Reset.Kind == experiment.ResetURL {
		if is, err := loggedIn(); err != nil {
			return err
		} else if is {
			return fmt.Errorf("the control URL %s resets nothing: %s is answered to account %s, whose login was before the reset",
				f.Reset.URL, look.Command, l.Account(role).Number)
		}
	}
	if f.Clock.URL == "" {
		return nil
	}
	if is, err := loggedIn(login, experiment.Step{Wait: longTime}); err != nil {
		return err
	} else if is {
		return fmt.Errorf("the control URL %s moves no clock: account %s is still logged in after %v of it; "+
			"if sessions of this server never end, leave out clock", f.Clock.URL, l.Account(role).Number, longTime)
	}
	return nil
}
