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
		Short: "Log out",
		Long: `End the session of the login that other commands use, and delete the login.
Friends see the account go offline unless another device is signed in.

If the server is out of reach the login is kept. With --force it is deleted
anyway; the server then keeps the session until the device is revoked there.

With --json: uin, server, device.`,
		Example: `  rookery logout
  rookery logout --account 10001@chat.example --device pager
  rookery logout --all`,
		Args: exactArgs(),
	}
	flags := addClientFlags(cmd)
	device := cmd.Flags().String("device", "", "log out the device `NAME` instead of the latest one")
	all := cmd.Flags().Bool("all", false, "log out all devices of the account that are logged in here")
	force := cmd.Flags().Bool("force", false, "delete the login even if the server is out of reach")
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

// loginsToLogOut returns the logins of the selected account that the flags name: all of them, that of one device, or
// by default the latest.
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
	return nil, &notLoggedInError{fmt.Sprintf("%s is not logged in here as the device %s; see rookery accounts",
		logins[0].accountName(), oneLine(device))}
}

// logOut ends a session and deletes its login. With force it deletes the login even if the
// server does not end the session. A session that has already ended is no error.
func logOut(ctx context.Context, l login, force bool, out printer) error {
	messenger, err := l.resume(ctx, l.httpAddresses())
	if err == nil {
		err = errors.Join(messenger.Logout(ctx), messenger.Close())
	}
	if err != nil && !errors.Is(err, client.ErrNotLoggedIn) && !force {
		return fmt.Errorf("%w; --force deletes the login anyway", err)
	}
	if err := l.deleteFiles(); err != nil {
		return fmt.Errorf("cannot delete the login: %w", err)
	}
	return out.print(l.toJSON(), "Logged out %s, device %s.", l.accountName(), oneLine(l.Device))
}
