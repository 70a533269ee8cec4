package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func findCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "find",
		Short: "Find people who are online",
		Long: `Find accounts that look online and let themselves be found, all of them or those
that are what the flags say. For one account by its number there is rookery
info.

With --json each line has uin, nick, face, sex (male or female), age (0 is
unset) and province.`,
		Example: `  rookery find
  rookery find --province Antarctica
  rookery find --sex female --age 30
  rookery find --json | jq -r '.nick'`,
		Args: takes(),
	}
	a := actingFlags(c)
	age := c.Flags().Int("age", 0, "only who says to be `N` years old")
	sex := c.Flags().String("sex", "", "only who says to be `SEX`: male or female")
	province := c.Flags().String("province", "", "only who names this `PROVINCE`")
	_ = c.RegisterFlagCompletionFunc("sex", cobra.FixedCompletions(sexes, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, _ []string) error {
		q := client.Query{Province: *province}
		if c.Flags().Changed("age") {
			if *age < 0 || *age > rookery.MaxAge {
				return usageErrorf(c, "--age is %d, allowed is 0 to %d", *age, rookery.MaxAge)
			}
			q.Age = age
		}
		if *sex != "" {
			n, ok := sexNumber(*sex)
			if !ok {
				return usageErrorf(c, "--sex %q is neither male nor female", *sex)
			}
			q.Sex = &n
		}
		return a.run(c, func(ctx context.Context, cl *client.Client, out printer) error {
			found, err := cl.Find(ctx, q)
			if err != nil {
				return err
			}
			return table(out, "UIN SEX AGE PROVINCE NICK", found, foundObject, func(f client.Found) []any {
				return []any{f.UIN, nameOf(sexes, f.Sex), orDash(f.Age), orDash(oneLine(f.Province)), oneLine(f.Nick)}
			})
		})
	}
	return c
}

func foundObject(f client.Found) any {
	return struct {
		UIN      rookery.UIN `json:"uin"`
		Nick     string      `json:"nick"`
		Face     int         `json:"face"`
		Sex      string      `json:"sex"`
		Age      int         `json:"age"`
		Province string      `json:"province"`
	}{f.UIN, f.Nick, f.Face, nameOf(sexes, f.Sex), f.Age, f.Province}
}

// orDash is a value, or a dash for one that is unset.
func orDash[T comparable](value T) any {
	var unset T
	if value == unset {
		return "-"
	}
	return value
}
