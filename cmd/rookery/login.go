package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func loginCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login ADDRESS",
		Short: "Log in to an account, for the commands that follow",
		Long: `Log in to an account as a device, and keep what proves it (a token, not the
password) in your configuration directory, where nobody else can read it. Other
commands go on with it, until logout.

ADDRESS is UIN@HOST, or UIN alone on this machine. A scheme before it chooses
the way in: qq:// a line (the default), http:// or https:// POSTs, ws:// or
wss:// a WebSocket. A port behind HOST is the only one that is used; without
one 8000 and 14000 are tried, or 443 with https:// and wss://, and the one that
answered is kept.

On a terminal the password is asked for. rookery recv and rookery chat each need
a device for themselves: log in once more with another --device for each that
runs at the same time.

With --json: uin, server, device.`,
		Example: `  # on this machine
  rookery login 10001

  # elsewhere; then as a second device
  rookery login 10001@chat.example
  rookery login 10001@chat.example --device pager

  # through a proxy that speaks TLS
  rookery login https://10001@chat.example

  # in a script
  printf %s "$PASSWORD" | rookery login 10001 --device backup --password-stdin`,
		Args: exactArgs("ADDRESS"),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	device := flags.String("device", "", "be the device `NAME` of the account; the name of this machine if empty")
	fromStdin := flags.Bool("password-stdin", false, "read the password from standard input, one line")
	a := &clientFlags{}
	a.addTo(flags)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		login, err := parseLogin(cmd, args[0], *device)
		if err != nil {
			return err
		}
		password, err := readOrAskPassword(cmd, login, *fromStdin)
		if err != nil {
			return err
		}
		return a.withTimeout(cmd, func(ctx context.Context) error { return logIn(ctx, login, password, a.newPrinter(cmd)) })
	}
	return cmd
}

// parseLogin makes a login, still without its token, of what the command line
// says.
func parseLogin(cmd *cobra.Command, address, device string) (login, error) {
	if !strings.Contains(address, "://") {
		address = "qq://" + address
	}
	parsed, err := url.Parse(address)
	if err == nil && parsed.User == nil { // UIN alone
		parsed.User, parsed.Host = url.User(parsed.Host), "127.0.0.1"
	}
	if err != nil || parsed.Hostname() == "" {
		return login{}, usageErrorf(cmd, "that is no address such as 10001@chat.example")
	}
	if _, given := parsed.User.Password(); given {
		return login{}, usageErrorf(cmd, "a password does not belong into the address: others can see the command line")
	}
	if _, err := parseUIN(cmd, parsed.User.Username()); err != nil {
		return login{}, err
	}
	if !isKnownScheme(parsed.Scheme) {
		return login{}, usageErrorf(cmd, "%q is none of the schemes qq, tcp, http, https, ws, wss", parsed.Scheme)
	}
	if device == "" {
		if device, err = os.Hostname(); err != nil {
			return login{}, fmt.Errorf("cannot tell this machine's name: %w; give --device NAME", err)
		}
	}
	if err := rookery.CheckDeviceName(device); err != nil {
		return login{}, usageErrorf(cmd, "--device: %v", err)
	}
	return login{Address: parsed.String(), Device: device}, nil
}

// isKnownScheme reports whether package client knows a way of that name.
func isKnownScheme(scheme string) bool {
	return slices.Contains([]string{"qq", "tcp", "http", "https", "ws", "wss"}, scheme)
}

// readOrAskPassword reads the password from standard input, or asks for it if that is
// a terminal.
func readOrAskPassword(cmd *cobra.Command, l login, fromStdin bool) (string, error) {
	if fromStdin {
		return readPassword(cmd)
	}
	if !isatty.IsTerminal(os.Stdin.Fd()) {
		return "", usageErrorf(cmd, "there is no terminal to ask for the password on; pipe it in and say --password-stdin")
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "Password of %s: ", l.accountName())
	password, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(cmd.ErrOrStderr())
	if err != nil {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	if len(password) == 0 {
		return "", errors.New("no password was given")
	}
	return string(password), nil
}

// logIn signs in and keeps the login. A command that uses the device already
// would be signed out by it, so it must have ended.
func logIn(ctx context.Context, l login, password string, out printer) (err error) {
	lock, locked, err := l.tryLock()
	if err != nil {
		return err
	}
	if !locked {
		return fmt.Errorf("device %s of %s is in use by another command; end that one, or choose another name with --device", oneLine(l.Device), l.accountName())
	}
	defer func() {
		if _, none := os.Stat(l.basePath() + ".json"); none != nil {
			err = errors.Join(err, l.deleteFiles()) // the lock's file
		}
		err = errors.Join(err, lock.Unlock())
	}()
	// The new login ends the old one, so it must be sure before that it can be
	// kept.
	draft, err := l.newDraft()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.discard()) }()
	messenger, err := l.signIn(ctx, l.postAddresses(), client.Password(password), client.Device(l.Device))
	if err != nil {
		return err
	}
	defer messenger.Close()
	if l.Token = messenger.Token(); l.Token == "" {
		return fmt.Errorf("the server at %s knows no devices; these commands need a Rookery that does", l.serverName())
	}
	if l.parsedAddress().Port() == "" {
		l.Port = portOfAddress(messenger.String())
	}
	l.LoggedInAt = time.Now()
	if err := draft.commit(l); err != nil {
		return errors.Join(err, messenger.Logout(ctx)) // nobody could go on with it
	}
	return out.print(l.toJSON(),
		"Logged in as %s, device %s.", l.accountName(), oneLine(l.Device))
}
