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

// accountVariable is the environment variable that replaces --account.
const accountVariable = "ROOKERY_ACCOUNT"

// addAccountFlag adds --account, which chosenLogin and claimLogin read.
func addAccountFlag(cmd *cobra.Command) {
	cmd.Flags().String("account", "", "act as `UIN` or UIN@HOST (default: $"+accountVariable+", else the latest login)")
	// This fails only if the flag does not exist.
	_ = cmd.RegisterFlagCompletionFunc("account", completeAccounts)
}

// accountArgument returns the account that the flag or the environment selects, or the empty string.
func accountArgument(cmd *cobra.Command) string {
	if f := cmd.Flags().Lookup("account"); f != nil && f.Value.String() != "" {
		return f.Value.String()
	}
	return os.Getenv(accountVariable)
}

// chosenLogin returns the latest login of the selected account without locking it. It is for commands that do not wait
// for messages and may share a device.
func chosenLogin(cmd *cobra.Command) (login, error) {
	logins, err := findLogins(accountArgument(cmd), skipWarning(cmd))
	if err != nil {
		return login{}, err
	}
	return logins[0], nil
}

// claimLogin locks and returns the latest login of the selected account that no other command has locked. It is for
// commands that wait for messages, each of which needs a device of its own. The lock ends with the command's context,
// so the caller has nothing to unlock.
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
		context.AfterFunc(cmd.Context(), func() { _ = lock.Unlock() }) // the end of the process would unlock as well
		// Read the login again: another command may have replaced it before it was locked.
		return readLogin(l.basePath() + ".json")
	}
	return login{},
		fmt.Errorf("every device of %s that is logged in here is in use by another command; log in as another "+
			"device with %s",
			logins[0].accountName(), logins[0].loginCommandFor("NAME"))
}

// clientFlags holds the common flags of commands that act for an account.
type clientFlags struct {
	asJSON  bool
	timeout time.Duration
	login   login // set by run
}

// addClientFlags adds the flags of commands that act for an account and end soon.
func addClientFlags(cmd *cobra.Command) *clientFlags {
	var flags clientFlags
	cmd.Flags().SortFlags = false
	addAccountFlag(cmd)
	flags.addTo(cmd.Flags())
	return &flags
}

func (a *clientFlags) addTo(flags *pflag.FlagSet) {
	flags.BoolVar(&a.asJSON, "json", false, "print JSON, one object per line")
	flags.DurationVar(&a.timeout, "timeout", 30*time.Second, "give up after `TIME`")
}

// run calls action with a client that is signed in to the selected account. The context of action ends after --timeout.
// The client sends POST requests, which do not disturb the persistent connection of another command.
func (a *clientFlags) run(cmd *cobra.Command,
	action func(ctx context.Context, messenger *client.Client, out printer) error) error {
	return a.withTimeout(cmd, func(ctx context.Context) (err error) {
		if a.login, err = chosenLogin(cmd); err != nil {
			return err
		}
		messenger, err := a.login.resumeWithRetry(ctx, a.login.httpAddresses(), retryNotice(cmd))
		if err != nil {
			return err
		}
		defer messenger.Close()
		return a.login.addLoginHint(action(ctx, messenger, a.newPrinter(cmd)))
	})
}

// withTimeout calls action with a context that ends after --timeout and that it makes the command's context. An error
// after the timeout mentions the flag.
func (a *clientFlags) withTimeout(cmd *cobra.Command, action func(context.Context) error) error {
	if err := a.checkTimeout(cmd); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
	defer cancel()
	cmd.SetContext(ctx)
	err := action(ctx)
	var unreachable *unreachableError
	switch {
	case err == nil || ctx.Err() == nil:
		return err
	case errors.As(err, &unreachable):
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

// completeAccounts offers the accounts with stored logins.
func completeAccounts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	logins, err := loadLogins(func(error) {}) // a warning would garble the command line
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
