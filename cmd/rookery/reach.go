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

// unreachableError is the error of a server that could not be spoken to, so that
// nothing was asked of it.
type unreachableError struct{ cause *client.UnreachableError }

func (e *unreachableError) Error() string { return "cannot reach " + describeAttempts(e.cause) }
func (e *unreachableError) Unwrap() error { return e.cause }

// describeAttempts says what was tried, and why it was of no use.
func describeAttempts(unreachable *client.UnreachableError) string {
	var tried []string
	for _, attempt := range unreachable.Attempts {
		// A line and a WebSocket to one port fail alike.
		if text := hostOfAddress(attempt.Address) + ": " + describeNetworkError(attempt.Err); !slices.Contains(tried, text) {
			tried = append(tried, text)
		}
	}
	return strings.Join(tried, ", nor ")
}

// loginEndedError is the error of a stored login that the server knows no more.
type loginEndedError struct {
	login login
	cause error
}

func (e *loginEndedError) Error() string { return e.cause.Error() }
func (e *loginEndedError) Unwrap() error { return e.cause }

// signIn makes one attempt to sign in, at the first of the addresses that works.
// They are the login's.
func (lg login) signIn(ctx context.Context, addresses []string, how ...client.Option) (*client.Client, error) {
	messenger, err := client.Dial(ctx, addresses[0], append(how, client.Fallback(addresses[1:]...))...)
	var unreachable *client.UnreachableError
	if errors.As(err, &unreachable) {
		return nil, &unreachableError{unreachable}
	}
	return messenger, lg.addLoginHint(err)
}

// resume makes one attempt to go on with the login.
func (lg login) resume(ctx context.Context, addresses []string) (*client.Client, error) {
	return lg.signIn(ctx, addresses, client.Token(lg.Token))
}

// The pauses between attempts to reach a server: each is twice as long as the one
// before.
const (
	initialRetryDelay = 250 * time.Millisecond
	maxRetryDelay     = 5 * time.Second
)

// resumeWithRetry goes on with the login, and tries again while the server cannot be
// reached, until ctx ends: a server that is started anew is back soon. waits is
// told why when the first attempt has failed.
func (lg login) resumeWithRetry(ctx context.Context, addresses []string, onFirstFailure func(reason error)) (*client.Client, error) {
	var last error
	for pause := initialRetryDelay; ; pause = min(2*pause, maxRetryDelay) {
		messenger, err := lg.resume(ctx, addresses)
		if !errors.Is(err, client.ErrTemporary) {
			return messenger, err
		}
		if last == nil || ctx.Err() == nil { // else the time was over, which says less
			last = err
		}
		if pause == initialRetryDelay && ctx.Err() == nil {
			onFirstFailure(err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, last
		}
	}
}

// retryNotice says on a terminal why a command takes long. In a script that is
// noise, if all goes well in the end.
func retryNotice(cmd *cobra.Command) func(reason error) {
	return func(reason error) {
		f, ok := cmd.ErrOrStderr().(interface{ Fd() uintptr })
		if ok && isatty.IsTerminal(f.Fd()) {
			printRetrying(cmd, reason)
		}
	}
}

func printRetrying(cmd *cobra.Command, reason error) {
	fmt.Fprintf(cmd.ErrOrStderr(), "rookery: %s; trying again\n", errorText(reason))
}

// addLoginHint adds to an error what describe needs to say how to log in again.
func (lg login) addLoginHint(err error) error {
	var already *loginEndedError
	if !errors.Is(err, client.ErrNotLoggedIn) || errors.As(err, &already) {
		return err
	}
	return &loginEndedError{lg, err}
}

// loginCommand is what a user types to log in as this device.
func (lg login) loginCommand() string { return lg.loginCommandFor(shellQuote(oneLine(lg.Device))) }

// loginCommandFor is what a user types to log in as another device.
func (lg login) loginCommandFor(device string) string {
	return "rookery login " + shellQuote(strings.TrimPrefix(lg.Address, "qq://")) + " --device " + device
}

// hostOfAddress is the host and the port of an address.
func hostOfAddress(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return address
	}
	return parsed.Host
}

func portOfAddress(address string) string {
	_, port, _ := net.SplitHostPort(hostOfAddress(address)) // it comes from package client, with a port
	return port
}

// describeNetworkError is what a user reads of a failure of the network. The address is said
// elsewhere.
func describeNetworkError(err error) string {
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
