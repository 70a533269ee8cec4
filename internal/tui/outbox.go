package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// Own words are sent in the background, those to one receiver one after the
// other, so that they arrive in their order.

// send queues a text for the other side of a conversation.
func (a *App) send(talk *conversation, text string) tea.Cmd {
	e := &entry{
		Message: client.Message{Kind: client.KindSent, Peer: talk.with, Text: text, Time: a.now()},
		local:   true, fate: fateWaiting,
	}
	talk.entries = append(talk.entries, e)
	return a.dispatch(talk)
}

// dispatch sends the first text that waits, unless one is on its way.
func (a *App) dispatch(talk *conversation) tea.Cmd {
	i := slices.IndexFunc(talk.entries, func(e *entry) bool { return e.fate == fateWaiting })
	if i < 0 || a.sending[talk.with] {
		return nil
	}
	e := talk.entries[i]
	a.sending[talk.with] = true
	return func() tea.Msg {
		err := a.m.Send(a.ctx, talk.with, e.Text)
		return resultFunc(func(app *App) tea.Cmd {
			app.sending[talk.with] = false
			e.fate = fateSent
			if err != nil {
				e.fate, e.why = fateFailed, app.why(err)
			}
			e.shown = nil
			return app.dispatch(talk)
		})
	}
}

// retry queues what failed in a conversation once more, below what was sent
// since: that is the order in which it arrives.
func (a *App) retry(talk *conversation) tea.Cmd {
	var failed, rest []*entry
	for _, entry := range talk.entries {
		if entry.fate == fateFailed {
			entry.fate, entry.why, entry.shown, entry.Time = fateWaiting, "", nil, a.now()
			failed = append(failed, entry)
		} else {
			rest = append(rest, entry)
		}
	}
	talk.entries = append(rest, failed...)
	return a.dispatch(talk)
}

// discard drops what failed in a conversation, after a question.
func (a *App) discard(talk *conversation) tea.Cmd {
	_, failed := talk.waiting()
	if failed == 0 {
		return nil
	}
	name := a.people.of(talk.with).name()
	a.confirm(a.lang.say(wAskDiscard, failed, name), a.lang.say(wDoDiscard, name), func() tea.Cmd {
		talk.entries = slices.DeleteFunc(talk.entries, func(e *entry) bool { return e.fate == fateFailed })
		return nil
	})
	return nil
}

// unsent counts the own words of all conversations that are not with the
// server.
func (a *App) unsent() (waiting, failed int) {
	for _, talk := range a.talks {
		w, f := talk.waiting()
		waiting += w
		failed += f
	}
	return waiting, failed
}
