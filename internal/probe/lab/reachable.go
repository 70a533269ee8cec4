package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
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
			return fmt.Errorf("%w: %s does not take connections (%w); is it running, and is the address right?",
				ErrUnreachable, l.serverAddr, networkCause(err))
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
