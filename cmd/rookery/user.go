package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
)

func userCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Add, list, change and remove accounts",
		Long: `Add, list, change and remove accounts. If a server uses the data directory, these
commands act on it and take effect at once. Otherwise they change the stored
data.`,
		Example: `  rookery user add --nick first
  rookery user list
  rookery user set 10001 --rule open
  rookery user remove 10001`,
	}
	data := addDataFlag(cmd.PersistentFlags())
	return commandGroup(cmd,
		userAddCommand(data),
		userListCommand(data),
		userSetCommand(data),
		userPasswdCommand(data),
		userBefriendCommand(data),
		userRemoveCommand(data),
		userImportCommand(data),
	)
}

// parseUIN parses an account number in a command line.
func parseUIN(cmd *cobra.Command, text string) (rookery.UIN, error) {
	uin, ok := rookery.ParseUIN(text)
	if !ok {
		return 0, usageErrorf(cmd, "%q is no account number, which is %d to 4294967295", text, rookery.System)
	}
	return uin, nil
}

// uinFlag is a flag for an account number.
type uinFlag struct{ uin rookery.UIN }

func (f *uinFlag) Set(text string) error {
	uin, ok := rookery.ParseUIN(text)
	if !ok || uin == rookery.System {
		return fmt.Errorf("an account number is %d to 4294967295", rookery.FirstUIN)
	}
	f.uin = uin
	return nil
}

func (f *uinFlag) String() string { return "" }
func (f *uinFlag) Type() string   { return "N" }

// addSettingFlags adds a flag for each field of an account.
func addSettingFlags(cmd *cobra.Command) control.Settings {
	settings := make(control.Settings)
	for _, field := range control.Fields() {
		cmd.Flags().Var(&settingFlag{settings, field}, field.Name, field.Usage)
	}
	return settings
}

type settingFlag struct {
	settings control.Settings
	field    control.Field
}

func (f *settingFlag) Set(text string) error {
	f.settings[f.field.Name] = text
	return control.Settings{f.field.Name: text}.Validate()
}

func (f *settingFlag) String() string { return "" }
func (f *settingFlag) Type() string   { return f.field.Placeholder }

// addPasswordFlag adds the flag that makes a command read a password.
func addPasswordFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("password-stdin", false,
		"read the password from standard input, one line; without this flag a password is generated and shown")
}

// readPassword reads one line from standard input.
func readPassword(cmd *cobra.Command) (string, error) {
	reader := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 4096))
	line, err := reader.ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("cannot read the password: %w", err)
	}
	password := strings.TrimRight(line, "\r\n")
	if password == "" {
		return "", fmt.Errorf("there is no password on standard input; pipe one in, or leave out --password-stdin")
	}
	return password, nil
}
