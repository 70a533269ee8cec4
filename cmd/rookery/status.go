package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func statusCommand() *cobra.Command {
	var words []string
	for _, w := range statusWords {
		words = append(words, w.word)
	}
	cmd := &cobra.Command{
		Use:   "status STATUS",
		Short: "Change your status",
		Long: `Change your visible status: online, away, busy, invisible, offline, talk (talk to
me) or dnd (do not disturb). invisible and offline look the same to friends:
messages still arrive.

The status belongs to the account, not to the device. If no device has been in
contact with the server for five minutes, the account appears offline in any
case.

With --json: uin and status.`,
		Example: `  rookery status busy
  rookery status invisible
  rookery status online --account 10001`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageErrorf(cmd, "STATUS is missing: one of %s; the server does not tell your current one",
					strings.Join(words, ", "))
			}
			return exactArgs("STATUS")(cmd, args)
		},
		ValidArgs: words,
	}
	flags := addClientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		status, ok := parseStatus(args[0])
		if !ok {
			return usageErrorf(cmd, "%q is not a status; use one of %s", args[0], strings.Join(words, ", "))
		}
		return flags.run(cmd, func(ctx context.Context, messenger *client.Client, out printer) error {
			if err := messenger.SetStatus(ctx, status); err != nil {
				return err
			}
			object := struct {
				UIN    rookery.UIN `json:"uin"`
				Status string      `json:"status"`
			}{messenger.UIN(), args[0]}
			return out.print(object, "Account %d is %s.", messenger.UIN(), statusName(status))
		})
	}
	return cmd
}

func parseStatus(word string) (rookery.Status, bool) {
	for _, w := range statusWords {
		if w.word == word {
			return w.status, true
		}
	}
	return 0, false
}
