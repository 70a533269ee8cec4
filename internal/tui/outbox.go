package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// Own words are sent in the background, those to one receiver one after the
// other, so that they arrive in their order.

// send queues a text for the other side of a conversation.
func (a *App) send(t *conversation, text string) tea.Cmd {
	e := &entry{
		Message: client.Message{Kind: client.KindSent, Peer: t.with, Text: text, Time: a.now()},
		local:   true, fate: fateWaiting,
	}
	t.entries = append(t.entries, e)
	return a.dispatch(t)
}

// dispatch sends the first text that waits, unless one is on its way.
func (a *App) dispatch(t *conversation) tea.Cmd {
	i := slices.IndexFunc(t.entries, func(e *entry) bool { return e.fate == fateWaiting })
	if i < 0 || a.sending[t.with] {
		return nil
	}
	e := t.entries[i]
	a.sending[t.with] = true
	return func() tea.Msg {
		err := a.m.Send(a.ctx, t.with, e.Text)
		return resultFunc(func(a *App) tea.Cmd {
			a.sending[t.with] = false
			e.fate = fateSent
			if err != nil {
				e.fate, e.why = fateFailed, a.why(err)
			}
			e.shown = nil
			return a.dispatch(t)
		})
	}
}

// retry queues what failed in a conversation once more, below what was sent
// since: that is the order in which it arrives.
func (a *App) retry(t *conversation) tea.Cmd {
	var failed, rest []*entry
	for _, e := range t.entries {
		if e.fate == fateFailed {
			e.fate, e.why, e.shown, e.Time = fateWaiting, "", nil, a.now()
			failed = append(failed, e)
		} else {
			rest = append(rest, e)
		}
	}
	t.entries = append(rest, failed...)
	return a.dispatch(t)
}

// discard drops what failed in a conversation, after a question.
func (a *App) discard(t *conversation) tea.Cmd {
	_, failed := t.waiting()
	if failed == 0 {
		return nil
	}
	name := a.people.of(t.with).name()
	a.confirm(a.lang.say(wAskDiscard, failed, name), a.lang.say(wDoDiscard, name), func() tea.Cmd {
		t.entries = slices.DeleteFunc(t.entries, func(e *entry) bool { return e.fate == fateFailed })
		return nil
	})
	return nil
}

// unsent counts the own words of all conversations that are not with the
// server.
func (a *App) unsent() (waiting, failed int) {
	for _, t := range a.talks {
		w, f := t.waiting()
		waiting += w
		failed += f
	}
	return waiting, failed
}
