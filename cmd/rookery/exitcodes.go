package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// Exit codes. They are a contract with scripts.
const (
	exitFailed        = 1
	exitUsage         = 2
	exitNotLoggedIn   = 3
	exitNotReproduced = 3 // probe diff: no difference showed again
	exitNoAccount     = 4
	exitRefused       = 5
	exitTemporary     = 6
)

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the program ends with",
		Long: `Every command ends with one of these codes:

  0  success
  1  failure that no other code describes
  2  invalid command line: something is missing, misspelt or superfluous
  3  not logged in, the login has ended, or the password is wrong
  4  the account does not exist
  5  refused by the other account or by a limit of the server
  6  not known to be done: the server is out of reach, did not answer in time, or
     could not do it now; trying again is safe

The comparing commands rookery probe diff, check and replay end with 1 if
something differs and with 2 if they could not compare. diff ends with 3 if no
difference that it saw showed again. A study that cannot start ends with 2 too:
the experiment file has errors, the server is out of reach or of another kind, a
password is wrong, or an account is in use.

A command for several accounts continues after a failure and ends with the code
of the first one.

  rookery send 10002 "backup done"
  case $? in
    0) ;;
    6) echo "the server is away, later perhaps" ;;
    *) echo "that will not work" ;;
  esac`,
	}
}

// exitCode returns the exit code for the error of a command, 0 for nil.
func exitCode(err error) int {
	var usage *usageError
	var noLogin *notLoggedInError
	var setup *probe.SetupError
	var notPerformed notPerformedError
	var problems experiment.Problems
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage), errors.As(err, &setup), errors.As(err, &problems), errors.As(err, &notPerformed):
		return exitUsage
	case errors.Is(err, errNotReproduced):
		return exitNotReproduced
	case errors.As(err, &noLogin), errors.Is(err, client.ErrNotLoggedIn), errors.Is(err, client.ErrPassword):
		return exitNotLoggedIn
	case errors.Is(err, client.ErrNoAccount):
		return exitNoAccount
	case errors.Is(err, client.ErrRefused):
		return exitRefused
	case errors.Is(err, client.ErrTemporary), errors.Is(err, context.DeadlineExceeded):
		return exitTemporary
	}
	return exitCodes[operatorCode(err)]
}

// exitCodes maps the code of a *rookery.Error to an exit code. Code 0 stands for all other errors.
var exitCodes = map[rookery.Code]int{
	0:                       exitFailed,
	rookery.CodeParameter:   exitFailed,
	rookery.CodeNoAccount:   exitNoAccount,
	rookery.CodeNotSignedIn: exitNotLoggedIn,
	rookery.CodePassword:    exitNotLoggedIn,
	rookery.CodeRefused:     exitRefused,
	rookery.CodeExists:      exitFailed,
	rookery.CodeTemporary:   exitTemporary,
	rookery.CodeConflict:    exitTemporary,
}

// operatorCode returns the code of a *rookery.Error, 0 for other errors.
func operatorCode(err error) rookery.Code {
	var e *rookery.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}
