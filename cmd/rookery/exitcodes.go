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

// The codes that the program ends with. Scripts rely on them.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitNotLoggedIn = 3
	exitNotShown    = 3 // of probe diff
	exitNoAccount   = 4
	exitRefused     = 5
	exitTemporary   = 6
)

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the program ends with",
		Long: `Every command ends with one of these codes:

  0  it is done
  1  it failed, and none of the others says why
  2  the command line cannot be meant: something is missing, misspelt, or too much
  3  not logged in, the login has ended, or the password is wrong
  4  there is no such account
  5  refused: by the other account, or by the server's limits
  6  not known to be done: the server is out of reach, did not answer in time, or
     could not do it now; the same may be tried again

Where rookery probe compares (diff, check and replay) 1 says that something differs,
and 2 that it could not be compared. 3 says of diff that it saw differences, none of
which showed again. A study that cannot be begun ends with 2 too:
the experiment file has errors, the server is out of reach or of another kind, a
password is wrong, or an account is in use.

Of a command for several accounts the first failure counts; the others are
done all the same.

  rookery send 10002 "backup done"
  case $? in
    0) ;;
    6) echo "the server is away, later perhaps" ;;
    *) echo "that will not work" ;;
  esac`,
	}
}

// exitCode is what the program ends with because of an error.
func exitCode(err error) int {
	var usage *usageError
	var noLogin *notLoggedInError
	var refusal *probe.SetupError
	var unmade notPerformedError
	var problems experiment.Problems
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage), errors.As(err, &refusal), errors.As(err, &problems), errors.As(err, &unmade):
		return exitUsage
	case errors.Is(err, errNotShownAgain):
		return exitNotShown
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

// exitCodes are those for the errors of an operator's commands.
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

// operatorCode is the code of an error of the service, 0 for another error.
func operatorCode(err error) rookery.Code {
	var e *rookery.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}
