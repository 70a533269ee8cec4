package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func friendsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "friends",
		Short: "List friends and their status",
		Long: `List the account's friends by number, with their visible status: online, away,
busy, talk (talk to me), dnd (do not disturb) or offline.

With --json each line has uin, nick, face and status.`,
		Example: `  rookery friends
  rookery friends --online
  rookery friends --json | jq -r 'select(.status == "online") | .uin'`,
		Args: exactArgs(),
	}
	flags := addClientFlags(cmd)
	online := cmd.Flags().Bool("online", false, "list only friends who are not offline")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return flags.run(cmd, func(ctx context.Context, messenger *client.Client, out printer) error {
			friends, err := messenger.Friends(ctx)
			if err != nil {
				return err
			}
			if *online {
				friends = slices.DeleteFunc(friends,
					func(friend client.Friend) bool { return friend.Status == client.StatusOffline })
			}
			return printRows(out, "UIN STATUS NICK", friends, friendObject,
				func(friend client.Friend) []any {
					return []any{friend.UIN, statusWord(friend.Status), oneLine(friend.Nick)}
				})
		})
	}
	return cmd
}

func friendObject(friend client.Friend) any {
	return struct {
		UIN    rookery.UIN `json:"uin"`
		Nick   string      `json:"nick"`
		Face   int         `json:"face"`
		Status string      `json:"status"`
	}{friend.UIN, friend.Nick, friend.Face, statusWord(friend.Status)}
}
