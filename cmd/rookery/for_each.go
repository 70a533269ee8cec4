package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

// reportedError is an error that has already been printed.
type reportedError struct{ error }

func (e *reportedError) Unwrap() error { return e.error }

// forEachAccount calls action for each account. It prints an error immediately, continues with the other accounts,
// and returns the first error at the end.
func (a *clientFlags) forEachAccount(cmd *cobra.Command, uins []rookery.UIN, action func(rookery.UIN) error) error {
	var first error
	for _, uin := range uins {
		err := a.login.addLoginHint(action(uin))
		switch {
		case err == nil:
			continue
		case len(uins) == 1:
			return err
		case first == nil:
			first = &reportedError{err}
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "rookery: %d: %s\n", uin, errorText(err))
	}
	return first
}

// uinArgs requires at least one argument and that all are account numbers.
func uinArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageErrorf(cmd, "UIN is missing")
	}
	_, err := parseUINs(cmd, args)
	return err
}

// parseUINs parses account numbers and drops duplicates.
func parseUINs(cmd *cobra.Command, args []string) ([]rookery.UIN, error) {
	var list []rookery.UIN
	seen := make(map[rookery.UIN]bool)
	for _, text := range args {
		uin, err := parseUIN(cmd, text)
		if err != nil {
			return nil, err
		}
		if !seen[uin] {
			list = append(list, uin)
		}
		seen[uin] = true
	}
	return list, nil
}

// accountOutcome is the JSON form of the outcome for one account.
type accountOutcome struct {
	UIN     rookery.UIN `json:"uin"`
	Outcome string      `json:"outcome,omitempty"`
}

// runForEachArgument calls action with the client for each account that the arguments name.
func (a *clientFlags) runForEachArgument(cmd *cobra.Command, args []string,
	action func(context.Context, *client.Client, printer, rookery.UIN) error) error {
	uins, err := parseUINs(cmd, args)
	if err != nil {
		return err
	}
	return a.run(cmd, func(ctx context.Context, messenger *client.Client, out printer) error {
		return a.forEachAccount(cmd, uins, func(uin rookery.UIN) error { return action(ctx, messenger, out, uin) })
	})
}
