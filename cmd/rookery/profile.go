package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
	"github.com/rookery-im/rookery/internal/control"
)

func profileCommand() *cobra.Command {
	return commandGroup(&cobra.Command{
		Use:   "profile",
		Short: "Change your profile",
		Long:  "Change your profile. rookery info shows it.",
		Example: `  rookery info
  rookery profile set nick=Pingu
  rookery profile set rule=open strangers=yes`,
	}, profileSetCommand())
}

func profileSetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set FIELD=VALUE...",
		Short: "Change fields and rules of your profile",
		Long: `Change fields and rules of your profile. Other fields stay as they are. An empty
value clears a text. FIELD is a name, or the key that the protocol uses for it:

` + settingsHelp() + `
With --json: uin.`,
		Example: `  rookery profile set nick="Tom & Jerry" age=9
  rookery profile set NK=Pingu PV=Antarctica
  rookery profile set rule=closed strangers=no findable=no
  rookery profile set about=`,
		ValidArgsFunction: completeSettings,
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageErrorf(cmd, "FIELD=VALUE is missing")
		}
		return nil
	}
	flags := addClientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		change, err := parseChange(args)
		if err != nil {
			return usageErrorf(cmd, "%v", err)
		}
		return flags.run(cmd, func(ctx context.Context, messenger *client.Client, out printer) error {
			if err := messenger.SetInfo(ctx, change); err != nil {
				return err
			}
			return out.print(accountOutcome{UIN: messenger.UIN()}, "Changed account %d.", messenger.UIN())
		})
	}
	return cmd
}

// settings lists the fields of an account that its owner can set: the name, which the operator's commands also use,
// and the protocol key.
var settings = []struct{ name, key string }{
	{"nick", "NK"}, {"face", "FC"}, {"age", "AG"}, {"sex", "SX"}, {"blood", "BT"}, {"constellation", "CO"},
	{"animal", "SH"},
	{"country", "CY"}, {"province", "PV"}, {"city", "CT"}, {"school", "SC"}, {"job", "JB"}, {"home-page", "HP"},
	{"about", "PR"},
	{"real-name", "RN"}, {"mail", "EM"}, {"phone", "PH"}, {"mobile", "MO"}, {"address", "AD"}, {"post-code", "PC"},
	{ruleSetting, "AR"}, {strangersSetting, "AS"}, {findableSetting, "AF"},
}

// Names of the settings that are not part of the profile.
const (
	ruleSetting      = "rule"
	strangersSetting = "strangers"
	findableSetting  = "findable"
)

// accountFields returns the fields of an account by their names.
func accountFields() map[string]control.Field {
	fields := make(map[string]control.Field)
	for _, field := range control.Fields() {
		fields[field.Name] = field
	}
	return fields
}

func settingsHelp() string {
	var text strings.Builder
	fields := accountFields()
	for _, s := range settings {
		fmt.Fprintf(&text, "  %-14s %s  %s\n", s.name, s.key, fields[s.name].Usage)
	}
	return text.String()
}

// parseChange reads FIELD=VALUE arguments.
func parseChange(args []string) (client.AccountChange, error) {
	change := client.AccountChange{Profile: make(map[string]string)}
	for _, arg := range args {
		field, value, ok := strings.Cut(arg, "=")
		if !ok {
			return change, fmt.Errorf("%q is not FIELD=VALUE", arg)
		}
		if err := setField(&change, field, value); err != nil {
			return change, err
		}
	}
	return change, nil
}

func setField(change *client.AccountChange, field, value string) error {
	for _, s := range settings {
		if !strings.EqualFold(field, s.name) && !strings.EqualFold(field, s.key) {
			continue
		}
		if err := (control.Settings{s.name: value}).Validate(); err != nil {
			return err
		}
		set := value == "yes"
		switch s.name {
		case ruleSetting:
			rule, err := rookery.ParseFriendRule(value)
			change.FriendRule = &rule
			return err
		case strangersSetting:
			change.AllowStrangers = &set
		case findableSetting:
			change.Findable = &set
		default:
			change.Profile[s.key] = value
		}
		return nil
	}
	return fmt.Errorf("there is no field %s", strconv.Quote(field))
}

func completeSettings(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	fields := accountFields()
	for _, s := range settings {
		names = append(names, s.name+"=\t"+fields[s.name].Usage)
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
