package lab

import (
	"errors"
	"fmt"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// StoppedError is why no further experiment is made: what was found until then stands.
type StoppedError struct{ Reason string }

func (s *StoppedError) Error() string { return s.Reason }

func stoppedf(format string, args ...any) error { return &StoppedError{fmt.Sprintf(format, args...)} }

// brokenf is a [*StoppedError] for a server that does not let itself be asked any more,
// where neither limits nor whoever waits ended it.
func (l *Lab) brokenf(format string, args ...any) error {
	l.isBroken = true
	return stoppedf(format, args...)
}

// Broken reports whether the server has put an end to the experiments.
func (l *Lab) Broken() bool { return l.isBroken }

// ErrForbidden is for an experiment that the experiment file does not allow. The
// others go on.
var ErrForbidden = errors.New("not allowed by the experiment file")

// ErrUnreachable is for a server that does not answer at all.
var ErrUnreachable = errors.New("the server is out of reach")

// A LimitedError is for an experiment that the server's limit of requests does not allow.
// It is an [ErrForbidden] too.
type LimitedError struct {
	Requests, MaxRequests int // that it needs without a pause, and that the server answers in Per
	Period                time.Duration
}

func (e *LimitedError) Error() string {
	return fmt.Sprintf("%d requests without a pause, where the server answers about %d in %v", e.Requests, e.MaxRequests, e.Period.Round(time.Second))
}

// A LockedError is for an experiment that ended early: a right login was refused behind
// wrong ones, and more wrong ones were to come. It is an [ErrForbidden] too.
type LockedError struct {
	Partial *Trace            // up to the login that was refused
	Unsent  []experiment.Step // what was not sent
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("a right login is refused behind wrong ones (%s), and more of these are not sent", e.Partial.Answers[len(e.Partial.Answers)-1].ID)
}

// Is reports whether target is [ErrForbidden].
func (e *LockedError) Is(target error) bool { return target == ErrForbidden }

// Is reports whether target is [ErrForbidden].
func (e *LimitedError) Is(target error) bool { return target == ErrForbidden }
