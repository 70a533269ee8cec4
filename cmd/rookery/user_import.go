package main

import (
	"encoding/csv"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
)

func userImportCommand(data *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Add the accounts that a CSV file lists",
		Long: `Add the accounts that a CSV file lists; FILE.csv can be - for standard input. The
first row names the columns, in any order:

  nick        the visible name; the only required column
  uin         the account number; for all accounts or for none
  password    if empty, a password is generated
  and the fields of an account, named like the flags of user set

An empty cell leaves a field at its default. The whole file is checked first: if a
row is wrong, nothing is imported.

Generated numbers and passwords are written to standard output, as CSV with the
columns uin, nick and password. Progress goes to standard error.`,
		Example: `  rookery user import staff.csv > passwords.csv
  rookery user import staff.csv --skip-existing

  # a file may look like this
  uin,nick,password,rule
  10010,reception,,open
  10011,workshop,correct horse,ask`,
		Args: exactArgs("FILE.csv"),
	}
	skip := cmd.Flags().Bool("skip-existing", false, "skip accounts that exist already")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		rows, err := readImport(cmd, args[0])
		if err != nil {
			return fmt.Errorf("%w; nothing was imported", err)
		}
		return operateOrCreate(cmd.Context(), *data, cmd.ErrOrStderr(), func(operator *control.Operator) error {
			rows, err := withoutExisting(cmd, operator, rows, *skip)
			if err != nil {
				return fmt.Errorf("%w; nothing was imported", err)
			}
			return importRows(cmd, operator, rows)
		})
	}
	return cmd
}

func readImport(cmd *cobra.Command, name string) ([]importRow, error) {
	if name == "-" {
		return parseImport("standard input", cmd.InOrStdin())
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot read the file: %w", err)
	}
	defer file.Close()
	return parseImport(name, file)
}

// withoutExisting returns the rows whose accounts do not exist yet. Unless skip is set, a row whose account exists is
// an error.
func withoutExisting(cmd *cobra.Command, operator *control.Operator, rows []importRow, skip bool) ([]importRow, error) {
	var missing []importRow
	for _, importRow := range rows {
		if importRow.account.UIN != 0 {
			_, err := findAccount(cmd.Context(), operator, importRow.account.UIN)
			switch {
			case err == nil && skip:
				continue
			case err == nil:
				return nil, fmt.Errorf(
					"%s: account %d exists already; remove the row, or skip such accounts with --skip-existing",
					importRow.position, importRow.account.UIN)
			case rookery.CodeOf(err) != rookery.CodeNoAccount:
				return nil, err
			}
		}
		missing = append(missing, importRow)
	}
	if left := len(rows) - len(missing); left > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s left as before\n", countAccounts(left))
	}
	return missing, nil
}

// importRows adds the accounts in the order of the file, and prints each generated number and password immediately.
func importRows(cmd *cobra.Command, operator *control.Operator, rows []importRow) error {
	progress := newAccountProgress(cmd.ErrOrStderr(), "imported", len(rows))
	defer progress.finish()
	passwords := &passwordList{out: csv.NewWriter(cmd.OutOrStdout())}
	for _, importRow := range rows {
		added, err := operator.AddAccount(cmd.Context(), importRow.account)
		if err == nil {
			err = passwords.write(importRow, added)
		}
		if err != nil {
			return fmt.Errorf(
				"stopped at %s; the lines before it are imported, so remove them before you import the rest: %w",
				importRow.position, err)
		}
		progress.add(1)
	}
	return nil
}

// passwordList prints the generated numbers and passwords of an import.
type passwordList struct {
	out       *csv.Writer
	hasHeader bool
}

func (l *passwordList) write(row importRow, added control.AddedAccount) error {
	if added.Password == "" && row.account.UIN != 0 {
		return nil
	}
	rows := [][]string{{added.UIN.String(), row.account.Settings["nick"], added.Password}}
	if !l.hasHeader {
		rows = append([][]string{{"uin", "nick", "password"}}, rows...)
		l.hasHeader = true
	}
	return l.out.WriteAll(rows) // WriteAll also flushes
}
