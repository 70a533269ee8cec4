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
		Long: `Send a notice of the operator: a message from account 10000 to all accounts, or
to those named with --to. Whoever is not there gets it later, as with any
message.

A notice to all goes out in steps. If it breaks off, the error names the last
account that got it, and --after goes on from there.`,
		Example: `  rookery notice "The server restarts at noon."
  rookery notice "Your new password is on your desk." --to 10001 --to 10002`,
		Args: takes("TEXT"),
	}
	data := dataFlag(cmd.Flags())
	var to uinList
	var after uinFlag
	cmd.Flags().Var(&to, "to", "an account that gets it; may be given more than once")
	cmd.Flags().Var(&after, "after", "only accounts with higher numbers than this")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if to != nil && after.uin != 0 {
			return usageErrorf(cmd, "--to and --after exclude each other")
		}
		if err := rookery.CheckText(args[0]); err != nil {
			return usageErrorf(cmd, "%v", err)
		}
		return operate(cmd.Context(), *data, func(operator *control.Operator) error {
			if to == nil {
				return notifyAll(cmd, operator, args[0], max(after.uin, rookery.System))
			}
			if err := operator.Notify(cmd.Context(), args[0], to); err != nil {
				return fmt.Errorf("nothing was sent: %w", err)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Sent to %s.\n", accounts(len(to)))
			return err
		})
	}
	return cmd
}

// uinList is a flag for several account numbers, each once.
type uinList []rookery.UIN

func (l *uinList) Set(text string) error {
	var f uinFlag
	if err := f.Set(text); err != nil {
		return err
	}
	for _, uin := range *l {
		if uin == f.uin {
			return nil
		}
	}
	*l = append(*l, f.uin)
	return nil
}

func (l *uinList) String() string { return "" }
func (l *uinList) Type() string   { return "UIN" }

// noticePage is how many accounts get a notice in one step.
const noticePage = 500

// notifyAll sends a notice to all accounts with numbers above after.
func notifyAll(cmd *cobra.Command, operator *control.Operator, text string, after rookery.UIN) error {
	progress := newProgress(cmd.ErrOrStderr(), "notified", 0)
	defer progress.finish()
	for {
		page, err := notifyPage(cmd.Context(), operator, text, after)
		if err != nil {
			return fmt.Errorf("not all accounts have the notice; go on with --after %d: %w", after, err)
		}
		if len(page) == 0 {
			return nil
		}
		progress.add(len(page))
		after = page[len(page)-1]
	}
}

// notifyPage sends a notice to the next accounts above after, all of them or
// none, and returns them.
func notifyPage(ctx context.Context, operator *control.Operator, text string, after rookery.UIN) ([]rookery.UIN, error) {
	const tries = 5
	for try := 1; ; try++ {
		next, err := operator.Accounts(ctx, after, noticePage)
		if err != nil || len(next) == 0 {
			return nil, err
		}
		page := make([]rookery.UIN, len(next))
		for i, accountInfo := range next {
			page[i] = accountInfo.UIN
		}
		err = operator.Notify(ctx, text, page)
		if err == nil {
			return page, nil
		}
		// One of them may have been removed in between.
		if rookery.CodeOf(err) != rookery.CodeNoAccount || try == tries {
			return nil, err
		}
	}
}
