package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// entry is one message as a conversation holds it. Its text is clean.
type entry struct {
	client.Message
	unread bool
	// How own words of this terminal fare.
	local bool
	fate  sendState
	why   string // it failed, in the user's words

	shown      []string // its rows, for a width
	shownWidth int
}

// sendState is what has become of own words.
type sendState int

const (
	fateSent sendState = iota
	fateWaiting
	fateFailed
)

// conversation is a conversation with one account.
type conversation struct {
	with    client.UIN
	own     bool // with oneself: the server tells of own words as it does of others'
	entries []*entry
	draft   editor

	asked   bool   // the newest page has been asked for
	loading bool   // a page is on its way
	whole   bool   // nothing is older than what is here
	read    uint64 // how far the account has read
	told    uint64 // how far the server was told of by us
	fresh   *entry // the first that was unread when the conversation was opened
	seek    uint64 // pages are loaded until this number is here, then it is shown

	target uint64 // the message that was looked for, by its number
	jump   bool   // the view moves there when it is shown next
	offset int    // rows that the view is above the end
	height int    // rows of the view, as it was shown last
	rows   int    // rows there are, for the width it was shown in
}

func newTalk(with client.UIN) *conversation {
	return &conversation{with: with, draft: editor{lines: true}}
}

// add takes a message over that has just come. It reports false for one that is
// here already.
func (t *conversation) add(message client.Message) bool { return t.place(message, false) }

// insert takes a message of the history over. Own words that have no number stand
// below it, if they were written later.
func (t *conversation) insert(message client.Message) { t.place(message, true) }

func (t *conversation) place(message client.Message, byTime bool) bool {
	message.Text = clean(message.Text)
	e := &entry{Message: message, unread: message.Kind == client.KindMessage && (message.Number == 0 || message.Number > t.read)}
	if message.Number == 0 {
		t.entries = append(t.entries, e)
		return true
	}
	at := len(t.entries)
	for i, old := range slices.Backward(t.entries) {
		if old.Number == message.Number {
			return false
		}
		if old.Number != 0 && old.Number < message.Number {
			break
		}
		if old.Number > message.Number || byTime && old.Number == 0 && old.Time.After(message.Time) {
			at = i
		}
	}
	t.entries = slices.Insert(t.entries, at, e)
	return true
}

// known reports whether a page's own words are here already, those that were sent
// from here among them: the server numbers them, and says so in the history only.
func (t *conversation) known(message client.Message) bool {
	if message.Kind != client.KindSent && !t.own {
		return false
	}
	if message.Number != 0 && slices.ContainsFunc(t.entries, func(e *entry) bool { return e.Number == message.Number }) {
		return true
	}
	for _, entry := range t.entries {
		there := entry.fate == fateSent || t.own && entry.fate == fateWaiting // a push can be there before the answer
		if entry.local && there && entry.Number == 0 && entry.Text == clean(message.Text) && message.Time.Sub(entry.Time).Abs() < skew {
			entry.Number = message.Number
			return true
		}
	}
	return false
}

// skew is how far the server's clock may be from ours.
const skew = 10 * time.Minute

// oldest is the number before which the history goes on, 0 if nothing here has
// a number.
func (t *conversation) oldest() uint64 {
	for _, entry := range t.entries {
		if entry.Number != 0 {
			return entry.Number
		}
	}
	return 0
}

// newest is the highest number of what the other wrote.
func (t *conversation) newest() uint64 {
	for _, entry := range slices.Backward(t.entries) {
		if entry.Number != 0 && entry.Kind == client.KindMessage {
			return entry.Number
		}
	}
	return 0
}

func (t *conversation) unread() int {
	n := 0
	for _, entry := range t.entries {
		if entry.unread {
			n++
		}
	}
	return n
}

// readTo takes over that somebody on this or another device has read up to a
// number.
func (t *conversation) readTo(number uint64) {
	t.read = max(t.read, number)
	for _, entry := range t.entries {
		if entry.Number != 0 && entry.Number <= t.read {
			entry.unread = false
		}
	}
}

// readOutside is readTo for what the server says: it need not be told.
func (t *conversation) readOutside(number uint64) {
	t.readTo(number)
	t.told = max(t.told, number)
}

// waiting counts the own words that the server does not have, failed those
// that it will not get without the user.
func (t *conversation) waiting() (waiting, failed int) {
	for _, entry := range t.entries {
		switch entry.fate {
		case fateWaiting:
			waiting++
		case fateFailed:
			failed++
		}
	}
	return waiting, failed
}

// pageSize is how many messages are loaded at once.
const pageSize = 50

// load asks for the messages before those that are here, or for the newest.
func (a *App) load(talk *conversation) tea.Cmd {
	if !a.device || talk.loading || talk.whole {
		return nil
	}
	query := client.HistoryQuery{With: talk.with, Limit: pageSize}
	if talk.asked {
		query.Before = talk.oldest()
	}
	talk.asked, talk.loading = true, true
	return ask(a, func(ctx context.Context) (client.History, error) { return a.m.History(ctx, query) },
		func(history client.History, err error) tea.Cmd {
			talk.loading = false
			if err != nil {
				talk.seek = 0
				talk.asked = query.Before != 0
				a.complain(err)
				return nil
			}
			return a.loaded(talk, query, history)
		})
}

// loaded takes a page of the history over.
func (a *App) loaded(talk *conversation, query client.HistoryQuery, history client.History) tea.Cmd {
	if query.Before == 0 {
		talk.readOutside(history.Read)
	}
	for _, message := range history.Messages {
		if !talk.known(message) {
			talk.insert(message)
		}
	}
	talk.whole = history.Last
	if talk.seek == 0 {
		return a.seen()
	}
	if talk.whole || talk.oldest() <= talk.seek {
		talk.target, talk.jump = talk.seek, true
		talk.seek = 0
		return nil
	}
	return a.load(talk)
}

// reading reports whether the user has a conversation before the eyes.
func (a *App) reading(talk *conversation) bool {
	return a.page == page(talk) && !a.blurred && a.layout().main
}

// seen notes what the user has before the eyes.
func (a *App) seen() tea.Cmd {
	talk, open := a.page.(*conversation)
	if !open || !a.reading(talk) {
		return nil
	}
	number := talk.newest()
	for _, entry := range talk.entries {
		entry.unread = false
	}
	talk.readTo(number)
	if !a.device || number <= talk.told {
		return nil
	}
	talk.told = number
	return ask(a, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, a.m.MarkRead(ctx, talk.with, number)
	}, func(_ struct{}, err error) tea.Cmd {
		if err != nil && talk.told == number {
			talk.told = 0 // it is said again with the next message
		}
		return nil
	})
}
