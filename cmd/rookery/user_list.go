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
	c := &cobra.Command{
		Use:   "list",
		Short: "List the accounts",
		Long: `List the accounts by number: the status that others see, who becomes a friend,
and from which address the account is signed in.

With --json each line is an object: uin, created, status, sessions (address,
since, program), and the fields by the names of the flags of user set.`,
		Example: `  rookery user list
  rookery user list --json`,
		Args: takes(),
	}
	asJSON := c.Flags().Bool("json", false, "all there is about the accounts, one JSON object a line")
	c.RunE = func(c *cobra.Command, _ []string) error {
		print := printTable
		if *asJSON {
			print = printJSON
		}
		return operate(c.Context(), *data, func(o *control.Operator) error {
			return print(c.OutOrStdout(), people(c.Context(), o))
		})
	}
	return c
}

// listPage is how many accounts are asked for at once.
const listPage = 500

// people yields all accounts but the system's, by number, and an error last.
func people(ctx context.Context, o *control.Operator) iter.Seq2[service.AccountInfo, error] {
	return func(yield func(service.AccountInfo, error) bool) {
		for after := rookery.System; ; {
			page, err := o.Accounts(ctx, after, listPage)
			if err != nil {
				yield(service.AccountInfo{}, err)
				return
			}
			for _, a := range page {
				if !yield(a, nil) {
					return
				}
				after = a.UIN
			}
			if len(page) < listPage {
				return
			}
		}
	}
}

func printTable(w io.Writer, accounts iter.Seq2[service.AccountInfo, error]) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "UIN\tSTATUS\tRULE\tSIGNED IN FROM\tNICK") // errors show in Flush
	for a, err := range accounts {
		if err != nil {
			return err
		}
		var from []string
		for _, s := range a.SignedIn { // devices often share an address
			if address := s.Address.String(); !slices.Contains(from, address) {
				from = append(from, address)
			}
		}
		if from == nil {
			from = []string{"-"}
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", a.UIN, statusName(a.Status), a.Rule, strings.Join(from, " "), oneLine(a.Profile.Nick))
	}
	return table.Flush()
}

func printJSON(w io.Writer, accounts iter.Seq2[service.AccountInfo, error]) error {
	type session struct {
		Address string    `json:"address"`
		Since   time.Time `json:"since"`
		Program string    `json:"program,omitempty"`
	}
	out := printer{w: w, json: true}
	for a, err := range accounts {
		if err != nil {
			return err
		}
		sessions := []session{}
		for _, s := range a.SignedIn {
			sessions = append(sessions, session{s.Address.String(), s.Since, s.Program})
		}
		object := map[string]any{"uin": a.UIN, "created": a.Created, "status": statusName(a.Status), "sessions": sessions}
		for _, f := range control.Fields() {
			object[f.Name] = f.Get(a.Account)
		}
		if err := out.object(object); err != nil {
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

func statusName(s rookery.Status) string { return statusNames[s] }
