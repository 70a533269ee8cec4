package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/control"
)

func userBefriendCommand(data *string) *cobra.Command {
	c := &cobra.Command{
		Use:   "befriend UIN UIN",
		Short: "Make two accounts friends",
		Long: `Make two accounts friends, whatever their rules are. Neither is asked, and
neither gets a message; their clients see it when they list their friends next.`,
		Example: "  rookery user befriend 10001 10002",
		Args:    takes("UIN", "the other UIN"),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		one, err := parseUIN(c, args[0])
		if err != nil {
			return err
		}
		other, err := parseUIN(c, args[1])
		if err != nil {
			return err
		}
		return operate(c.Context(), *data, func(o *control.Operator) error {
			if err := o.Befriend(c.Context(), one, other); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "Accounts %d and %d are friends.\n", one, other)
			return err
		})
	}
	return c
}
