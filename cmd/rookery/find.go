package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func findCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "find",
		Short: "Find people who are online",
		Long: `List accounts that appear online and allow themselves to be found, optionally
only those that match the flags. rookery info shows one account by its number.

With --json each line has uin, nick, face, sex (male or female), age (0 if
unset) and province.`,
		Example: `  rookery find
  rookery find --province Antarctica
  rookery find --sex female --age 30
  rookery find --json | jq -r '.nick'`,
		Args: exactArgs(),
	}
	flags := addClientFlags(cmd)
	age := cmd.Flags().Int("age", 0, "only accounts with age `N`")
	sex := cmd.Flags().String("sex", "", "only accounts with `SEX`: male or female")
	province := cmd.Flags().String("province", "", "only accounts with `PROVINCE`")
	_ = cmd.RegisterFlagCompletionFunc("sex", cobra.FixedCompletions(sexes, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		query := client.SearchQuery{Province: *province}
		if cmd.Flags().Changed("age") {
			if *age < 0 || *age > rookery.MaxAge {
				return usageErrorf(cmd, "--age is %d, allowed is 0 to %d", *age, rookery.MaxAge)
			}
			query.Age = age
		}
		if *sex != "" {
			n, ok := parseSex(*sex)
			if !ok {
				return usageErrorf(cmd, "--sex %q is neither male nor female", *sex)
			}
			query.Sex = &n
		}
		return flags.run(cmd, func(ctx context.Context, messenger *client.Client, out printer) error {
			found, err := messenger.Find(ctx, query)
			if err != nil {
				return err
			}
			return printRows(out, "UIN SEX AGE PROVINCE NICK", found, foundObject,
				func(found client.SearchResult) []any {
					return []any{found.UIN, nameOfNumber(sexes, found.Sex), orDash(found.Age),
						orDash(oneLine(found.Province)), oneLine(found.Nick)}
				})
		})
	}
	return cmd
}

func foundObject(found client.SearchResult) any {
	return struct {
		UIN      rookery.UIN `json:"uin"`
		Nick     string      `json:"nick"`
		Face     int         `json:"face"`
		Sex      string      `json:"sex"`
		Age      int         `json:"age"`
		Province string      `json:"province"`
	}{found.UIN, found.Nick, found.Face, nameOfNumber(sexes, found.Sex), found.Age, found.Province}
}

// orDash returns the value, or a dash for the zero value.
func orDash[T comparable](value T) any {
	var unset T
	if value == unset {
		return "-"
	}
	return value
}
