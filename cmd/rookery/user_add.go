package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/control"
)

func userAddCommand(data *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add --nick NAME",
		Short: "Add an account",
		Long: `Add an account. Without --uin it gets the lowest free number from 10001 on.

Without --password-stdin a password is generated and shown once. It is not stored
in clear text.`,
		Example: `  # the next free number, with a generated password
  rookery user add --nick first

  # a chosen number and password
  printf %s "$PASSWORD" | rookery user add --uin 12345 --nick second --password-stdin

  # an account that accepts every friend
  rookery user add --nick helper --rule open --about "Ask me anything."`,
		Args: exactArgs(),
	}
	cmd.Flags().SortFlags = false
	var uin uinFlag
	cmd.Flags().Var(&uin, "uin", "account number (default: the lowest free one)")
	fromStdin := addPasswordFlag(cmd)
	settings := addSettingFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if settings["nick"] == "" {
			return usageErrorf(cmd, "--nick is missing: the name that others see")
		}
		newAccount := control.NewAccount{UIN: uin.uin, Settings: settings}
		if *fromStdin {
			password, err := readPassword(cmd)
			if err != nil {
				return err
			}
			newAccount.Password = password
		}
		return operateOrCreate(cmd.Context(), *data, cmd.ErrOrStderr(), func(operator *control.Operator) error {
			added, err := operator.AddAccount(cmd.Context(), newAccount)
			if err != nil {
				return err
			}
			return printAdded(cmd, added)
		})
	}
	return cmd
}

func printAdded(cmd *cobra.Command, added control.AddedAccount) error {
	text := fmt.Sprintf("Added account %d.\n", added.UIN)
	if added.Password != "" {
		text += generatedPasswordText(added.Password)
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), text)
	return err
}

// generatedPasswordText returns the output that shows a generated password.
func generatedPasswordText(password string) string {
	return fmt.Sprintf("Its password, shown this once: %s\n", password)
}
