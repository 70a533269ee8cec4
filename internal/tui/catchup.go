package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// Some things the server tells nobody: what another program has said with the
// login of this device, and that a request was answered on another device. They
// are asked for now and then.

const (
	catchUpEvery    = time.Minute
	catchUpMessages = 20
)

// minutePassed comes every catchUpEvery.
type minutePassed struct{}

func (minutePassed) apply(a *App) tea.Cmd { return tea.Batch(a.catchUp(), a.everyMinute()) }

// everyMinute keeps catching up.
func (a *App) everyMinute() tea.Cmd {
	if !a.device {
		return nil
	}
	return tea.Tick(catchUpEvery, func(time.Time) tea.Msg { return minutePassed{} })
}

// catchUp asks for both. If it fails nobody needs to know: it comes again.
func (a *App) catchUp() tea.Cmd {
	if !a.device || !a.link.Connected {
		return nil
	}
	query := client.HistoryQuery{Limit: catchUpMessages}
	cmds := []tea.Cmd{ask(a, func(ctx context.Context) (client.History, error) { return a.m.History(ctx, query) },
		func(h client.History, err error) tea.Cmd {
			if err != nil {
				return nil
			}
			return a.caughtUp(h.Messages)
		})}
	if len(a.requests) > 0 {
		cmds = append(cmds, ask(a, a.m.Requests, func(all []client.Request, err error) tea.Cmd {
			if err != nil {
				return nil
			}
			return a.asked(all, nil)
		}))
	}
	return tea.Batch(cmds...)
}

// readElsewhere asks how far other devices have read what is unread here.
func (a *App) readElsewhere() tea.Cmd {
	if !a.device {
		return nil
	}
	var cmds []tea.Cmd
	for _, t := range a.talks {
		if t.unread() == 0 {
			continue
		}
		query := client.HistoryQuery{With: t.with, Limit: 1}
		cmds = append(cmds, ask(a, func(ctx context.Context) (client.History, error) { return a.m.History(ctx, query) },
			func(h client.History, err error) tea.Cmd {
				if err == nil {
					t.readOutside(h.Read)
				}
				return nil
			}))
	}
	return tea.Batch(cmds...)
}

// caughtUp takes over the own words among the newest messages that are not here.
// Where some are on their way, it cannot be told which of them are these.
func (a *App) caughtUp(messages []client.Message) tea.Cmd {
	var missing []client.Message
	var cmds []tea.Cmd
	for _, m := range messages {
		t := a.talk(m.Peer)
		waiting, _ := t.waiting()
		switch {
		case m.Kind != client.KindSent || waiting > 0 || t.loading:
		case !t.asked:
			cmds = append(cmds, a.load(t), a.who(m.Peer))
		case !t.known(m):
			missing = append(missing, m)
		}
	}
	for _, m := range missing { // now that those which are here have their numbers
		t := a.talk(m.Peer)
		before := t.length(a)
		t.insert(m)
		if t.offset > 0 {
			t.offset += t.length(a) - before // what is being read stays where it is
		}
	}
	return tea.Batch(cmds...)
}
