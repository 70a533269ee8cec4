package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/client"
)

func sendCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "send UIN[,UIN...] [TEXT...]",
		Short: "Send a message",
		Long: `Send a message to one or more accounts. The text is the remaining arguments, or
standard input if there are none; otherwise standard input is not read.

If the exit code is 0, the server has stored the message on disk. The receivers
need not be online.

A text over 4000 bytes is split at line ends and sent as several messages, in
order. If one receiver cannot be reached, the others still get the message;
standard error and the exit code report the failure, see rookery help exit-codes.
A successful send prints nothing.

With --json each receiver is a line: to, messages (the number sent), and error
if not all were sent.`,
		Example: `  rookery send 10002 "backup done"
  rookery send 10002,10003 lunch in five minutes
  rookery send --to 10002 --to 10003 "the same, the other way"
  df -h | rookery send 10002
  crontab -l | tail -n 1    # 0 4 * * * backup && rookery send 10002 "backup done"`,
		ValidArgsFunction: completeReceivers,
	}
	flags := addClientFlags(cmd)
	var receivers uinList
	cmd.Flags().Var(&receivers, "to", "a receiver; may be repeated, and then all arguments are text")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(receivers) == 0 {
			if len(args) == 0 {
				return usageErrorf(cmd, "UIN is missing: who gets it")
			}
			for text := range strings.SplitSeq(args[0], ",") {
				if err := receivers.Set(text); err != nil {
					return usageErrorf(cmd, "%q: %v", text, err)
				}
			}
			args = args[1:]
		}
		text, err := readMessage(cmd, args)
		if err != nil {
			return err
		}
		return flags.run(cmd, func(ctx context.Context, messenger *client.Client, out printer) error {
			warnOfUnreadInput(cmd, args)
			return flags.forEachAccount(cmd, receivers,
				func(uin rookery.UIN) error { return sendParts(ctx, messenger, out, uin, text) })
		})
	}
	return cmd
}

// readMessage returns the text to send, split into messages. The text is that of the arguments, or without arguments
// that of standard input.
func readMessage(cmd *cobra.Command, args []string) ([]string, error) {
	text := strings.Join(args, " ")
	if len(args) == 0 {
		if isatty.IsTerminal(os.Stdin.Fd()) {
			fmt.Fprintln(cmd.ErrOrStderr(), "Type the message, and end it with Ctrl-D.")
		}
		in, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxInputBytes+1))
		if err != nil {
			return nil, fmt.Errorf("cannot read the message: %w", err)
		}
		text = string(in)
	}
	switch {
	case len(text) > maxInputBytes:
		return nil, usageErrorf(cmd, "the text is longer than %d bytes; a file is better sent as a file", maxInputBytes)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return nil, usageErrorf(cmd, "the text is not valid UTF-8")
	}
	parts := splitText(text, rookery.MaxText)
	if len(parts) == 0 {
		return nil, usageErrorf(cmd, "there is no text to send")
	}
	return parts, nil
}

// warnOfUnreadInput warns if a text was piped in while the only text argument looks like a second receiver. Other
// unread input causes no warning, because it may belong to a loop around the command or to cron.
func warnOfUnreadInput(cmd *cobra.Command, args []string) {
	if len(args) != 1 || !hasPipedInput(os.Stdin) {
		return
	}
	if uin, ok := rookery.ParseUIN(args[0]); ok {
		fmt.Fprintf(cmd.ErrOrStderr(),
			"rookery: the text is %q, and standard input was not read; several receivers are written UIN,%d\n", args[0],
			uin)
	}
}

// maxInputBytes bounds the text of one command: some 250 messages.
const maxInputBytes = 1 << 20

// splitText splits a text into messages of at most maxBytes: at the end of a line, else at a space, else between
// characters. It drops blank messages, which the server would refuse.
func splitText(text string, maxBytes int) []string {
	var parts []string
	for text = strings.TrimRight(text, " \t\r\n"); text != ""; {
		part := text
		if len(text) > maxBytes {
			part = text[:findCut(text, maxBytes)]
		}
		text = text[len(part):]
		if part = strings.TrimRight(part, " \t\r\n"); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// findCut returns where to split a text that is longer than maxBytes.
func findCut(text string, maxBytes int) int {
	for _, after := range []string{"\n", " "} {
		if i := strings.LastIndex(text[:maxBytes], after); i > 0 {
			return i + 1
		}
	}
	for maxBytes > 1 && !utf8.RuneStart(text[maxBytes]) {
		maxBytes--
	}
	return maxBytes
}

// sendResult is the outcome for one receiver.
type sendResult struct {
	To       rookery.UIN `json:"to"`
	Messages int         `json:"messages"`
	Error    string      `json:"error,omitempty"`
}

// sendParts sends the parts of a text to one account in order, and stops at the first failure.
func sendParts(ctx context.Context, messenger *client.Client, out printer, to rookery.UIN, parts []string) error {
	report := sendResult{To: to}
	var failed error
	for _, part := range parts {
		if failed = messenger.Send(ctx, to, part); failed != nil {
			report.Error = failed.Error()
			break
		}
		report.Messages++
	}
	if out.asJSON {
		if err := out.printJSON(report); err != nil {
			return err
		}
	}
	if failed != nil && report.Messages > 0 {
		return fmt.Errorf("%d of %d messages were sent: %w", report.Messages, len(parts), failed)
	}
	return failed
}
