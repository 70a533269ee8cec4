package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/client"
)

func logoutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logout",
		Short: "Log out, and forget the login",
		Long: `End the session of the login that the other commands use, and forget what proved
it. Friends see the account go offline if no other device of it is there.

If the server cannot be reached the login is kept, unless --force is given:
then the server keeps the session until somebody ends the device there.

With --json: uin, server, device.`,
		Example: `  rookery logout
  rookery logout --account 10001@chat.example --device pager
  rookery logout --all`,
		Args: exactArgs(),
	}
	flags := addClientFlags(cmd)
	device := cmd.Flags().String("device", "", "log the device `NAME` out, instead of the one that logged in last")
	all := cmd.Flags().Bool("all", false, "log all devices of the account out that are logged in here")
	force := cmd.Flags().Bool("force", false, "forget the login though the server cannot be reached")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *all && *device != "" {
			return usageErrorf(cmd, "--all and --device exclude each other")
		}
		logins, err := loginsToLogOut(cmd, *device, *all)
		if err != nil {
			return err
		}
		return flags.withTimeout(cmd, func(ctx context.Context) error {
			var errs []error
			for _, login := range logins {
				errs = append(errs, logOut(ctx, login, *force, flags.newPrinter(cmd)))
			}
			return errors.Join(errs...)
		})
	}
	return cmd
}

// loginsToLogOut chooses among the logins of an account.
func loginsToLogOut(cmd *cobra.Command, device string, all bool) ([]login, error) {
	logins, err := findLogins(accountArgument(cmd), skipWarning(cmd))
	switch {
	case err != nil:
		return nil, err
	case all:
		return logins, nil
	case device == "":
		return logins[:1], nil
	}
	for _, l := range logins {
		if l.Device == device {
			return []login{l}, nil
		}
	}
	return nil, &notLoggedInError{fmt.Sprintf("%s is not logged in here as the device %s; see rookery accounts", logins[0].accountName(), oneLine(device))}
}

// logOut ends a session and forgets its login. A session that has ended already
// is as good.
func logOut(ctx context.Context, l login, force bool, out printer) error {
	messenger, err := l.resume(ctx, l.postAddresses())
	if err == nil {
		err = errors.Join(messenger.Logout(ctx), messenger.Close())
	}
	if err != nil && !errors.Is(err, client.ErrNotLoggedIn) && !force {
		return fmt.Errorf("%w; --force forgets the login all the same", err)
	}
	if err := l.deleteFiles(); err != nil {
		return fmt.Errorf("cannot forget the login: %w", err)
	}
	return out.print(l.toJSON(), "Logged out %s, device %s.", l.accountName(), oneLine(l.Device))
}
