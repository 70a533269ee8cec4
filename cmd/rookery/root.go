package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
	"github.com/rookery-im/rookery/internal/termtext"
)

// newRoot returns the command rookery with all subcommands.
func newRoot() *cobra.Command {
	root := commandGroup(&cobra.Command{
		Use:   "rookery",
		Short: "An instant messenger that speaks HTTP QQ",
		Long: `Rookery is an instant messenger that speaks HTTP QQ 1.0 to 1.4. Its server accepts
unmodified old clients and any program that can POST one line. Its commands use a
server from a terminal or a script.`,
		Example: `  rookery serve
  rookery user add --nick first
  rookery login 10001
  rookery send 10002 "backup done"
  rookery recv --follow`,
		SilenceUsage:  true,
		SilenceErrors: true,
	})
	addCommandGroup(root, "use", "Messages, by hand or in scripts:",
		loginCommand(),
		logoutCommand(),
		accountsCommand(),
		sendCommand(),
		recvCommand(),
		chatCommand(),
		statusCommand(),
	)
	addCommandGroup(root, "people", "Friends and other accounts:",
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
	)
	addCommandGroup(root, "run", "To run a server:",
		serveCommand(),
		userCommand(),
		deviceCommand(),
		noticeCommand(),
		benchCommand(),
	)
	addCommandGroup(root, "study", "To study a protocol:",
		probeCommand(),
	)
	addCommandGroup(root, "about", "About this program:",
		completionCommand(),
		manCommand(),
		versionCommand(),
	)
	root.AddCommand(exitCodesTopic())
	root.SetHelpCommandGroupID("about")
	root.CompletionOptions.DisableDefaultCmd = true // replaced by completionCommand
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageErrorf(cmd, "%v", err) })
	return root
}

// addCommandGroup adds subcommands that the help lists under a title.
func addCommandGroup(cmd *cobra.Command, id, title string, sub ...*cobra.Command) {
	cmd.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, cmd := range sub {
		cmd.GroupID = id
	}
	cmd.AddCommand(sub...)
}

// commandGroup turns cmd into a command with the given subcommands. Called without a subcommand, cmd prints its help.
func commandGroup(cmd *cobra.Command, sub ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(sub...)
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return usageErrorf(cmd, "unknown command %q, perhaps you mean %s", args[0], strings.Join(near, " or "))
		}
		return usageErrorf(cmd, "unknown command %q", args[0])
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

// exactArgs requires one argument for each name. The names appear only in errors.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usageErrorf(cmd, "%s is missing", names[len(args)])
		case len(args) > len(names):
			return usageErrorf(cmd, "unexpected argument %q", args[len(names)])
		}
		return nil
	}
}

// usageError reports an invalid command line. The exit code is then exitUsage.
type usageError struct {
	command string
	text    string
}

func (e *usageError) Error() string { return e.text + "; see " + e.command + " --help" }

// usageErrorf returns a *usageError, which refers to the help of cmd.
func usageErrorf(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{command: cmd.CommandPath(), text: fmt.Sprintf(format, args...)}
}

// adviceByCode holds the remedies that errorText appends to errors of the service with these codes.
var adviceByCode = map[rookery.Code]string{
	rookery.CodeNoAccount: "see rookery user list",
	rookery.CodeExists:    "choose another number",
}

// errorText returns the text of an error for the user: what happened, and what to do. It returns the empty string for
// nil and for a *reportedError, which has been printed already.
func errorText(err error) string {
	var reported *reportedError
	if err == nil || errors.As(err, &reported) {
		return ""
	}
	text := err.Error()
	var refused *client.Error
	if errors.As(err, &refused) {
		text = strings.Replace(text, refused.Error(), refusalText(refused), 1)
	}
	text = strings.ReplaceAll(text, context.DeadlineExceeded.Error(), "there was no answer")
	if ended := (*loginEndedError)(nil); errors.As(err, &ended) {
		text += "; log in again with " + ended.login.loginCommand()
	}
	if adviceByCode[operatorCode(err)] != "" {
		text += "; " + adviceByCode[operatorCode(err)]
	}
	return termtext.Lines(text) // parts of the text may come from a server
}

// refusalText returns a server's refusal without the protocol's names of commands and keys.
func refusalText(e *client.Error) string {
	reason := e.Explanation()
	if reason == "" {
		return e.Unwrap().Error()
	}
	return oneLine(e.Unwrap().Error() + ": " + reason)
}
