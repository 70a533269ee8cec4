package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/control"
)

func userPasswdCommand(data *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "passwd UIN",
		Short: "Give an account a new password",
		Long: `Give an account a new password, and sign out all its sessions.

Without --password-stdin a password is generated and shown once.`,
		Example: `  rookery user passwd 10001

  printf %s "$PASSWORD" | rookery user passwd 10001 --password-stdin`,
		Args: exactArgs("UIN"),
	}
	fromStdin := addPasswordFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		uin, err := parseUIN(cmd, args[0])
		if err != nil {
			return err
		}
		var password string
		if *fromStdin {
			if password, err = readPassword(cmd); err != nil {
				return err
			}
		}
		return withOperator(cmd.Context(), *data, func(operator *control.Operator) error {
			passwords, err := operator.SetPassword(cmd.Context(), uin, password)
			if err != nil {
				return err
			}
			text := fmt.Sprintf("Account %d has a new password and is signed out.\n", uin)
			if passwords != "" {
				text += generatedPasswordText(passwords)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		})
	}
	return cmd
}
