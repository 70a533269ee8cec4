package client

import "errors"

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
)
