package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func infoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "info [UIN]",
		Short: "Show the profile of an account",
		Long: `Show the profile of an account, or of your own account without UIN. Some fields
are visible to friends only. Unset fields are omitted.

With --json: uin and all fields, named as in rookery profile set, numbers as
numbers.`,
		Example: `  rookery info
  rookery info 10002
  rookery info 10002 --json | jq -r .nick`,
		ValidArgsFunction: completeFriends,
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return exactArgs("UIN")(cmd, args)
	}
	flags := addClientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		uins, err := parseUINs(cmd, args)
		if err != nil {
			return err
		}
		return flags.run(cmd, func(ctx context.Context, messenger *client.Client, out printer) error {
			uin := messenger.UIN()
			if len(uins) > 0 {
				uin = uins[0]
			}
			info, err := messenger.Info(ctx, uin)
			if err != nil {
				return err
			}
			if out.asJSON {
				return out.printJSON(infoObject(info))
			}
			return printInfo(out, info)
		})
	}
	return cmd
}

func infoObject(info client.AccountInfo) map[string]any {
	object := map[string]any{"uin": info.UIN}
	for _, shownField := range profileFields(info) {
		object[shownField.name] = shownField.text
		if n, err := strconv.Atoi(shownField.text); err == nil && shownField.isNumber {
			object[shownField.name] = n
		}
	}
	return object
}

func printInfo(out printer, info client.AccountInfo) error {
	table := tabwriter.NewWriter(out.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "uin\t%d\n", info.UIN) // errors show in Flush
	for _, shownField := range profileFields(info) {
		text := oneLine(shownField.text)
		if shownField.isNumber {
			text = numberName(shownField.name, shownField.text)
		}
		if text != "" {
			fmt.Fprintf(table, "%s\t%s\n", shownField.name, text)
		}
	}
	return table.Flush()
}

// profileField is a field of a profile in text form.
type profileField struct {
	name, text string
	isNumber   bool
}

func profileFields(info client.AccountInfo) []profileField {
	var shown []profileField
	fields := accountFields()
	notShown := []string{ruleSetting, strangersSetting, findableSetting}
	for _, s := range settings {
		if field := fields[s.name]; !slices.Contains(notShown, s.name) {
			shown = append(shown, profileField{s.name, field.Get(rookery.Account{Profile: info.Profile}),
				field.Placeholder == "N"})
		}
	}
	return shown
}

// Meanings of numbers in a profile, from 0. An empty string means unset.
var (
	sexes          = []string{"male", "female"}
	bloodTypes     = []string{"", "A", "B", "O", "AB", "other"}
	constellations = []string{"", "Aquarius", "Pisces", "Aries", "Taurus", "Gemini", "Cancer", "Leo", "Virgo", "Libra",
		"Scorpio", "Sagittarius", "Capricorn"}
	animals = []string{"", "Rat", "Ox", "Tiger", "Rabbit", "Dragon", "Snake", "Horse", "Goat", "Monkey",
		"Rooster", "Dog", "Pig"}
)

// numberName returns the meaning of a numeric field, or the empty string if it is unset.
func numberName(field, text string) string {
	names := map[string][]string{"sex": sexes, "blood": bloodTypes, "constellation": constellations, "animal": animals}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return text
	case names[field] != nil:
		return nameOfNumber(names[field], n)
	case n == 0:
		return ""
	}
	return text
}

// nameOfNumber returns the name of a number, or its digits if it has none.
func nameOfNumber(names []string, n int) string {
	if n < 0 || n >= len(names) {
		return strconv.Itoa(n)
	}
	return names[n]
}

// parseSex returns the protocol's number for a name.
func parseSex(name string) (int, bool) {
	i := slices.Index(sexes, name)
	return i, i >= 0
}
