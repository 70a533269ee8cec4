package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
	"github.com/rookery-im/rookery/internal/service"
)

func userListCommand(data *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Long: `List the accounts by number, with the visible status, the friendship rule, and the
addresses that the account is signed in from.

With --json each line is an object: uin, created, status, sessions (address,
since, program), and the fields, named like the flags of user set.`,
		Example: `  rookery user list
  rookery user list --json`,
		Args: exactArgs(),
	}
	asJSON := cmd.Flags().Bool("json", false, "print all details as JSON, one object per line")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		print := printAccountTable
		if *asJSON {
			print = printAccountsJSON
		}
		return withOperator(cmd.Context(), *data, func(operator *control.Operator) error {
			return print(cmd.OutOrStdout(), allAccounts(cmd.Context(), operator))
		})
	}
	return cmd
}

// listPageSize is the number of accounts per request.
const listPageSize = 500

// allAccounts yields all accounts except account 10000, in ascending order. After an error it yields nothing more.
func allAccounts(ctx context.Context, operator *control.Operator) iter.Seq2[service.AccountInfo, error] {
	return func(yield func(service.AccountInfo, error) bool) {
		for after := rookery.System; ; {
			page, err := operator.ListAccounts(ctx, after, listPageSize)
			if err != nil {
				yield(service.AccountInfo{}, err)
				return
			}
			for _, accountInfo := range page {
				if !yield(accountInfo, nil) {
					return
				}
				after = accountInfo.UIN
			}
			if len(page) < listPageSize {
				return
			}
		}
	}
}

func printAccountTable(out io.Writer, accounts iter.Seq2[service.AccountInfo, error]) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "UIN\tSTATUS\tRULE\tSIGNED IN FROM\tNICK") // errors show in Flush
	for accountInfo, err := range accounts {
		if err != nil {
			return err
		}
		var from []string
		for _, session := range accountInfo.Sessions { // devices often share an address
			if address := session.Address.String(); !slices.Contains(from, address) {
				from = append(from, address)
			}
		}
		if from == nil {
			from = []string{"-"}
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n",
			accountInfo.UIN, statusName(accountInfo.Status), accountInfo.FriendRule,
			strings.Join(from, " "), oneLine(accountInfo.Profile.Nick))
	}
	return table.Flush()
}

func printAccountsJSON(w io.Writer, accounts iter.Seq2[service.AccountInfo, error]) error {
	type session struct {
		Address string    `json:"address"`
		Since   time.Time `json:"since"`
		Program string    `json:"program,omitempty"`
	}
	out := printer{out: w, asJSON: true}
	for accountInfo, err := range accounts {
		if err != nil {
			return err
		}
		sessions := []session{}
		for _, s := range accountInfo.Sessions {
			sessions = append(sessions, session{s.Address.String(), s.SignedInAt, s.Program})
		}
		object := map[string]any{"uin": accountInfo.UIN, "created": accountInfo.Created,
			"status": statusName(accountInfo.Status), "sessions": sessions}
		for _, field := range control.Fields() {
			object[field.Name] = field.Get(accountInfo.Account)
		}
		if err := out.printJSON(object); err != nil {
			return err
		}
	}
	return nil
}

var statusNames = map[rookery.Status]string{
	rookery.StatusOnline:       "online",
	rookery.StatusOffline:      "offline",
	rookery.StatusAway:         "away",
	rookery.StatusInvisible:    "invisible",
	rookery.StatusBusy:         "busy",
	rookery.StatusTalkToMe:     "talk to me",
	rookery.StatusDoNotDisturb: "do not disturb",
}

func statusName(status rookery.Status) string { return statusNames[status] }
