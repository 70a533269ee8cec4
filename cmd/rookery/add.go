package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func addCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add UIN...",
		Short: "Add friends, or send friend requests",
		Long: `Add friends. If an account requires requests, send one, with --words if given.
An account that accepts no friends is an error (exit code 5).

With --json each line has uin and outcome: friend (now or already) or asked.`,
		Example: `  rookery add 10002
  rookery add 10002 10003 --words "We met at the rookery."
  rookery find --province Antarctica --json | jq -r .uin | xargs rookery add`,
		Args:              uinArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := addClientFlags(cmd)
	words := cmd.Flags().String("words", "", "`WORDS` to send with a friend request")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return flags.runForEachArgument(cmd, args,
			func(ctx context.Context, messenger *client.Client, out printer, uin rookery.UIN) error {
				return addOrAskFriend(ctx, messenger, out, uin, *words)
			})
	}
	return cmd
}

func addOrAskFriend(ctx context.Context, messenger *client.Client, out printer, uin rookery.UIN, words string) error {
	added, err := messenger.AddFriend(ctx, uin)
	switch {
	case err != nil:
		return err
	case added == client.AddClosed:
		return fmt.Errorf("%w: account %d accepts no friends", client.ErrRefused, uin)
	case added == client.AddedFriend:
		return out.print(accountOutcome{uin, "friend"}, "Account %d is a friend.", uin)
	}
	if err := messenger.RequestFriendship(ctx, uin, words); err != nil {
		return err
	}
	return out.print(accountOutcome{uin, "asked"}, "Asked account %d; the answer comes with rookery recv.", uin)
}
