package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rookery-im/rookery/client"
)

// accountVariable is the environment variable that stands for --account.
const accountVariable = "ROOKERY_ACCOUNT"

// addAccountFlag gives a command the flag by which chosenLogin and claimLogin choose the account.
func addAccountFlag(cmd *cobra.Command) {
	cmd.Flags().String("account", "", "act as `UIN` or UIN@HOST; without this as $"+accountVariable+" says, else as who logged in last")
	// It fails for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("account", completeAccounts)
}

// accountArgument is what a command's user has said about the account, empty for
// nothing.
func accountArgument(cmd *cobra.Command) string {
	if f := cmd.Flags().Lookup("account"); f != nil && f.Value.String() != "" {
		return f.Value.String()
	}
	return os.Getenv(accountVariable)
}

// chosenLogin is the stored login of the account that accountFlag and the
// environment choose, for commands that are done soon.
func chosenLogin(cmd *cobra.Command) (login, error) {
	logins, err := findLogins(accountArgument(cmd), skipWarning(cmd))
	if err != nil {
		return login{}, err
	}
	return logins[0], nil
}

// claimLogin locks the first login of the command's account that no other
// command has, for commands that wait for what comes: they need a device for
// themselves. Function run in main.go ends the command's context and with it the
// lock, so the caller has nothing to unlock.
func claimLogin(cmd *cobra.Command) (login, error) {
	logins, err := findLogins(accountArgument(cmd), skipWarning(cmd))
	if err != nil {
		return login{}, err
	}
	for _, l := range logins {
		lock, locked, err := l.tryLock()
		if err != nil {
			return login{}, err
		}
		if !locked {
			continue
		}
		context.AfterFunc(cmd.Context(), func() { _ = lock.Unlock() }) // else the process's end does it
		return readLogin(l.basePath() + ".json")                       // it may have been renewed meanwhile
	}
	return login{}, fmt.Errorf("each device of %s that is logged in here is in use by another command; log in once more, with %s",
		logins[0].accountName(), logins[0].loginCommandFor("NAME"))
}

// clientFlags is what the commands that act for an account share.
type clientFlags struct {
	asJSON  bool
	timeout time.Duration
	login   login // who acts, in run
}

// addClientFlags gives a command the flags of those that act for an account and
// are done soon.
func addClientFlags(cmd *cobra.Command) *clientFlags {
	var flags clientFlags
	cmd.Flags().SortFlags = false
	addAccountFlag(cmd)
	flags.addTo(cmd.Flags())
	return &flags
}

func (a *clientFlags) addTo(flags *pflag.FlagSet) {
	flags.BoolVar(&a.asJSON, "json", false, "print JSON, one object a line")
	flags.DurationVar(&a.timeout, "timeout", 30*time.Second, "give up after `TIME`")
}

// run calls do with the account's client, for as long as --timeout allows. The
// client POSTs, and leaves a connection that another command holds alone.
func (a *clientFlags) run(cmd *cobra.Command, action func(ctx context.Context, messenger *client.Client, out printer) error) error {
	return a.withTimeout(cmd, func(ctx context.Context) (err error) {
		if a.login, err = chosenLogin(cmd); err != nil {
			return err
		}
		messenger, err := a.login.resumeWithRetry(ctx, a.login.postAddresses(), retryNotice(cmd))
		if err != nil {
			return err
		}
		defer messenger.Close()
		return a.login.addLoginHint(action(ctx, messenger, a.newPrinter(cmd)))
	})
}

// withTimeout calls do with a context that ends with --timeout, the command's own
// from then on.
func (a *clientFlags) withTimeout(cmd *cobra.Command, action func(context.Context) error) error {
	if err := a.checkTimeout(cmd); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
	defer cancel()
	cmd.SetContext(ctx)
	err := action(ctx)
	var away *unreachableError
	switch {
	case err == nil || ctx.Err() == nil:
		return err
	case errors.As(err, &away):
		return fmt.Errorf("%w; tried for %v, --timeout allows more", err, a.timeout)
	default:
		return fmt.Errorf("not known to be done within %v; try again, or allow more with --timeout: %w", a.timeout, err)
	}
}

func (a *clientFlags) checkTimeout(cmd *cobra.Command) error {
	if a.timeout <= 0 {
		return usageErrorf(cmd, "--timeout is %v, it must be more than 0", a.timeout)
	}
	return nil
}

func (a *clientFlags) newPrinter(cmd *cobra.Command) printer {
	return printer{cmd.OutOrStdout(), a.asJSON}
}

// completeAccounts offers the accounts that are logged in here.
func completeAccounts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	logins, err := loadLogins(func(error) {}) // a warning would stand in the command line
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, login := range logins {
		if !slices.Contains(names, login.accountName()) {
			names = append(names, login.accountName())
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
