package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/rookery-im/rookery/client"
)

func recvCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "recv",
		Short: "Print received messages",
		Long: `Print the messages that wait for this device, and end. With --follow, stay and
print each message as it arrives. A printed message counts as received: the next
recv of this device does not print it again. Other devices still get it.

--since prints earlier messages of both sides, received or not. It takes a
message number (messages above it), a time such as 2026-11-23,
"2026-11-23 18:00", 18:00 (today) or RFC 3339, or an age: 90m, 12h, 3d, 2w.
Without --follow, waiting messages then stay unreceived.

recv needs a device that no other recv or chat uses; see rookery login. With
--follow it ends with exit code 0 on SIGINT, SIGTERM, or when the reader of its
output is gone.

With --json each message is a line: type (message, sent: your own from another
device, asks: a friend request, accepted, rejected, added: you are friends now),
id (its number in your mailbox), from, to, time and text. With --presence there
are also lines of type status, with from, status and time.`,
		Example: `  rookery recv
  rookery recv --follow
  rookery recv --follow --json | jq -r 'select(.type == "message") | .text'
  rookery recv --since 1d --from 10002
  rookery recv --since "2026-11-23 18:00" --json >said.jsonl
  rookery recv --since 1234 --follow`,
		Args: exactArgs(),
	}
	var r recvFlags
	r.clientFlags = addClientFlags(cmd)
	cmd.Flags().Lookup("timeout").Usage += "; --follow does not give up"
	flags := cmd.Flags()
	flags.BoolVar(&r.follow, "follow", false, "stay and print messages as they arrive")
	flags.Var(&r.since, "since", "print messages since `WHEN`: a number, a time, or an age")
	flags.Var(&r.onlyPeer, "from", "print only messages from and to this account; the others count as received too")
	flags.BoolVar(&r.withPresence, "presence", false, "print friends' status changes too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return r.run(cmd) }
	return cmd
}

// recvFlags holds the flags of recv.
type recvFlags struct {
	*clientFlags
	follow, withPresence bool
	since                sinceFlag
	onlyPeer             uinFlag
}

func (rf *recvFlags) run(cmd *cobra.Command) error {
	switch {
	case rf.follow:
		return rf.followEvents(cmd)
	case rf.since.isSet:
		return rf.clientFlags.run(cmd, func(ctx context.Context, messenger *client.Client, out printer) error {
			_, err := rf.printHistory(ctx, messenger, rf.newEventPrinter(out, messenger))
			return err
		})
	}
	return rf.withTimeout(cmd, func(ctx context.Context) error { return rf.printBacklog(ctx, cmd) })
}

func (rf *recvFlags) newEventPrinter(out printer, messenger *client.Client) *eventPrinter {
	return &eventPrinter{out: out, client: messenger, onlyPeer: rf.onlyPeer.uin, withPresence: rf.withPresence}
}

// printBacklog prints uncollected messages, batch by batch. It stores the SEQ of the request for a batch until the
// batch is printed. If recv is interrupted, the next recv repeats the request and gets the same batch again.
func (rf *recvFlags) printBacklog(ctx context.Context, cmd *cobra.Command) error {
	login, err := claimLogin(cmd)
	if err != nil {
		return err
	}
	messenger, err := login.resumeWithRetry(ctx, login.httpAddresses(), retryNotice(cmd))
	if err != nil {
		return err
	}
	defer messenger.Close()
	out := rf.newEventPrinter(rf.newPrinter(cmd), messenger)
	for seq := login.unprintedBatch(); ; seq = "" {
		if seq == "" {
			seq = rand.Text()
			if err := login.saveBatch(seq); err != nil {
				return err
			}
		}
		events, err := messenger.Collect(ctx, seq)
		if err != nil {
			return login.addLoginHint(err)
		}
		for _, event := range events {
			if err := out.print(ctx, event); err != nil {
				return err
			}
		}
		if len(events) == 0 {
			return login.saveBatch("")
		}
	}
}

