package client

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Errors to test for with errors.Is.
var (
	// ErrNotLoggedIn: the session has ended, for example by a login from elsewhere.
	ErrNotLoggedIn = errors.New("not logged in, or the login has ended")
	// ErrPassword: wrong password, or too many attempts in a short time.
	ErrPassword = errors.New("wrong password")
	// ErrNoAccount: the account does not exist.
	ErrNoAccount = errors.New("no such account")
	// ErrRefused: the server's rules or the other account forbid the request.
	ErrRefused = errors.New("refused")
	// ErrParameter: a value or a command is invalid or unknown to the server.
	ErrParameter = errors.New("wrong parameter")
	// ErrTemporary: the request failed or its outcome is unknown; it may be tried again.
	ErrTemporary = errors.New("not done now")
	// ErrClosed: Close or Logout has closed the client.
	ErrClosed = errors.New("the client is closed")
)

// Error is a refusal by the server. It wraps one of the errors above.
type Error struct {
	// Command is the protocol command of the request.
	Command string
	// Code is the protocol's result code (RES): 1 to 5, or 20. It is 0 for a wrong
	// password.
	Code int
	// Reason is the server's explanation, one line of English, or empty.
	Reason string

	kind error
}

func (e *Error) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("%s: %v", e.Command, e.kind)
	}
	return fmt.Sprintf("%s: %v: %s", e.Command, e.kind, e.Reason)
}

func (e *Error) Unwrap() error { return e.kind }

// Explanation returns Reason for people who do not know the protocol: without the
// faulty key, and without repeating the wrapped error. It may be empty.
func (e *Error) Explanation() string {
	reason := faultyKeyPrefix.ReplaceAllString(e.Reason, "")
	if errors.Is(e.kind, ErrPassword) {
		reason = strings.TrimPrefix(reason, "Password error")
	}
	return strings.TrimPrefix(reason, ": ")
}

var faultyKeyPrefix = regexp.MustCompile(`^[A-Z][A-Z0-9]{1,2}: `)

// UnreachableError means that no address could be reached. It wraps ErrTemporary.
type UnreachableError struct{ Attempts []Attempt }

// Attempt is a failed attempt at one address.
type Attempt struct {
	Address string // schemeSettings://UIN@host:port
	Err     error
}

func (u *UnreachableError) Error() string {
	var texts []string
	for _, attempt := range u.Attempts {
		texts = append(texts, attempt.Address+": "+attempt.Err.Error())
	}
	return strings.Join(texts, "; ")
}

func (u *UnreachableError) Unwrap() []error {
	var errs []error
	for _, attempt := range u.Attempts {
		errs = append(errs, attempt.Err)
	}
	return errs
}

const (
	resultOK          = 0
	resultTemporary   = 4
	resultNotLoggedIn = 20
)

// resultErrors maps result codes to errors (section 2 of the protocol).
var resultErrors = map[int]error{
	1:                 ErrParameter,
	2:                 ErrParameter,
	3:                 ErrRefused,
	resultTemporary:   ErrTemporary,
	5:                 ErrNoAccount,
	resultNotLoggedIn: ErrNotLoggedIn,
}

// newRefusal returns the error for a result code other than 0.
func newRefusal(command string, code int, answer Answer) error {
	kind, known := resultErrors[code]
	if !known {
		return newAnswerError(command, "unknown RES=%d", code)
	}
	return &Error{Command: command, Code: code, Reason: answer.Text("RA"), kind: kind}
}

// newAnswerError returns the error for a malformed answer. It does not wrap
// ErrTemporary, because a repeat would not help.
func newAnswerError(command, format string, args ...any) error {
	return fmt.Errorf("invalid answer to %s: %s", command, fmt.Sprintf(format, args...))
}

// isFinal reports whether another sign-in attempt would fail in the same way.
func isFinal(err error) bool {
	for _, kind := range []error{ErrPassword, ErrNotLoggedIn, ErrNoAccount, ErrRefused, ErrParameter, ErrClosed} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// newTemporaryError wraps a network error with ErrTemporary.
func newTemporaryError(err error) error { return fmt.Errorf("%w: %w", ErrTemporary, err) }
