package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// Own words are sent in the background, those to one receiver one after the
// other, so that they arrive in their order.

// queueMessage queues a text for the other side of a conversation.
func (a *App) queueMessage(talk *conversation, text string) tea.Cmd {
	e := &messageEntry{
		Message:  client.Message{Kind: client.KindSent, Peer: talk.peer, Text: text, Time: a.now()},
		sentHere: true, sendState: sendPending,
	}
	talk.entries = append(talk.entries, e)
	return a.sendNext(talk)
}

// sendNext sends the first text that waits, unless one is on its way.
func (a *App) sendNext(talk *conversation) tea.Cmd {
	i := slices.IndexFunc(talk.entries, func(e *messageEntry) bool { return e.sendState == sendPending })
	if i < 0 || a.isSendingTo[talk.peer] {
		return nil
	}
	e := talk.entries[i]
	a.isSendingTo[talk.peer] = true
	return func() tea.Msg {
		err := a.messenger.Send(a.ctx, talk.peer, e.Text)
		return resultFunc(func(app *App) tea.Cmd {
			app.isSendingTo[talk.peer] = false
			e.sendState = sendSucceeded
			if err != nil {
				e.sendState, e.sendError = sendFailed, app.explainError(err)
			}
			e.wrappedRows = nil
			return app.sendNext(talk)
		})
	}
}

// retryFailed queues what failed in a conversation once more, below what was sent
// since: that is the order in which it arrives.
func (a *App) retryFailed(talk *conversation) tea.Cmd {
	var failed, rest []*messageEntry
	for _, entry := range talk.entries {
		if entry.sendState == sendFailed {
			entry.sendState, entry.sendError, entry.wrappedRows, entry.Time = sendPending, "", nil, a.now()
			failed = append(failed, entry)
		} else {
			rest = append(rest, entry)
		}
	}
	talk.entries = append(rest, failed...)
	return a.sendNext(talk)
}

// discardFailed drops what failed in a conversation, after a question.
func (a *App) discardFailed(talk *conversation) tea.Cmd {
	_, failed := talk.unsentCounts()
	if failed == 0 {
		return nil
	}
	name := a.contacts.getOrAdd(talk.peer).displayName()
	a.askConfirmation(a.language.translate(textAskDiscard, failed, name), a.language.translate(textDoDiscard, name), func() tea.Cmd {
		talk.entries = slices.DeleteFunc(talk.entries, func(e *messageEntry) bool { return e.sendState == sendFailed })
		return nil
	})
	return nil
}

// unsentTotals counts the own words of all conversations that are not with the
// server.
func (a *App) unsentTotals() (waiting, failed int) {
	for _, talk := range a.conversations {
		w, f := talk.unsentCounts()
		waiting += w
		failed += f
	}
	return waiting, failed
}
