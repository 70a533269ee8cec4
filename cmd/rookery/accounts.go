package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
)

func accountsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "accounts",
		Short: "List the accounts that are logged in here",
		Long: `List the stored logins, the latest first. Commands act for the account of the
first line unless --account or $ROOKERY_ACCOUNT names another. This command does
not contact a server.

With --json each line has uin, server, device, address and since.`,
		Example: `  rookery accounts
  rookery accounts --json | jq -r .uin
  ROOKERY_ACCOUNT=10002 rookery friends`,
		Args: exactArgs(),
	}
	asJSON := cmd.Flags().Bool("json", false, "print JSON, one object per line")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		logins, err := loadLogins(skipWarning(cmd))
		if err != nil {
			return err
		}
		return printRows(printer{cmd.OutOrStdout(), *asJSON}, "UIN SERVER SINCE DEVICE", logins, login.toListJSON,
			func(l login) []any { return []any{l.uin(), l.serverName(), localTime(l.LoggedInAt), oneLine(l.Device)} })
	}
	return cmd
}

// loginJSON is the JSON form of a login, without its token.
type loginJSON struct {
	UIN     rookery.UIN `json:"uin"`
	Server  string      `json:"server"`
	Device  string      `json:"device"`
	Address string      `json:"address,omitempty"`
	Since   *time.Time  `json:"since,omitempty"`
}

func (lg login) toJSON() any {
	return loginJSON{UIN: lg.uin(), Server: lg.serverName(), Device: lg.Device}
}

func (lg login) toListJSON() any {
	loggedInAt := lg.LoggedInAt.UTC().Truncate(time.Second)
	return loginJSON{lg.uin(), lg.serverName(), lg.Device, lg.Address, &loggedInAt}
}
