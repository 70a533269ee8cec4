package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// CheckReachable connects once from each of the file's places. It returns an error that wraps
// [ErrUnreachable] if the server accepts no connection.
func (l *Lab) CheckReachable(ctx context.Context) error {
	if l.Offline || l.Simulator != nil {
		return nil
	}
	for _, place := range l.File.Places {
		ctx, cancel := context.WithTimeout(ctx, min(l.AnswerTimeout, firstAnswerTimeout))
		conn, err := l.Dial(ctx, place, l.serverAddr)
		cancel()
		if err != nil && place != "" && strings.Contains(err.Error(), "bind") {
			return fmt.Errorf("cannot ask from %s, which is among the file's places: %w", place, networkCause(err))
		}
		if err != nil {
			return fmt.Errorf(
				"%w: %s does not take connections (%w); is it running, and is the address right?",
				ErrUnreachable,
				l.serverAddr,
				networkCause(err),
			)
		}
		conn.Close()
	}
	return nil
}

// networkCause returns the underlying system error or a timeout, without the addresses that
// callers name themselves.
func networkCause(err error) error {
	var system syscall.Errno
	var late net.Error
	switch {
	case errors.As(err, &system):
		return system
	case errors.As(err, &late) && late.Timeout():
		return errors.New("no answer in time")
	}
	return err
}

// RunWithoutReset makes an experiment like [Lab.Run], but on the server in its current state, and
// without the checks of what the file permits. With a pool, the roles get fresh accounts.
func (l *Lab) RunWithoutReset(ctx context.Context, steps []experiment.Step) (*Trace, error) {
	return l.runExperiment(ctx, "look: "+l.Key(steps, 0), plannedExperiment{steps: steps, skipsReset: true})
}

// Account returns the account that played a role in the latest experiment. For an unknown role
// only Role is set.
func (l *Lab) Account(role string) experiment.Account {
	for _, account := range l.currentAccounts {
		if account.Role == role {
			return account
		}
	}
	return experiment.Account{Role: role}
}
