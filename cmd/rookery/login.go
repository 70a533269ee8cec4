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
		Short: "Log in to an account",
		Long: `Log in to an account as a device, and store a token, not the password, in your
configuration directory, where no other user can read it. Other commands use this
login until logout.

ADDRESS is UIN@HOST, or UIN alone for this machine. An optional scheme selects
the transport: qq:// a TCP connection (the default), http:// or https:// POST
requests, ws:// or wss:// a WebSocket. With a port after HOST, only that port is
tried. Without one, 8000 and 14000 are tried, or 443 for https:// and wss://, and
the port that answers is stored.

On a terminal, login asks for the password. rookery recv and rookery chat each
need a device of their own: for each one that runs at the same time, log in with
another --device.

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
	device := flags.String("device", "", "name the device `NAME` (default: the name of this machine)")
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
		return a.withTimeout(cmd,
			func(ctx context.Context) error { return logIn(ctx, login, password, a.newPrinter(cmd)) })
	}
	return cmd
}

// parseLogin returns a login, still without a token, for the address and device of the command line. An empty device
// means the name of this machine.
func parseLogin(cmd *cobra.Command, address, device string) (login, error) {
	if !strings.Contains(address, "://") {
		address = "qq://" + address
	}
	parsed, err := url.Parse(address)
	if err == nil && parsed.User == nil { // UIN alone
		parsed.User, parsed.Host = url.User(parsed.Host), "127.0.0.1"
	}
	if err != nil || parsed.Hostname() == "" {
		return login{}, usageErrorf(cmd, "the address is not of the form 10001@chat.example")
	}
	if _, given := parsed.User.Password(); given {
		return login{},
			usageErrorf(cmd, "leave the password out of the address, because other users can see the command line")
	}
	if _, err := parseUIN(cmd, parsed.User.Username()); err != nil {
		return login{}, err
	}
	if !isKnownScheme(parsed.Scheme) {
		return login{}, usageErrorf(cmd, "%q is none of the schemes qq, tcp, http, https, ws, wss", parsed.Scheme)
	}
	if device == "" {
		if device, err = os.Hostname(); err != nil {
			return login{}, fmt.Errorf("cannot find out this machine's name: %w; use --device NAME", err)
		}
	}
	if err := rookery.CheckDeviceName(device); err != nil {
		return login{}, usageErrorf(cmd, "--device: %v", err)
	}
	return login{Address: parsed.String(), Device: device}, nil
}

// isKnownScheme reports whether package client supports a scheme.
func isKnownScheme(scheme string) bool {
	return slices.Contains([]string{"qq", "tcp", "http", "https", "ws", "wss"}, scheme)
}

// readOrAskPassword reads the password from standard input, or asks for it on the terminal.
func readOrAskPassword(cmd *cobra.Command, l login, fromStdin bool) (string, error) {
	if fromStdin {
		return readPassword(cmd)
	}
	if !isatty.IsTerminal(os.Stdin.Fd()) {
		return "", usageErrorf(cmd,
			"there is no terminal to ask for the password on; pipe it in and say --password-stdin")
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

// logIn signs in and stores the login. It fails if another command uses the device, because the new session would
// sign that command out.
func logIn(ctx context.Context, l login, password string, out printer) (err error) {
	lock, locked, err := l.tryLock()
	if err != nil {
		return err
	}
	if !locked {
		return fmt.Errorf(
			"device %s of %s is in use by another command; end that one, or choose another name with --device",
			oneLine(l.Device), l.accountName())
	}
	defer func() {
		if _, statErr := os.Stat(l.basePath() + ".json"); statErr != nil {
			err = errors.Join(err, l.deleteFiles()) // there is no login, so delete the lock file too
		}
		err = errors.Join(err, lock.Unlock())
	}()
	// Signing in ends the old session. Reserve disk space for the new login first, so that
	// a full disk cannot lose both.
	draft, err := l.newDraft()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.discard()) }()
	messenger, err := l.signIn(ctx, l.httpAddresses(), client.Password(password), client.Device(l.Device))
	if err != nil {
		return err
	}
	defer messenger.Close()
	if l.Token = messenger.Token(); l.Token == "" {
		return fmt.Errorf("the server at %s does not support devices, which these commands need", l.serverName())
	}
	if l.parsedAddress().Port() == "" {
		l.Port = portOfAddress(messenger.String())
	}
	l.LoggedInAt = time.Now()
	if err := draft.commit(l); err != nil {
		return errors.Join(err, messenger.Logout(ctx)) // without the stored token the session is useless
	}
	return out.print(l.toJSON(),
		"Logged in as %s, device %s.", l.accountName(), oneLine(l.Device))
}
