package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func friendsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "friends",
		Short: "List the friends, and who is online",
		Long: `List the account's friends by number, with the status that they show: online,
away, busy, talk (talk to me), dnd (do not disturb) or offline.

With --json each line has uin, nick, face and status.`,
		Example: `  rookery friends
  rookery friends --online
  rookery friends --json | jq -r 'select(.status == "online") | .uin'`,
		Args: takes(),
	}
	a := actingFlags(c)
	online := c.Flags().Bool("online", false, "only those who are not offline")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return a.run(c, func(ctx context.Context, cl *client.Client, out printer) error {
			friends, err := cl.Friends(ctx)
			if err != nil {
				return err
			}
			if *online {
				friends = slices.DeleteFunc(friends, func(f client.Friend) bool { return f.Status == client.StatusOffline })
			}
			return table(out, "UIN STATUS NICK", friends, friendObject,
				func(f client.Friend) []any { return []any{f.UIN, statusWord(f.Status), oneLine(f.Nick)} })
		})
	}
	return c
}

func friendObject(f client.Friend) any {
	return struct {
		UIN    rookery.UIN `json:"uin"`
		Nick   string      `json:"nick"`
		Face   int         `json:"face"`
		Status string      `json:"status"`
	}{f.UIN, f.Nick, f.Face, statusWord(f.Status)}
}
