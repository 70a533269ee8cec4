package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/control"
)

func userSetCommand(data *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set UIN [--FIELD VALUE ...]",
		Short: "Change an account's profile and rules",
		Long:  "Change an account's profile and rules. Other fields stay as they are; an empty TEXT clears a field.",
		Example: `  rookery user set 10001 --nick "Tom & Jerry" --face 270
  rookery user set 10001 --rule closed --strangers no --findable no
  rookery user set 10001 --about ""`,
		Args: exactArgs("UIN"),
	}
	cmd.Flags().SortFlags = false
	settings := addSettingFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		uin, err := parseUIN(cmd, args[0])
		if err != nil {
			return err
		}
		if len(settings) == 0 {
			return usageErrorf(cmd, "there is nothing to change")
		}
		return withOperator(cmd.Context(), *data, func(operator *control.Operator) error {
			if _, err := operator.ChangeAccount(cmd.Context(), uin, settings); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Changed account %d.\n", uin)
			return err
		})
	}
	return cmd
}
