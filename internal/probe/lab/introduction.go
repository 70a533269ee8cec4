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

// Reach reports whether the server can be connected to.
func (l *Lab) Reach(ctx context.Context) error {
	if l.Offline || l.Instead != nil {
		return nil
	}
	for _, place := range l.File.Places {
		ctx, cancel := context.WithTimeout(ctx, min(l.Patience, firstPatience))
		conn, err := l.Dial(ctx, place, l.server)
		cancel()
		if err != nil && place != "" && strings.Contains(err.Error(), "bind") {
			return fmt.Errorf("cannot ask from %s, which is among the file's places: %w", place, cause(err))
		}
		if err != nil {
			return fmt.Errorf("%w: %s does not take connections (%w); is it running, and is the address right?", ErrUnreachable, l.server, cause(err))
		}
		conn.Close()
	}
	return nil
}

// cause is what is at the bottom of an error of the network: the addresses are said
// elsewhere.
func cause(err error) error {
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

// Look takes steps without a reset before them: how things are when nothing
// was done yet. Fresh accounts are taken if the file has a pool.
func (l *Lab) Look(ctx context.Context, steps []experiment.Step) (*Trace, error) {
	return l.run(ctx, "look: "+l.Key(steps, 0), experimentKey{steps: steps, asIs: true})
}

// Account is who played a role in the latest experiment.
func (l *Lab) Account(role string) experiment.Account {
	for _, account := range l.roles {
		if account.Role == role {
			return account
		}
	}
	return experiment.Account{Role: role}
}
