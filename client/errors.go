package client

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// What errors.Is tells.
var (
	// ErrNotLoggedIn: the session has ended, by a login from elsewhere perhaps.
	ErrNotLoggedIn = errors.New("not logged in, or the login has ended")
	// ErrPassword: the password is wrong, or the server wants a pause between tries.
	ErrPassword = errors.New("wrong password")
	// ErrNoAccount: there is no such account.
	ErrNoAccount = errors.New("no such account")
	// ErrRefused: the server's policy, or the other account, does not allow it.
	ErrRefused = errors.New("refused")
	// ErrParameter: the server does not understand a value, or the command.
	ErrParameter = errors.New("wrong parameter")
	// ErrTemporary: it is not known to be done; the same may be tried again.
	ErrTemporary = errors.New("not done now")
	// ErrClosed: Close or Logout was called.
	ErrClosed = errors.New("the client is closed")
)

// Error is a server's refusal. It wraps one of the errors above.
type Error struct {
	// Command is the protocol's name of what was asked.
	Command string
	// Res is the protocol's result code: 1 to 5, or 20. A wrong password has 0.
	Res int
	// Reason is the server's, one line of English; empty if it gave none.
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

// Explanation is the reason for people who do not know the protocol: without the
// key at fault, and without what the error's kind says already. It may be empty.
func (e *Error) Explanation() string {
	reason := keyAtFault.ReplaceAllString(e.Reason, "")
	if errors.Is(e.kind, ErrPassword) {
		reason = strings.TrimPrefix(reason, "Password error")
	}
	return strings.TrimPrefix(reason, ": ")
}

var keyAtFault = regexp.MustCompile(`^[A-Z][A-Z0-9]{1,2}: `)

// Unreachable is the error of a server that could not be spoken to, at any of
// the addresses that were tried. It wraps ErrTemporary.
type Unreachable struct{ Tried []Attempt }

// Attempt is what became of an attempt at an address.
type Attempt struct {
	Address string // scheme://UIN@host:port
	Err     error
}

func (u *Unreachable) Error() string {
	var all []string
	for _, attempt := range u.Tried {
		all = append(all, attempt.Address+": "+attempt.Err.Error())
	}
	return strings.Join(all, "; ")
}

func (u *Unreachable) Unwrap() []error {
	var all []error
	for _, attempt := range u.Tried {
		all = append(all, attempt.Err)
	}
	return all
}

const (
	resDone        = 0
	resTemporary   = 4
	resNotLoggedIn = 20
)

// kinds says what the result codes mean (section 2 of the protocol).
var kinds = map[int]error{
	1:              ErrParameter,
	2:              ErrParameter,
	3:              ErrRefused,
	resTemporary:   ErrTemporary,
	5:              ErrNoAccount,
	resNotLoggedIn: ErrNotLoggedIn,
}

// refusal is the error for an answer with another result than 0.
func refusal(command string, res int, answer Answer) error {
	kind, known := kinds[res]
	if !known {
		return badAnswer(command, "RES=%d has no meaning", res)
	}
	return &Error{Command: command, Res: res, Reason: answer.Text("RA"), kind: kind}
}

// badAnswer is the error for an answer that does not say what it must. It does
// not wrap ErrTemporary: the next one will be no better.
func badAnswer(command, format string, args ...any) error {
	return fmt.Errorf("the answer to %s is not understood: %s", command, fmt.Sprintf(format, args...))
}

// final reports whether trying to sign in once more cannot help.
func final(err error) bool {
	for _, kind := range []error{ErrPassword, ErrNotLoggedIn, ErrNoAccount, ErrRefused, ErrParameter, ErrClosed} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// unreachable wraps a failure of the network.
func unreachable(err error) error { return fmt.Errorf("%w: %w", ErrTemporary, err) }
