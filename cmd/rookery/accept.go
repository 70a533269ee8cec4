package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func acceptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "accept UIN...",
		Short: "Accept friend requests",
		Long: `Accept pending friend requests; rookery requests lists them.

With --json each line has uin and outcome: friend.`,
		Example: `  rookery accept 10002
  rookery accept 10002 10003
  rookery requests --json | jq -r .uin | xargs rookery accept`,
		Args:              uinArgs,
		ValidArgsFunction: completeRequests,
	}
	flags := addClientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return flags.runForEachArgument(cmd, args,
			func(ctx context.Context, messenger *client.Client, out printer, uin rookery.UIN) error {
				if err := messenger.AcceptRequest(ctx, uin); err != nil {
					return err
				}
				return out.print(accountOutcome{uin, "friend"}, "Account %d is a friend.", uin)
			})
	}
	return cmd
}
