package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func newRoot() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "rookery",
		Short: "An instant messenger that speaks HTTP QQ",
		Long: `Rookery is an instant messenger server that speaks HTTP QQ 1.0 to 1.4: the
clients of old connect to it unmodified, and so does any program that can POST
one line.`,
		Example: `  rookery serve
  rookery user add --nick first
  rookery notice "The server restarts at noon."`,
		SilenceUsage:  true,
		SilenceErrors: true,
	},
		loginCommand(),
		logoutCommand(),
		accountsCommand(),
		sendCommand(),
		recvCommand(),
		friendsCommand(),
		addCommand(),
		requestsCommand(),
		acceptCommand(),
		rejectCommand(),
		removeCommand(),
		blockCommand(),
		findCommand(),
		infoCommand(),
		profileCommand(),
		statusCommand(),
		serveCommand(),
		userCommand(),
		noticeCommand(),
		benchCommand(),
		completionCommand(),
		manCommand(),
		versionCommand(),
		exitCodesTopic(),
	)
	root.CompletionOptions.DisableDefaultCmd = true // there is our own
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageErrorf(c, "%v", err) })
	return root
}

// group makes a command of subcommands. Alone it shows its help; what is none
// of its subcommands is an error.
func group(c *cobra.Command, sub ...*cobra.Command) *cobra.Command {
	c.AddCommand(sub...)
	c.SuggestionsMinimumDistance = 2
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return usageErrorf(c, "unknown command %q, perhaps you mean %s", args[0], strings.Join(near, " or "))
		}
		return usageErrorf(c, "unknown command %q", args[0])
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return c
}

// takes says which arguments a command needs, by the names that its usage line
// has for them.
func takes(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageErrorf(c, "%s is missing", names[len(args)])
		case len(args) > len(names):
			return usageErrorf(c, "do not know what to do with %q", args[len(names)])
		}
		return nil
	}
}

// usageError is a command line that cannot be meant.
type usageError struct {
	command string
	text    string
}

func (e *usageError) Error() string { return e.text + "; see " + e.command + " --help" }

func usageErrorf(c *cobra.Command, format string, args ...any) error {
	return &usageError{command: c.CommandPath(), text: fmt.Sprintf(format, args...)}
}

// advice says what to do about an error of the service, where its text does
// not.
var advice = map[rookery.Code]string{
	rookery.CodeNoAccount: "see rookery user list",
	rookery.CodeExists:    "choose another number",
}

// describe is what the user reads of an error: what happened, and what to do.
// Empty if there is nothing to say any more.
func describe(err error) string {
	var reported *reportedError
	switch {
	case err == nil, errors.As(err, &reported):
		return ""
	case errors.Is(err, client.ErrNotLoggedIn):
		return err.Error() + "; log in again with rookery login"
	case advice[operatorCode(err)] != "":
		return err.Error() + "; " + advice[operatorCode(err)]
	}
	return err.Error()
}
