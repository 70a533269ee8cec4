package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// queueMessage adds a message to a conversation and sends it in the background.
func (a *App) queueMessage(conv *conversation, text string) tea.Cmd {
	entry := &messageEntry{
		Message:  client.Message{Kind: client.KindSent, Peer: conv.peer, Text: text, Time: a.now()},
		sentHere: true, sendState: sendPending,
	}
	conv.entries = append(conv.entries, entry)
	return a.sendNext(conv)
}

// sendNext sends the first pending message of a conversation, unless one is being sent.
// One at a time, they arrive in order.
func (a *App) sendNext(conv *conversation) tea.Cmd {
	i := slices.IndexFunc(conv.entries, func(entry *messageEntry) bool { return entry.sendState == sendPending })
	if i < 0 || a.isSendingTo[conv.peer] {
		return nil
	}
	entry := conv.entries[i]
	a.isSendingTo[conv.peer] = true
	return func() tea.Msg {
		err := a.messenger.Send(a.ctx, conv.peer, entry.Text)
		return resultFunc(func(app *App) tea.Cmd {
			app.isSendingTo[conv.peer] = false
			entry.sendState = sendSucceeded
			if err != nil {
				entry.sendState, entry.sendError = sendFailed, app.explainError(err)
			}
			entry.wrappedRows = nil
			return app.sendNext(conv)
		})
	}
}

// retryFailed queues the failed messages again, below later ones, which is the order in
// which they will arrive.
func (a *App) retryFailed(conv *conversation) tea.Cmd {
	var failed, others []*messageEntry
	for _, entry := range conv.entries {
		if entry.sendState == sendFailed {
			entry.sendState, entry.sendError, entry.wrappedRows, entry.Time = sendPending, "", nil, a.now()
			failed = append(failed, entry)
		} else {
			others = append(others, entry)
		}
	}
	conv.entries = append(others, failed...)
	return a.sendNext(conv)
}

// discardFailed deletes the failed messages of a conversation after a confirmation.
func (a *App) discardFailed(conv *conversation) tea.Cmd {
	_, failed := conv.unsentCounts()
	if failed == 0 {
		return nil
	}
	name := a.contacts.getOrAdd(conv.peer).displayName()
	a.askConfirmation(a.language.translate(textAskDiscard, failed, name), a.language.translate(textDoDiscard, name),
		func() tea.Cmd {
			conv.entries = slices.DeleteFunc(conv.entries,
				func(entry *messageEntry) bool { return entry.sendState == sendFailed })
			return nil
		})
	return nil
}

// unsentTotals adds up the unsentCounts of all conversations.
func (a *App) unsentTotals() (waiting, failed int) {
	for _, conv := range a.conversations {
		convWaiting, convFailed := conv.unsentCounts()
		waiting += convWaiting
		failed += convFailed
	}
	return waiting, failed
}
