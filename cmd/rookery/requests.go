package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func requestsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "requests",
		Short: "List friend requests",
		Long: `List pending friend requests, for rookery accept or rookery reject.

With --json each line has uin, time and words.`,
		Example: `  rookery requests
  rookery requests --json
  rookery requests --json | jq -r .uin | xargs rookery accept`,
		Args: exactArgs(),
	}
	flags := addClientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return flags.run(cmd, func(ctx context.Context, messenger *client.Client, out printer) error {
			waiting, err := messenger.FriendRequests(ctx)
			if err != nil {
				return err
			}
			return printRows(out, "UIN ASKED WORDS", waiting, requestObject,
				func(request client.FriendRequest) []any {
					return []any{request.From, localTime(request.Time), oneLine(request.Text)}
				})
		})
	}
	return cmd
}

func requestObject(request client.FriendRequest) any {
	return struct {
		UIN   rookery.UIN `json:"uin"`
		Time  time.Time   `json:"time"`
		Words string      `json:"words"`
	}{request.From, request.Time.UTC(), request.Text}
}