// followEvents prints messages as they arrive, until a signal arrives or the output has lost its reader. It waits for
// an unreachable server without a timeout.
func (rf *recvFlags) followEvents(cmd *cobra.Command) error {
	if err := rf.checkTimeout(cmd); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go callWhenUnread(os.Stdout, stop) // the goroutine ends with the process
	login, err := claimLogin(cmd)
	if err != nil {
		return err
	}
	hasWaited := false
	messenger, err := login.resumeWithRetry(ctx, login.liveAddresses(),
		func(reason error) { hasWaited = true; printRetrying(cmd, reason) })
	if err != nil {
		return unlessCancelled(ctx, err)
	}
	defer messenger.Close()
	if hasWaited {
		fmt.Fprintln(cmd.ErrOrStderr(), "rookery: connected")
	}
	out := rf.newEventPrinter(rf.newPrinter(cmd), messenger)
	var printed numberRange
	if rf.since.isSet {
		if printed, err = rf.printHistory(ctx, messenger, out); err != nil {
			return unlessCancelled(ctx, login.addLoginHint(err))
		}
	}
	printUnlessShown := func(event client.Event) error {
		if message, ok := event.(client.Message); ok && printed.contains(message) {
			return nil
		}
		return out.print(ctx, event)
	}
	if err := login.printUnprintedBatch(ctx, messenger, printUnlessShown); err != nil {
		return unlessCancelled(ctx, login.addLoginHint(err))
	}
	connected := true
	for event := range messenger.Events(ctx) {
		if state, ok := event.(client.State); ok {
			if state.Connected != connected {
				connected = state.Connected
				printConnState(cmd, state)
			}
			continue
		}
		if err := printUnlessShown(event); err != nil {
			return unlessCancelled(ctx, err)
		}
	}
	return unlessCancelled(ctx, login.addLoginHint(messenger.State().Err))
}

// unlessCancelled returns err, or nil if ctx has ended.
func unlessCancelled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// printConnState reports on standard error that the connection was lost or restored.
func printConnState(cmd *cobra.Command, state client.State) {
	text := "connected again"
	var answered *client.Error
	var unreachable *client.UnreachableError
	switch {
	case errors.As(state.Err, &unreachable):
		text = "disconnected, trying again: cannot reach " + oneLine(describeAttempts(unreachable))
	case errors.As(state.Err, &answered):
		text = "disconnected, trying again: " + errorText(state.Err)
	case !state.Connected:
		text = "disconnected, trying again: " + oneLine(describeNetworkError(state.Err))
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "rookery: "+text)
}

// historyPageSize is the number of messages per history request.
const historyPageSize = 200

// printHistory prints the messages that --since selects, oldest first, and returns the range of their numbers. The
// server returns the newest page first, so all pages are fetched before anything is printed.
func (rf *recvFlags) printHistory(ctx context.Context, messenger *client.Client, out *eventPrinter) (numberRange,
	error) {
	var pages [][]client.Message // newest page first
	query := client.HistoryQuery{Peer: rf.onlyPeer.uin, Limit: historyPageSize}
	for {
		page, err := messenger.History(ctx, query)
		if err != nil {
			return numberRange{}, err
		}
		wanted := rf.since.filter(page.Messages)
		pages = append(pages, wanted)
		if page.IsLastPage || len(wanted) < len(page.Messages) || len(wanted) == 0 {
			break
		}
		query.Before = wanted[0].Number
	}
	var printed numberRange
	for i := len(pages) - 1; i >= 0; i-- {
		for _, message := range pages[i] {
			if err := out.print(ctx, message); err != nil {
				return numberRange{}, err
			}
			printed.add(message.Number)
		}
	}
	return printed, nil
}

// numberRange is the range of mailbox numbers that were printed from the history. It is empty if first is 0.
type numberRange struct{ first, last uint64 }

// add extends the range. Numbers must be added in ascending order.
func (s *numberRange) add(number uint64) {
	if s.first == 0 {
		s.first = number
	}
	s.last = number
}

// contains reports whether a message was printed from the history. The history contains only messages between
// accounts, so a notice in the range was not printed.
func (s numberRange) contains(message client.Message) bool {
	return (message.Kind == client.KindMessage || message.IsOutgoing()) && message.Number != 0 &&
		s.first <= message.Number && message.Number <= s.last
}

// unprintedBatch returns the SEQ of a batch that may not have been printed, or the empty string.
func (lg login) unprintedBatch() string {
	text, err := os.ReadFile(lg.basePath() + ".batch")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// printUnprintedBatch prints a batch that an interrupted recv left, because the server does not push those messages.
func (lg login) printUnprintedBatch(ctx context.Context, messenger *client.Client,
	print func(client.Event) error) error {
	seq := lg.unprintedBatch()
	if seq == "" {
		return nil
	}
	events, err := messenger.Collect(ctx, seq)
	if err != nil {
		return err
	}
	for _, event := range events {
		if err := print(event); err != nil {
			return err
		}
	}
	return lg.saveBatch("")
}

// saveBatch stores the SEQ of a batch until it is printed. An empty SEQ deletes it.
func (lg login) saveBatch(seq string) error {
	file := lg.basePath() + ".batch"
	var err error
	if seq == "" {
		err = os.Remove(file)
	} else {
		err = os.WriteFile(file, []byte(seq+"\n"), 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot keep the place in the mailbox: %w", err)
	}
	return nil
}
