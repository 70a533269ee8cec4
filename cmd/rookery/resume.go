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

// unreachableError means that the server could not be contacted, so that no request was sent.
type unreachableError struct{ cause *client.UnreachableError }

func (e *unreachableError) Error() string { return "cannot reach " + describeAttempts(e.cause) }
func (e *unreachableError) Unwrap() error { return e.cause }

// describeAttempts lists the addresses that were tried and why each failed.
func describeAttempts(unreachable *client.UnreachableError) string {
	var tried []string
	for _, attempt := range unreachable.Attempts {
		// A TCP connection and a WebSocket to the same port fail in the same way.
		if text := hostOfAddress(attempt.Address) + ": " +
			describeNetworkError(attempt.Err); !slices.Contains(tried, text) {
			tried = append(tried, text)
		}
	}
	return strings.Join(tried, ", nor ")
}

// loginEndedError means that the server no longer accepts a stored login.
type loginEndedError struct {
	login login
	cause error
}

func (e *loginEndedError) Error() string { return e.cause.Error() }
func (e *loginEndedError) Unwrap() error { return e.cause }

// signIn makes one attempt to sign in, at the first of the addresses that can be reached. If none can, it returns an
// *unreachableError.
func (lg login) signIn(ctx context.Context, addresses []string, how ...client.Option) (*client.Client, error) {
	messenger, err := client.Dial(ctx, addresses[0], append(how, client.Fallback(addresses[1:]...))...)
	var unreachable *client.UnreachableError
	if errors.As(err, &unreachable) {
		return nil, &unreachableError{unreachable}
	}
	return messenger, lg.addLoginHint(err)
}

// resume makes one attempt to resume the login's session.
func (lg login) resume(ctx context.Context, addresses []string) (*client.Client, error) {
	return lg.signIn(ctx, addresses, client.Token(lg.Token))
}

// The delay between attempts to reach a server. It doubles after each attempt, from the initial to the maximum one.
const (
	initialRetryDelay = 250 * time.Millisecond
	maxRetryDelay     = 5 * time.Second
)

// resumeWithRetry resumes the login's session. While the server cannot be reached or fails temporarily, it retries
// until ctx ends, because a server that restarts is back soon. It calls onFirstFailure with the reason after the first
// failed attempt only.
func (lg login) resumeWithRetry(ctx context.Context, addresses []string,
	onFirstFailure func(reason error)) (*client.Client, error) {
	var last error
	for pause := initialRetryDelay; ; pause = min(2*pause, maxRetryDelay) {
		messenger, err := lg.resume(ctx, addresses)
		if !errors.Is(err, client.ErrTemporary) {
			return messenger, err
		}
		if last == nil || ctx.Err() == nil { // an error of the timeout itself would hide the reason
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

// retryNotice returns a function that prints on a terminal why a command takes long. In scripts it prints nothing.
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

// addLoginHint wraps errors about an ended session, so that errorText can say how to log in again.
func (lg login) addLoginHint(err error) error {
	var already *loginEndedError
	if !errors.Is(err, client.ErrNotLoggedIn) || errors.As(err, &already) {
		return err
	}
	return &loginEndedError{lg, err}
}

// loginCommand returns the command line that logs in as this device.
func (lg login) loginCommand() string { return lg.loginCommandFor(shellQuote(oneLine(lg.Device))) }

// loginCommandFor returns the command line that logs in as another device.
func (lg login) loginCommandFor(device string) string {
	return "rookery login " + shellQuote(strings.TrimPrefix(lg.Address, "qq://")) + " --device " + device
}

// hostOfAddress returns the host and port of an address.
func hostOfAddress(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return address
	}
	return parsed.Host
}

func portOfAddress(address string) string {
	_, port, _ := net.SplitHostPort(hostOfAddress(address)) // package client always adds the port
	return port
}

// describeNetworkError returns the reason for a network error in plain words, without the address.
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
