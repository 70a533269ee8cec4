package lab

import (
	"errors"
	"fmt"
)

// Stopped is why no further experiment is made: what was found until then stands.
type Stopped struct{ Reason string }

func (s *Stopped) Error() string { return s.Reason }

func stoppedf(format string, args ...any) error { return &Stopped{fmt.Sprintf(format, args...)} }

// brokenf is a [*Stopped] for a server that does not let itself be asked any more,
// where neither limits nor whoever waits ended it.
func (l *Lab) brokenf(format string, args ...any) error {
	l.broken = true
	return stoppedf(format, args...)
}

// Broken reports whether the server has put an end to the experiments.
func (l *Lab) Broken() bool { return l.broken }

// ErrForbidden is for an experiment that the experiment file does not allow. The
// others go on.
var ErrForbidden = errors.New("not allowed by the experiment file")

// ErrUnreachable is for a server that does not answer at all.
var ErrUnreachable = errors.New("the server is out of reach")
