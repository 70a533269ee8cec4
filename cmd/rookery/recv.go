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
		Short: "Print the messages that have come",
		Long: `Print the messages that wait for this device, and end; with --follow stay, and
print each as it comes. A message that was printed counts as received: the next
recv of this device does not print it again. Another device gets it too.

--since prints what was said from then on, by both sides, received before or
not. It says: a message's number, those above it; or a time such as
2026-11-23, "2026-11-23 18:00", 18:00 (today) or RFC 3339; or how long ago: 90m,
12h, 3d, 2w. Without --follow it leaves what waits waiting.

It takes a device that no other recv or chat uses, see rookery login. SIGINT,
SIGTERM, and a reader that has gone end --follow in good order, with exit code 0.

With --json each message is a line: type (message, sent: own words from another
device, asks: for friendship, accepted, rejected, added: you are a friend now),
id (its number in your mailbox), from, to, time and text. With --presence there
is type status, with from, status and time.`,
		Example: `  rookery recv
  rookery recv --follow
  rookery recv --follow --json | jq -r 'select(.type == "message") | .text'
  rookery recv --since 1d --from 10002
  rookery recv --since "2026-11-23 18:00" --json >said.jsonl
  rookery recv --since 1234 --follow`,
		Args: takes(),
	}
	var r receiver
	r.clientFlags = actingFlags(cmd)
	cmd.Flags().Lookup("timeout").Usage += "; --follow does not give up"
	flags := cmd.Flags()
	flags.BoolVar(&r.follow, "follow", false, "stay, and print what comes")
	flags.Var(&r.since, "since", "print what was said since `WHEN`: a number, a time, or how long ago")
	flags.Var(&r.from, "from", "print only what this account has said, or was told; the rest counts as received too")
	flags.BoolVar(&r.presence, "presence", false, "print friends' changes of status too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return r.run(cmd) }
	return cmd
}

// receiver is recv with its flags.
type receiver struct {
	*clientFlags
	follow, presence bool
	since            sinceFlag
	from             uinFlag
}

func (r *receiver) run(cmd *cobra.Command) error {
	switch {
	case r.follow:
		return r.stay(cmd)
	case r.since.given:
		return r.clientFlags.run(cmd, func(ctx context.Context, messenger *client.Client, out printer) error {
			_, err := r.printHistory(ctx, messenger, r.events(out, messenger))
			return err
		})
	}
	return r.within(cmd, func(ctx context.Context) error { return r.collect(ctx, cmd) })
}

func (r *receiver) events(out printer, messenger *client.Client) *eventPrinter {
	return &eventPrinter{out: out, client: messenger, from: r.from.uin, presence: r.presence}
}

// collect prints what waits. The SEQ of a batch is kept until it is printed, so
// that a recv which is interrupted prints it again the next time.
func (r *receiver) collect(ctx context.Context, cmd *cobra.Command) error {
	login, err := claimLogin(cmd)
	if err != nil {
		return err
	}
	messenger, err := login.reach(ctx, login.postAddresses(), watched(cmd))
	if err != nil {
		return err
	}
	defer messenger.Close()
	out := r.events(r.printer(cmd), messenger)
	for seq := login.batch(); ; seq = "" {
		if seq == "" {
			seq = rand.Text()
			if err := login.keepBatch(seq); err != nil {
				return err
			}
		}
		events, err := messenger.Collect(ctx, seq)
		if err != nil {
			return login.explain(err)
		}
		for _, event := range events {
			if err := out.print(ctx, event); err != nil {
				return err
			}
		}
		if len(events) == 0 {
			return login.keepBatch("")
		}
	}
}

// stay prints what comes, until a signal, or until nobody reads it any more. It
// waits for the server without end.
func (r *receiver) stay(cmd *cobra.Command) error {
	if err := r.checkTimeout(cmd); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go untilUnread(os.Stdout, stop) // it ends with the process
	login, err := claimLogin(cmd)
	if err != nil {
		return err
	}
	away := false
	messenger, err := login.reach(ctx, login.liveAddresses(), func(why error) { away = true; sayTrying(cmd, why) })
	if err != nil {
		return ended(ctx, err)
	}
	defer messenger.Close()
	if away {
		fmt.Fprintln(cmd.ErrOrStderr(), "rookery: connected")
	}
	out := r.events(r.printer(cmd), messenger)
	var printed numberRange
	if r.since.given {
		if printed, err = r.printHistory(ctx, messenger, out); err != nil {
			return ended(ctx, login.explain(err))
		}
	}
	fresh := func(event client.Event) error {
		if message, ok := event.(client.Message); ok && printed.has(message) {
			return nil
		}
		return out.print(ctx, event)
	}
	if err := login.finishBatch(ctx, messenger, fresh); err != nil {
		return ended(ctx, login.explain(err))
	}
	connected := true
	for event := range messenger.Events(ctx) {
		if state, ok := event.(client.State); ok {
			if state.Connected != connected {
				connected = state.Connected
				sayState(cmd, state)
			}
			continue
		}
		if err := fresh(event); err != nil {
			return ended(ctx, err)
		}
	}
	return ended(ctx, login.explain(messenger.State().Err))
}

// ended is the error of who was not told to end.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// sayState tells whoever watches why nothing comes.
func sayState(cmd *cobra.Command, state client.State) {
	text := "connected again"
	var answered *client.Error
	var away *client.UnreachableError
	switch {
	case errors.As(state.Err, &away):
		text = "disconnected, trying again: cannot reach " + oneLine(unreached(away))
	case errors.As(state.Err, &answered):
		text = "disconnected, trying again: " + describe(state.Err)
	case !state.Connected:
		text = "disconnected, trying again: " + oneLine(plainly(state.Err))
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "rookery: "+text)
}

// historyPage is how many messages are asked for at once.
const historyPage = 200

// printHistory prints what --since asks for, oldest first.
func (r *receiver) printHistory(ctx context.Context, messenger *client.Client, out *eventPrinter) (numberRange, error) {
	var pages [][]client.Message // the newest first
	query := client.HistoryQuery{With: r.from.uin, Limit: historyPage}
	for {
		page, err := messenger.History(ctx, query)
		if err != nil {
			return numberRange{}, err
		}
		wanted := r.since.of(page.Messages)
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

// numberRange is from which number to which messages were printed from the history.
type numberRange struct{ first, last uint64 }

func (s *numberRange) add(number uint64) {
	if s.first == 0 {
		s.first = number
	}
	s.last = number
}

// has reports whether a message was printed: the history holds words, and
// nothing else.
func (s numberRange) has(message client.Message) bool {
	return (message.Kind == client.KindMessage || message.IsOutgoing()) && message.Number != 0 && s.first <= message.Number && message.Number <= s.last
}

// batch is the SEQ of a batch that was asked for and perhaps not printed, empty
// if there is none.
func (l login) batch() string {
	text, err := os.ReadFile(l.file() + ".batch")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// finishBatch prints the batch that an interrupted recv did not: what was handed
// out in a batch is not pushed.
func (l login) finishBatch(ctx context.Context, messenger *client.Client, print func(client.Event) error) error {
	seq := l.batch()
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
	return l.keepBatch("")
}

// keepBatch keeps the SEQ of a batch until it is printed; an empty one forgets
// it.
func (l login) keepBatch(seq string) error {
	file := l.file() + ".batch"
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
