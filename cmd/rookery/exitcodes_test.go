package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/experiment"
)

func TestEveryErrorHasAnExitCode(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("anything"), 1},
		{client.ErrParameter, 1},
		{&usageError{}, 2},
		{&notLoggedInError{}, 3},
		{client.ErrNotLoggedIn, 3},
		{client.ErrPassword, 3},
		{client.ErrNoAccount, 4},
		{client.ErrRefused, 5},
		{client.ErrTemporary, 6},
		{&reportedError{client.ErrRefused}, 5},
		{&probe.SetupError{}, 2},
		{experiment.Problems{}, 2},
		{notPerformedError{errors.New("anything")}, 2},
	} {
		if got := exitCode(test.err); got != test.want {
			t.Errorf("exitCode(%v) = %d, want %d", test.err, got, test.want)
		}
		if test.err == nil {
			continue
		}
		if got := exitCode(fmt.Errorf("wrapped: %w", test.err)); got != test.want {
			t.Errorf("exitCode(wrapped %v) = %d, want %d", test.err, got, test.want)
		}
	}
	for _, code := range rookery.Codes() {
		if exitCode(rookery.Errorf(code, "x")) == 0 {
			t.Errorf("exitCode(code %d) = 0, want a failure", code)
		}
	}
}

func TestErrorsAreDescribedWithoutProtocolTerms(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{&reportedError{errors.New("said")}, ""},
		{errors.New("plain"), "plain"},
		{errors.Join(errors.New("HTTP status 502 \x1b[31mbad"), errors.New("two")),
			"HTTP status 502 \uFFFD[31mbad\ntwo"},
		{fmt.Errorf("sent 1 of 2: %w", context.DeadlineExceeded), "sent 1 of 2: there was no answer"},
		{&loginEndedError{login{Address: "qq://10001@chat.example", Device: "my desk"}, client.ErrNotLoggedIn},
			"not logged in, or the login has ended; log in again with rookery login 10001@chat.example --device " +
				"'my desk'"},
		{rookery.Errorf(rookery.CodeNoAccount, "there is no account 10009"),
			"there is no account 10009; see rookery user list"},
	} {
		if got := errorText(test.err); got != test.want {
			t.Errorf("errorText = %q, want %q", got, test.want)
		}
	}
}
