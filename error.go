package rookery

import (
	"errors"
	"fmt"
)

// Code classifies an error for programs. internal/protocol and internal/control each
// map every code to a number or name of their own.
type Code uint8

// The error codes.
const (
	CodeParameter   Code = iota + 1 // a value is missing, malformed or out of bounds
	CodeNoAccount                   // the account does not exist
	CodeNotSignedIn                 // there is no session, or it has ended
	CodePassword                    // the password is wrong, or login is blocked for a while
	CodeRefused                     // a rule, a block or a limit forbids it
	CodeExists                      // the account number is taken
	CodeTemporary                   // the request failed and can be repeated
	CodeConflict                    // the data has changed since it was read
	codeEnd
)

// Codes returns every code. Tests use it to check that tables are complete.
func Codes() []Code {
	var all []Code
	for code := CodeParameter; code < codeEnd; code++ {
		all = append(all, code)
	}
	return all
}

// Error has a code for programs, a text for the user, and a cause for the operator's
// log. Text is one line of English and contains no secrets.
type Error struct {
	Code  Code
	Text  string
	Cause error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Text + ": " + e.Cause.Error()
	}
	return e.Text
}

func (e *Error) Unwrap() error { return e.Cause }

// Errorf returns an *Error without a cause.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Temporary wraps an internal failure. The user sees that the request failed; the log
// shows the cause.
func Temporary(cause error) error {
	return &Error{Code: CodeTemporary, Text: "the server could not do it now, try again", Cause: cause}
}

// CodeOf returns the code of err: 0 for nil, and CodeTemporary for an error that is
// no *Error.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeTemporary
}

// TextOf returns the text of err for the user.
func TextOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Text
	}
	return "the server could not do it now, try again"
}
