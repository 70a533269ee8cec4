package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func requestsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "requests",
		Short: "List who asks to be a friend",
		Long: `List the friend requests that wait for rookery accept or rookery reject.

With --json each line has uin, time and words.`,
		Example: `  rookery requests
  rookery requests --json
  rookery requests --json | jq -r .uin | xargs rookery accept`,
		Args: takes(),
	}
	a := actingFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return a.run(c, func(ctx context.Context, cl *client.Client, out printer) error {
			waiting, err := cl.Requests(ctx)
			if err != nil {
				return err
			}
			return table(out, "UIN ASKED WORDS", waiting, requestObject,
				func(r client.Request) []any { return []any{r.From, localTime(r.Time), oneLine(r.Words)} })
		})
	}
	return c
}

func requestObject(r client.Request) any {
	return struct {
		UIN   rookery.UIN `json:"uin"`
		Time  time.Time   `json:"time"`
		Words string      `json:"words"`
	}{r.From, r.Time.UTC(), r.Words}
}
