package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/client"
)

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a completion script for a shell",
		Long: `Print a script that makes bash, zsh or fish complete commands, flags, accounts
that are logged in here, and the numbers of friends, which the server is asked
for.

bash needs the package bash-completion. Start a new shell after you install it.`,
		Example: `  # bash, for this shell and for future ones
  source <(rookery completion bash)
  rookery completion bash >~/.local/share/bash-completion/completions/rookery

  # zsh; the directory must be in $fpath
  rookery completion zsh >"${fpath[1]}/_rookery"

  # fish
  rookery completion fish >~/.config/fish/completions/rookery.fish`,
		Args:      exactArgs("SHELL"),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), cmd.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			}
			return usageErrorf(cmd, "%q is none of bash, zsh, fish", args[0])
		},
	}
}

// completionTimeout bounds the wait for the server after Tab was pressed.
const completionTimeout = 2 * time.Second

// completeFriends offers the account's friends.
func completeFriends(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return completeFromServer(cmd, func(ctx context.Context, messenger *client.Client) ([]string, error) {
		friends, err := messenger.Friends(ctx)
		var offers []string
		for _, friend := range friends {
			offers = append(offers, formatCompletion(friend.UIN, friend.Nick))
		}
		return offers, err
	})
}

// completeRequests offers the senders of pending friend requests.
func completeRequests(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return completeFromServer(cmd, func(ctx context.Context, messenger *client.Client) ([]string, error) {
		requests, err := messenger.FriendRequests(ctx)
		var offers []string
		for _, request := range requests {
			offers = append(offers, formatCompletion(request.From, request.Text))
		}
		return offers, err
	})
}

// completeReceivers offers the friends for the first argument of send.
func completeReceivers(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || cmd.Flags().Changed("to") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completeFriends(cmd, args, start)
}

// completeFromServer asks the server for completions. It returns none if the server cannot be asked.
func completeFromServer(cmd *cobra.Command, ask func(context.Context, *client.Client) ([]string, error)) ([]string,
	cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	login, err := chosenLogin(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	messenger, err := login.resume(ctx, login.httpAddresses())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer messenger.Close()
	offers, err := ask(ctx, messenger)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// formatCompletion returns a number and its description in the form that shells expect.
func formatCompletion(uin client.UIN, what string) string {
	return fmt.Sprintf("%d\t%s", uin, strings.ReplaceAll(oneLine(what), "\t", " "))
}
