package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
)

func noticeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notice TEXT",
		Short: "Send a notice to all accounts, or to some",
		Long: `Send a notice: a message from account 10000 to all accounts, or to those named
with --to. Accounts that are offline get it later, like any message.

A notice to all accounts is sent in steps. If it fails midway, the error names
the last account that got it, and --after continues from there.`,
		Example: `  rookery notice "The server restarts at noon."
  rookery notice "Your new password is on your desk." --to 10001 --to 10002`,
		Args: exactArgs("TEXT"),
	}
	data := addDataFlag(cmd.Flags())
	var receivers uinList
	var after uinFlag
	cmd.Flags().Var(&receivers, "to", "send only to this account; may be repeated")
	cmd.Flags().Var(&after, "after", "send only to accounts with higher numbers")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if receivers != nil && after.uin != 0 {
			return usageErrorf(cmd, "--to and --after exclude each other")
		}
		if err := rookery.CheckText(args[0]); err != nil {
			return usageErrorf(cmd, "%v", err)
		}
		return withOperator(cmd.Context(), *data, func(operator *control.Operator) error {
			if receivers == nil {
				return sendNoticeToAll(cmd, operator, args[0], max(after.uin, rookery.System))
			}
			if err := operator.SendNotice(cmd.Context(), args[0], receivers); err != nil {
				return fmt.Errorf("nothing was sent: %w", err)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Sent to %s.\n", countAccounts(len(receivers)))
			return err
		})
	}
	return cmd
}

// uinList is a repeatable flag for account numbers. Duplicates are dropped.
type uinList []rookery.UIN

func (l *uinList) Set(text string) error {
	var flag uinFlag
	if err := flag.Set(text); err != nil {
		return err
	}
	for _, uin := range *l {
		if uin == flag.uin {
			return nil
		}
	}
	*l = append(*l, flag.uin)
	return nil
}

func (l *uinList) String() string { return "" }
func (l *uinList) Type() string   { return "UIN" }

// noticePageSize is the number of accounts that get a notice in one step.
const noticePageSize = 500

// sendNoticeToAll sends a notice to all accounts with numbers above after.
func sendNoticeToAll(cmd *cobra.Command, operator *control.Operator, text string, after rookery.UIN) error {
	progress := newAccountProgress(cmd.ErrOrStderr(), "notified", 0)
	defer progress.finish()
	for {
		page, err := sendNoticeToPage(cmd.Context(), operator, text, after)
		if err != nil {
			return fmt.Errorf("not all accounts have the notice; continue with --after %d: %w", after, err)
		}
		if len(page) == 0 {
			return nil
		}
		progress.add(len(page))
		after = page[len(page)-1]
	}
}

// sendNoticeToPage sends a notice to the next accounts above after, to all of them or none, and returns them.
func sendNoticeToPage(ctx context.Context, operator *control.Operator, text string, after rookery.UIN) ([]rookery.UIN,
	error) {
	const tries = 5
	for try := 1; ; try++ {
		next, err := operator.ListAccounts(ctx, after, noticePageSize)
		if err != nil || len(next) == 0 {
			return nil, err
		}
		page := make([]rookery.UIN, len(next))
		for i, accountInfo := range next {
			page[i] = accountInfo.UIN
		}
		err = operator.SendNotice(ctx, text, page)
		if err == nil {
			return page, nil
		}
		// An account may have been removed since it was listed.
		if rookery.CodeOf(err) != rookery.CodeNoAccount || try == tries {
			return nil, err
		}
	}
}
