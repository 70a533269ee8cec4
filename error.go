package rookery

import (
	"errors"
	"fmt"
)

// Code tells programs what went wrong. The wire and the administration have
// one table each that maps every code to their own numbers.
type Code uint8

const (
	CodeParameter   Code = iota + 1 // something is missing, malformed or out of bounds
	CodeNoAccount                   // there is no such account
	CodeNotSignedIn                 // no session, or it has ended
	CodePassword                    // the proof is wrong, or must wait
	CodeRefused                     // policy, block or limit
	CodeExists                      // the account number is taken
	CodeTemporary                   // not done now; the same may be tried again
	CodeConflict                    // it stood otherwise by then; look again
	codeEnd
)

// Codes lists every code, for tables that must know them all.
func Codes() []Code {
	var all []Code
	for code := CodeParameter; code < codeEnd; code++ {
		all = append(all, code)
	}
	return all
}

// Error has a code for programs, a text for the user and a cause for the
// operator. The text is one line of plain English without secrets.
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

// Errorf makes an Error without a cause.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Temporary wraps a failure of the machinery: the user reads that it was not
// done, the operator reads why.
func Temporary(cause error) error {
	return &Error{Code: CodeTemporary, Text: "the server could not do it now, try again", Cause: cause}
}

// CodeOf is the code of an error, 0 for nil, and CodeTemporary for one that has
// none: what is not known to be done may be tried again.
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

// TextOf is the text of an error for its user.
func TextOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Text
	}
	return "the server could not do it now, try again"
}
