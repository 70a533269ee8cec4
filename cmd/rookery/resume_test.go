//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/rookery-im/rookery/client"
)

func TestUnreachableErrorsArePlain(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8000},
		Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	post := func(err error) error { return &url.Error{Op: "Post", URL: "http://127.0.0.1:8000/", Err: err} }
	for _, test := range []struct {
		name, address string
		cause         error
		want          string
	}{
		{"refused over HTTP", "http://10001@127.0.0.1:8000", post(refused),
			"cannot reach 127.0.0.1:8000: connection refused"},
		{"refused on a line", "qq://10001@127.0.0.1:14000", refused,
			"cannot reach 127.0.0.1:14000: connection refused"},
		{"IPv6", "https://10001@[::1]:443", refused, "cannot reach [::1]:443: connection refused"},
		{"an unknown host", "http://10001@chat.example:8000",
			post(&net.DNSError{Err: "no such host", Name: "chat.example", IsNotFound: true}),
			"cannot reach chat.example:8000: there is no host of this name"},
		{"no answer", "http://10001@chat.example:8000", post(context.DeadlineExceeded),
			"cannot reach chat.example:8000: it does not answer"},
		{"a closed connection", "http://10001@chat.example:8000", post(io.EOF),
			"cannot reach chat.example:8000: it has ended the connection"},
		{"another HTTP error", "http://10001@chat.example:8000", post(errors.New("malformed HTTP response")),
			"cannot reach chat.example:8000: malformed HTTP response"},
		{"another error", "qq://10001@chat.example:14000", errors.New("the server does not answer"),
			"cannot reach chat.example:14000: the server does not answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := &unreachableError{&client.UnreachableError{
				Attempts: []client.Attempt{attempt(test.address, test.cause)}}}
			if got := errorText(err); got != test.want {
				t.Errorf("errorText = %q, want %q", got, test.want)
			}
			if got := exitCode(err); got != exitTemporary {
				t.Errorf("exitCode = %d, want %d", got, exitTemporary)
			}
		})
	}
}

// attempt returns a failed attempt as package client reports it.
func attempt(address string, cause error) client.Attempt {
	return client.Attempt{Address: address, Err: fmt.Errorf("%w: %w", client.ErrTemporary, cause)}
}

func TestUnreachableErrorNamesEachAddressOnce(t *testing.T) {
	err := &unreachableError{&client.UnreachableError{Attempts: []client.Attempt{
		attempt("qq://10001@chat.example:8000", syscall.ECONNREFUSED),
		attempt("qq://10001@chat.example:14000", context.DeadlineExceeded),
		attempt("ws://10001@chat.example:8000", syscall.ECONNREFUSED),
	}}}
	want := "cannot reach chat.example:8000: connection refused, nor chat.example:14000: it does not answer"
	if got := errorText(err); got != want {
		t.Errorf("errorText = %q, want %q", got, want)
	}
	if got := exitCode(err); got != exitTemporary {
		t.Errorf("exitCode = %d, want %d", got, exitTemporary)
	}
}
