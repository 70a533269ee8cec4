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
		Short: "Print what makes a shell complete rookery's commands",
		Long: `Print a script that makes bash, zsh or fish complete commands, flags, accounts that
are logged in here, and the numbers of friends, for which the server is asked.

bash needs the package bash-completion, and a shell that was started after it was
installed.`,
		Example: `  # bash, for this shell, and for those to come
  source <(rookery completion bash)
  rookery completion bash >~/.local/share/bash-completion/completions/rookery

  # zsh; the directory must be in $fpath
  rookery completion zsh >"${fpath[1]}/_rookery"

  # fish
  rookery completion fish >~/.config/fish/completions/rookery.fish`,
		Args:      takes("SHELL"),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(c *cobra.Command, args []string) error {
			root, w := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			}
			return usageErrorf(c, "%q is none of bash, zsh, fish", args[0])
		},
	}
}

// completionTime is how long a user who has pressed Tab may wait.
const completionTime = 2 * time.Second

// completeFriends offers the friends.
func completeFriends(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, func(ctx context.Context, cl *client.Client) ([]string, error) {
		friends, err := cl.Friends(ctx)
		var offers []string
		for _, f := range friends {
			offers = append(offers, offer(f.UIN, f.Nick))
		}
		return offers, err
	})
}

// completeRequests offers those whose requests wait.
func completeRequests(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, func(ctx context.Context, cl *client.Client) ([]string, error) {
		requests, err := cl.Requests(ctx)
		var offers []string
		for _, r := range requests {
			offers = append(offers, offer(r.From, r.Words))
		}
		return offers, err
	})
}

// completeReceivers offers the friends as the first argument of send.
func completeReceivers(c *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || c.Flags().Changed("to") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completeFriends(c, args, start)
}

// complete asks the server for what can be offered; if it cannot be asked, that
// is nothing.
func complete(c *cobra.Command, ask func(context.Context, *client.Client) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(c.Context(), completionTime)
	defer cancel()
	l, err := chosenLogin(c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	cl, err := l.dial(ctx, l.postAddresses())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer cl.Close()
	offers, err := ask(ctx, cl)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// offer is a number that can be completed, and what it stands for.
func offer(uin client.UIN, what string) string {
	return fmt.Sprintf("%d\t%s", uin, strings.ReplaceAll(oneLine(what), "\t", " "))
}
