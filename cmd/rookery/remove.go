package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func removeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove UIN...",
		Short: "End friendships",
		Long: `End friendships, on both sides. The others are not told. It is not an error if an
account was not a friend.

With --json each line has uin and outcome: removed.`,
		Example: `  rookery remove 10002
  rookery remove 10002 10003
  rookery remove 10002 --json`,
		Args:              uinArgs,
		ValidArgsFunction: completeFriends,
	}
	flags := addClientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return flags.runForEachArgument(cmd, args,
			func(ctx context.Context, messenger *client.Client, out printer, uin rookery.UIN) error {
				if err := messenger.RemoveFriend(ctx, uin); err != nil {
					return err
				}
				return out.print(accountOutcome{uin, "removed"}, "Account %d is no friend.", uin)
			})
	}
	return cmd
}
