package lab

import (
	"errors"
	"fmt"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// StoppedError reports that no further experiment can be made: the budget or time is used up, the
// caller interrupted, the server failed, or the transcript ended. Earlier results remain valid.
type StoppedError struct{ Reason string }

func (s *StoppedError) Error() string { return s.Reason }

func stoppedf(format string, args ...any) error { return &StoppedError{fmt.Sprintf(format, args...)} }

// brokenf returns a StoppedError for a server that fails, and marks the lab as broken.
func (l *Lab) brokenf(format string, args ...any) error {
	l.isBroken = true
	return stoppedf(format, args...)
}

// Broken reports whether the experiments ended because the server failed, and not because of the
// budget, the time or the caller.
func (l *Lab) Broken() bool { return l.isBroken }

// ErrForbidden reports that the experiment file does not allow an experiment. Other experiments
// can still be made.
var ErrForbidden = errors.New("not allowed by the experiment file")

// ErrUnreachable reports that the server accepts no connections.
var ErrUnreachable = errors.New("the server is out of reach")

// LimitedError reports that an experiment needs more requests without a pause than the server's
// limit allows. It matches [ErrForbidden].
type LimitedError struct {
	Requests    int           // needed without a pause
	MaxRequests int           // that the server answers within Period
	Period      time.Duration // of the server's limit
}

func (e *LimitedError) Error() string {
	return fmt.Sprintf("%d requests without a pause, where the server answers about %d in %v", e.Requests,
		e.MaxRequests, e.Period.Round(time.Second))
}

// LockedError reports that an experiment ended early: a correct login was refused after failed
// ones, and the remaining steps contain further failing logins. It matches [ErrForbidden].
type LockedError struct {
	Partial *Trace            // up to and including the refused login
	Unsent  []experiment.Step // the remaining steps
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("a correct login is refused after wrong ones (%s), so no further wrong ones are sent",
		e.Partial.Answers[len(e.Partial.Answers)-1].ID)
}

// Is reports whether target is [ErrForbidden].
func (e *LockedError) Is(target error) bool { return target == ErrForbidden }

// Is reports whether target is [ErrForbidden].
func (e *LimitedError) Is(target error) bool { return target == ErrForbidden }
