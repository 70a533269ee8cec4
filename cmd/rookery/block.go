package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func blockCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "block [UIN...]",
		Short: "Block and unblock accounts",
		Long: `Block accounts: receive nothing from them and appear offline to them. Blocking
ends a friendship. --remove lets the account write again but does not restore the
friendship. Without UIN, list the blocked accounts, as --list does.

With --json each line has uin and, except in a list, outcome: blocked or
unblocked.`,
		Example: `  rookery block 10002
  rookery block
  rookery block --remove 10002
  rookery block --list --json | jq -r .uin | xargs rookery block --remove`,
		ValidArgsFunction: completeFriends,
	}
	flags := addClientFlags(cmd)
	list := cmd.Flags().Bool("list", false, "list the blocked accounts")
	remove := cmd.Flags().Bool("remove", false, "unblock the accounts")
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case *list && *remove:
			return usageErrorf(cmd, "--list and --remove exclude each other")
		case *list:
			return exactArgs()(cmd, args)
		case len(args) == 0 && !*remove:
			return nil
		}
		return uinArgs(cmd, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *list || len(args) == 0 {
			return flags.run(cmd, printBlocked)
		}
		return flags.runForEachArgument(cmd, args,
			func(ctx context.Context, messenger *client.Client, out printer, uin rookery.UIN) error {
				if *remove {
					if err := messenger.Unblock(ctx, uin); err != nil {
						return err
					}
					return out.print(accountOutcome{uin, "unblocked"}, "Account %d is not blocked.", uin)
				}
				if err := messenger.Block(ctx, uin); err != nil {
					return err
				}
				return out.print(accountOutcome{uin, "blocked"}, "Account %d is blocked.", uin)
			})
	}
	return cmd
}

func printBlocked(ctx context.Context, messenger *client.Client, out printer) error {
	blocked, err := messenger.Blocked(ctx)
	if err != nil {
		return err
	}
	return printRows(out, "UIN", blocked, func(uin rookery.UIN) any { return accountOutcome{UIN: uin} },
		func(uin rookery.UIN) []any { return []any{uin} })
}
