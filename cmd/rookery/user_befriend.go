package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/control"
)

func userBefriendCommand(data *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "befriend UIN UIN",
		Short: "Make two accounts friends",
		Long: `Make two accounts friends, whatever their rules are. Neither account is asked or
gets a message. Their clients see the friendship in the next friend list.`,
		Example: "  rookery user befriend 10001 10002",
		Args:    exactArgs("UIN", "the other UIN"),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		one, err := parseUIN(cmd, args[0])
		if err != nil {
			return err
		}
		other, err := parseUIN(cmd, args[1])
		if err != nil {
			return err
		}
		return withOperator(cmd.Context(), *data, func(operator *control.Operator) error {
			if err := operator.Befriend(cmd.Context(), one, other); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Accounts %d and %d are friends.\n", one, other)
			return err
		})
	}
	return cmd
}
