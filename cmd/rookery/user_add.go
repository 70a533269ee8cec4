package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/internal/control"
)

func userAddCommand(data *string) *cobra.Command {
	c := &cobra.Command{
		Use:   "add --nick NAME",
		Short: "Add an account",
		Long: `Add an account. Without --uin it gets the lowest free number from 10001 on.
Without --password-stdin a password is made and shown, this once: it is not
stored as such.`,
		Example: `  # the next free number, with a password that is made
  rookery user add --nick first

  # a number and a password of one's own
  printf %s "$PASSWORD" | rookery user add --uin 12345 --nick second --password-stdin

  # somebody whom everybody may befriend
  rookery user add --nick helper --rule open --about "Ask me anything."`,
		Args: takes(),
	}
	c.Flags().SortFlags = false
	var uin uinFlag
	c.Flags().Var(&uin, "uin", "account number; the lowest free one if left out")
	fromStdin := passwordFlag(c)
	settings := settingFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if settings["nick"] == "" {
			return usageErrorf(c, "--nick is missing: the name that others see")
		}
		a := control.NewAccount{UIN: uin.uin, Settings: settings}
		if *fromStdin {
			password, err := readPassword(c)
			if err != nil {
				return err
			}
			a.Password = password
		}
		return operateNew(c.Context(), *data, c.ErrOrStderr(), func(o *control.Operator) error {
			added, err := o.Add(c.Context(), a)
			if err != nil {
				return err
			}
			return printAdded(c, added)
		})
	}
	return c
}

func printAdded(c *cobra.Command, added control.Added) error {
	text := fmt.Sprintf("Added account %d.\n", added.UIN)
	if added.Password != "" {
		text += madePassword(added.Password)
	}
	_, err := fmt.Fprint(c.OutOrStdout(), text)
	return err
}

// madePassword shows a password that was made.
func madePassword(password string) string {
	return fmt.Sprintf("Its password, shown this once: %s\n", password)
}
