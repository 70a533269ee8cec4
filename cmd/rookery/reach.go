package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/client"
)

// outOfReach is the error of a server that could not be spoken to, so that
// nothing was asked of it.
type outOfReach struct{ cause *client.UnreachableError }

func (e *outOfReach) Error() string { return "cannot reach " + unreached(e.cause) }
func (e *outOfReach) Unwrap() error { return e.cause }

// unreached says what was tried, and why it was of no use.
func unreached(unreachable *client.UnreachableError) string {
	var tried []string
	for _, attempt := range unreachable.Attempts {
		// A line and a WebSocket to one port fail alike.
		if text := hostOf(attempt.Address) + ": " + plainly(attempt.Err); !slices.Contains(tried, text) {
			tried = append(tried, text)
		}
	}
	return strings.Join(tried, ", nor ")
}

// loginEnded is the error of a stored login that the server knows no more.
type loginEnded struct {
	login login
	cause error
}

func (e *loginEnded) Error() string { return e.cause.Error() }
func (e *loginEnded) Unwrap() error { return e.cause }

// connect makes one attempt to sign in, at the first of the addresses that works.
// They are the login's.
func (l login) connect(ctx context.Context, addresses []string, how ...client.Option) (*client.Client, error) {
	messenger, err := client.Dial(ctx, addresses[0], append(how, client.Fallback(addresses[1:]...))...)
	var away *client.UnreachableError
	if errors.As(err, &away) {
		return nil, &outOfReach{away}
	}
	return messenger, l.explain(err)
}

// dial makes one attempt to go on with the login.
func (l login) dial(ctx context.Context, addresses []string) (*client.Client, error) {
	return l.connect(ctx, addresses, client.Token(l.Token))
}

// The pauses between attempts to reach a server: each is twice as long as the one
// before.
const (
	firstPause = 250 * time.Millisecond
	lastPause  = 5 * time.Second
)

// reach goes on with the login, and tries again while the server cannot be
// reached, until ctx ends: a server that is started anew is back soon. waits is
// told why when the first attempt has failed.
func (l login) reach(ctx context.Context, addresses []string, waits func(why error)) (*client.Client, error) {
	var last error
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		messenger, err := l.dial(ctx, addresses)
		if !errors.Is(err, client.ErrTemporary) {
			return messenger, err
		}
		if last == nil || ctx.Err() == nil { // else the time was over, which says less
			last = err
		}
		if pause == firstPause && ctx.Err() == nil {
			waits(err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, last
		}
	}
}

// watched says on a terminal why a command takes long. In a script that is
// noise, if all goes well in the end.
func watched(cmd *cobra.Command) func(why error) {
	return func(why error) {
		f, ok := cmd.ErrOrStderr().(interface{ Fd() uintptr })
		if ok && isatty.IsTerminal(f.Fd()) {
			sayTrying(cmd, why)
		}
	}
}

func sayTrying(cmd *cobra.Command, why error) {
	fmt.Fprintf(cmd.ErrOrStderr(), "rookery: %s; trying again\n", describe(why))
}

// explain adds to an error what describe needs to say how to log in again.
func (l login) explain(err error) error {
	var already *loginEnded
	if !errors.Is(err, client.ErrNotLoggedIn) || errors.As(err, &already) {
		return err
	}
	return &loginEnded{l, err}
}

// command is what a user types to log in as this device.
func (l login) command() string { return l.commandFor(shellQuote(oneLine(l.Device))) }

// commandFor is what a user types to log in as another device.
func (l login) commandFor(device string) string {
	return "rookery login " + shellQuote(strings.TrimPrefix(l.Address, "qq://")) + " --device " + device
}

// hostOf is the host and the port of an address.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(hostOf(address)) // it comes from package client, with a port
	return port
}

// plainly is what a user reads of a failure of the network. The address is said
// elsewhere.
func plainly(err error) string {
	var name *net.DNSError
	var late net.Error
	var system syscall.Errno
	var post *url.Error
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "there is no host of this name"
	case errors.As(err, &late) && late.Timeout():
		return "it does not answer"
	case errors.As(err, &system):
		return system.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it has ended the connection"
	case errors.As(err, &post):
		return post.Err.Error()
	}
	text := err.Error()
	if _, rest, found := strings.Cut(text, client.ErrTemporary.Error()+": "); found {
		return rest
	}
	return text
}
