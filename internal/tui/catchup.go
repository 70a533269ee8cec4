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
	catchUpInterval = time.Minute
	catchUpMessages = 20
)

// minutePassed comes every catchUpEvery.
type catchUpTick struct{}

func (catchUpTick) apply(app *App) tea.Cmd { return tea.Batch(app.catchUp(), app.scheduleCatchUp()) }

// scheduleCatchUp keeps catching up.
func (a *App) scheduleCatchUp() tea.Cmd {
	if !a.hasDevice {
		return nil
	}
	return tea.Tick(catchUpInterval, func(time.Time) tea.Msg { return catchUpTick{} })
}

// catchUp asks for both. If it fails nobody needs to know: it comes again.
func (a *App) catchUp() tea.Cmd {
	if !a.hasDevice || !a.connection.Connected {
		return nil
	}
	query := client.HistoryQuery{Limit: catchUpMessages}
	cmds := []tea.Cmd{runTask(a, func(ctx context.Context) (client.History, error) { return a.messenger.History(ctx, query) },
		func(history client.History, err error) tea.Cmd {
			if err != nil {
				return nil
			}
			return a.addMissingOwnMessages(history.Messages)
		})}
	if len(a.friendRequests) > 0 {
		cmds = append(cmds, runTask(a, a.messenger.FriendRequests, func(all []client.FriendRequest, err error) tea.Cmd {
			if err != nil {
				return nil
			}
			return a.updateRequests(all, nil)
		}))
	}
	return tea.Batch(cmds...)
}

// fetchReadMarks asks how far other devices have read what is unread here.
func (a *App) fetchReadMarks() tea.Cmd {
	if !a.hasDevice {
		return nil
	}
	var cmds []tea.Cmd
	for _, talk := range a.conversations {
		if talk.unreadCount() == 0 {
			continue
		}
		query := client.HistoryQuery{With: talk.peer, Limit: 1}
		cmds = append(cmds, runTask(a, func(ctx context.Context) (client.History, error) { return a.messenger.History(ctx, query) },
			func(history client.History, err error) tea.Cmd {
				if err == nil {
					talk.applyServerReadMark(history.ReadUpTo)
				}
				return nil
			}))
	}
	return tea.Batch(cmds...)
}

// addMissingOwnMessages takes over the own words among the newest messages that are not here.
// Where some are on their way, it cannot be told which of them are these.
func (a *App) addMissingOwnMessages(messages []client.Message) tea.Cmd {
	var missing []client.Message
	var cmds []tea.Cmd
	for _, message := range messages {
		talk := a.conversationWith(message.Peer)
		waiting, _ := talk.unsentCounts()
		switch {
		case message.Kind != client.KindSent || waiting > 0 || talk.isLoading:
		case !talk.historyRequested:
			cmds = append(cmds, a.loadHistory(talk), a.loadNick(message.Peer))
		case !talk.mergeOwnMessage(message):
			missing = append(missing, message)
		}
	}
	for _, message := range missing { // now that those which are here have their numbers
		talk := a.conversationWith(message.Peer)
		before := talk.scrolledRowCount(a)
		talk.addFromHistory(message)
		if talk.scrollOffset > 0 {
			talk.scrollOffset += talk.scrolledRowCount(a) - before // what is being read stays where it is
		}
	}
	return tea.Batch(cmds...)
}
