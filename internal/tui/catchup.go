package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// The server does not push two things: messages that another program sent with this
// device's token, and answers to friend requests given on another device. App asks for
// them at this interval.
const (
	catchUpInterval = time.Minute
	catchUpMessages = 20
)

// catchUpTick arrives every catchUpInterval.
type catchUpTick struct{}

func (catchUpTick) apply(app *App) tea.Cmd { return tea.Batch(app.catchUp(), app.scheduleCatchUp()) }

// scheduleCatchUp schedules the next catchUpTick.
func (a *App) scheduleCatchUp() tea.Cmd {
	if !a.hasDevice {
		return nil
	}
	return tea.Tick(catchUpInterval, func(time.Time) tea.Msg { return catchUpTick{} })
}

// catchUp requests recent messages and pending friend requests. Errors are not shown,
// because the next tick tries again.
func (a *App) catchUp() tea.Cmd {
	if !a.hasDevice || !a.connection.Connected {
		return nil
	}
	query := client.HistoryQuery{Limit: catchUpMessages}
	cmds := []tea.Cmd{a.requestHistory(query, func(history client.History, err error) tea.Cmd {
		if err != nil {
			return nil
		}
		return a.addMissingOwnMessages(history.Messages)
	})}
	if len(a.friendRequests) > 0 {
		cmds = append(cmds, runTask(a, a.messenger.FriendRequests,
			func(requests []client.FriendRequest, err error) tea.Cmd {
				if err != nil {
					return nil
				}
				return a.updateRequests(requests, nil)
			}))
	}
	return tea.Batch(cmds...)
}

// fetchReadMarks asks how far other devices have read the unread conversations.
func (a *App) fetchReadMarks() tea.Cmd {
	if !a.hasDevice {
		return nil
	}
	var cmds []tea.Cmd
	for _, conv := range a.conversations {
		if conv.unreadCount() == 0 {
			continue
		}
		query := client.HistoryQuery{Peer: conv.peer, Limit: 1}
		cmds = append(cmds,
			a.requestHistory(query, func(history client.History, err error) tea.Cmd {
				if err == nil {
					conv.applyServerReadMark(history.ReadUpTo)
				}
				return nil
			}))
	}
	return tea.Batch(cmds...)
}

// addMissingOwnMessages adds the user's own messages that are not shown yet. It skips a
// conversation with unsent messages, because a message could be one of those.
func (a *App) addMissingOwnMessages(messages []client.Message) tea.Cmd {
	var missing []client.Message
	var cmds []tea.Cmd
	for _, message := range messages {
		conv := a.conversationWith(message.Peer)
		waiting, _ := conv.unsentCounts()
		switch {
		case message.Kind != client.KindSent || waiting > 0 || conv.isLoading:
		case !conv.historyRequested:
			cmds = append(cmds, a.loadHistory(conv), a.loadNick(message.Peer))
		case !conv.mergeOwnMessage(message):
			missing = append(missing, message)
		}
	}
	for _, message := range missing { // after mergeOwnMessage has numbered the known ones
		conv := a.conversationWith(message.Peer)
		before := conv.scrolledRowCount(a)
		conv.addFromHistory(message)
		if conv.scrollOffset > 0 {
			conv.scrollOffset += conv.scrolledRowCount(a) - before // keeps the visible rows in place
		}
	}
	return tea.Batch(cmds...)
}
