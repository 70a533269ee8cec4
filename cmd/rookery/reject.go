package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func rejectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reject UIN...",
		Short: "Reject friend requests",
		Long: `Reject pending friend requests; rookery requests lists them. The requesters are
told, with --words if given.

With --json each line has uin and outcome: rejected.`,
		Example: `  rookery reject 10002
  rookery reject 10002 --words "Do I know you?"
  rookery reject 10002 10003 && rookery block 10002 10003`,
		Args:              uinArgs,
		ValidArgsFunction: completeRequests,
	}
	flags := addClientFlags(cmd)
	words := cmd.Flags().String("words", "", "`WORDS` to send with the rejection")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return flags.runForEachArgument(cmd, args,
			func(ctx context.Context, messenger *client.Client, out printer, uin rookery.UIN) error {
				if err := messenger.RejectRequest(ctx, uin, *words); err != nil {
					return err
				}
				return out.print(accountOutcome{uin, "rejected"}, "Rejected account %d.", uin)
			})
	}
	return cmd
}
