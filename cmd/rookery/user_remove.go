package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
	"github.com/rookery-im/rookery/internal/service"
)

func userRemoveCommand(data *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove UIN",
		Short: "Remove an account",
		Long: `Remove an account with its friendships and messages, and sign out its sessions.
Messages that others have received from it stay. On a terminal, the command asks
first.`,
		Example: `  rookery user remove 10001
  rookery user remove 10001 --yes`,
		Args: exactArgs("UIN"),
	}
	yes := cmd.Flags().Bool("yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		uin, err := parseUIN(cmd, args[0])
		if err != nil {
			return err
		}
		if !*yes && !isatty.IsTerminal(os.Stdin.Fd()) {
			return usageErrorf(cmd, "not removed: there is no terminal to ask on; confirm with --yes")
		}
		return withOperator(cmd.Context(), *data, func(operator *control.Operator) error {
			accountInfo, err := findAccount(cmd.Context(), operator, uin)
			if err != nil {
				return err
			}
			if !*yes && !confirmRemoval(cmd, accountInfo.Account) {
				return fmt.Errorf("account %d was not removed", uin)
			}
			if err := operator.RemoveAccount(cmd.Context(), uin); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Removed account %d.\n", uin)
			return err
		})
	}
	return cmd
}

// confirmRemoval asks on the terminal.
func confirmRemoval(cmd *cobra.Command, account rookery.Account) bool {
	fmt.Fprintf(cmd.ErrOrStderr(), "Remove account %d (%s) with all its messages? [y/N] ", account.UIN,
		oneLine(account.Profile.Nick))
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n') // the end of input means no
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// findAccount returns one account. The error has CodeNoAccount if it does not exist.
func findAccount(ctx context.Context, operator *control.Operator, uin rookery.UIN) (service.AccountInfo, error) {
	found, err := operator.ListAccounts(ctx, uin-1, 1)
	if err != nil {
		return service.AccountInfo{}, err
	}
	if len(found) == 0 || found[0].UIN != uin {
		return service.AccountInfo{}, rookery.Errorf(rookery.CodeNoAccount, "there is no account %d", uin)
	}
	return found[0], nil
}
