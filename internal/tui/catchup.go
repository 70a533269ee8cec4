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

func (minutePassed) apply(app *App) tea.Cmd { return tea.Batch(app.catchUp(), app.everyMinute()) }

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
		func(history client.History, err error) tea.Cmd {
			if err != nil {
				return nil
			}
			return a.caughtUp(history.Messages)
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
	for _, talk := range a.talks {
		if talk.unread() == 0 {
			continue
		}
		query := client.HistoryQuery{With: talk.with, Limit: 1}
		cmds = append(cmds, ask(a, func(ctx context.Context) (client.History, error) { return a.m.History(ctx, query) },
			func(history client.History, err error) tea.Cmd {
				if err == nil {
					talk.readOutside(history.Read)
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
	for _, message := range messages {
		talk := a.talk(message.Peer)
		waiting, _ := talk.waiting()
		switch {
		case message.Kind != client.KindSent || waiting > 0 || talk.loading:
		case !talk.asked:
			cmds = append(cmds, a.load(talk), a.who(message.Peer))
		case !talk.known(message):
			missing = append(missing, message)
		}
	}
	for _, message := range missing { // now that those which are here have their numbers
		talk := a.talk(message.Peer)
		before := talk.length(a)
		talk.insert(message)
		if talk.offset > 0 {
			talk.offset += talk.length(a) - before // what is being read stays where it is
		}
	}
	return tea.Batch(cmds...)
}
