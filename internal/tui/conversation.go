package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// entry is one message as a conversation holds it. Its text is clean.
type messageEntry struct {
	client.Message
	isUnread bool
	// How own words of this terminal fare.
	sentHere  bool
	sendState sendState
	sendError string // it failed, in the user's words

	wrappedRows  []string // its rows, for a width
	wrappedWidth int
}

// sendState is what has become of own words.
type sendState int

const (
	sendSucceeded sendState = iota
	sendPending
	sendFailed
)

// conversation is a conversation with one account.
type conversation struct {
	peer     client.UIN
	withSelf bool // with oneself: the server tells of own words as it does of others'
	entries  []*messageEntry
	draft    editor

	historyRequested bool          // the newest page has been asked for
	isLoading        bool          // a page is on its way
	isComplete       bool          // nothing is older than what is here
	readUpTo         uint64        // how far the account has read
	reportedUpTo     uint64        // how far the server was told of by us
	firstUnread      *messageEntry // the first that was unread when the conversation was opened
	seekNumber       uint64        // pages are loaded until this number is here, then it is shown

	targetNumber   uint64 // the message that was looked for, by its number
	scrollToTarget bool   // the view moves there when it is shown next
	scrollOffset   int    // rows that the view is above the end
	viewHeight     int    // rows of the view, as it was shown last
	rowCount       int    // rows there are, for the width it was shown in
}

func newConversation(with client.UIN) *conversation {
	return &conversation{peer: with, draft: editor{multiline: true}}
}

// addReceived takes a message over that has just come. It reports false for one that is
// here already.
func (t *conversation) addReceived(message client.Message) bool {
	return t.insertMessage(message, false)
}

// addFromHistory takes a message of the history over. Own words that have no number stand
// below it, if they were written later.
func (t *conversation) addFromHistory(message client.Message) { t.insertMessage(message, true) }

func (t *conversation) insertMessage(message client.Message, byTime bool) bool {
	message.Text = sanitize(message.Text)
	e := &messageEntry{Message: message, isUnread: message.Kind == client.KindMessage && (message.Number == 0 || message.Number > t.readUpTo)}
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

// mergeOwnMessage reports whether a page's own words are here already, those that were sent
// from here among them: the server numbers them, and says so in the history only.
func (t *conversation) mergeOwnMessage(message client.Message) bool {
	if message.Kind != client.KindSent && !t.withSelf {
		return false
	}
	if message.Number != 0 && slices.ContainsFunc(t.entries, func(e *messageEntry) bool { return e.Number == message.Number }) {
		return true
	}
	for _, entry := range t.entries {
		there := entry.sendState == sendSucceeded || t.withSelf && entry.sendState == sendPending // a push can be there before the answer
		if entry.sentHere && there && entry.Number == 0 && entry.Text == sanitize(message.Text) && message.Time.Sub(entry.Time).Abs() < maxClockSkew {
			entry.Number = message.Number
			return true
		}
	}
	return false
}

// skew is how far the server's clock may be from ours.
const maxClockSkew = 10 * time.Minute

// oldestNumber is the number before which the history goes on, 0 if nothing here has
// a number.
func (t *conversation) oldestNumber() uint64 {
	for _, entry := range t.entries {
		if entry.Number != 0 {
			return entry.Number
		}
	}
	return 0
}

// newestReceivedNumber is the highest number of what the other wrote.
func (t *conversation) newestReceivedNumber() uint64 {
	for _, entry := range slices.Backward(t.entries) {
		if entry.Number != 0 && entry.Kind == client.KindMessage {
			return entry.Number
		}
	}
	return 0
}

func (t *conversation) unreadCount() int {
	n := 0
	for _, entry := range t.entries {
		if entry.isUnread {
			n++
		}
	}
	return n
}

// markReadUpTo takes over that somebody on this or another device has read up to a
// number.
func (t *conversation) markReadUpTo(number uint64) {
	t.readUpTo = max(t.readUpTo, number)
	for _, entry := range t.entries {
		if entry.Number != 0 && entry.Number <= t.readUpTo {
			entry.isUnread = false
		}
	}
}

// applyServerReadMark is readTo for what the server says: it need not be told.
func (t *conversation) applyServerReadMark(number uint64) {
	t.markReadUpTo(number)
	t.reportedUpTo = max(t.reportedUpTo, number)
}

// unsentCounts counts the own words that the server does not have, failed those
// that it will not get without the user.
func (t *conversation) unsentCounts() (waiting, failed int) {
	for _, entry := range t.entries {
		switch entry.sendState {
		case sendPending:
			waiting++
		case sendFailed:
			failed++
		}
	}
	return waiting, failed
}

// pageSize is how many messages are loaded at once.
const historyPageSize = 50

// loadHistory asks for the messages before those that are here, or for the newest.
func (a *App) loadHistory(talk *conversation) tea.Cmd {
	if !a.hasDevice || talk.isLoading || talk.isComplete {
		return nil
	}
	query := client.HistoryQuery{With: talk.peer, Limit: historyPageSize}
	if talk.historyRequested {
		query.Before = talk.oldestNumber()
	}
	talk.historyRequested, talk.isLoading = true, true
	return runTask(a, func(ctx context.Context) (client.History, error) { return a.messenger.History(ctx, query) },
		func(history client.History, err error) tea.Cmd {
			talk.isLoading = false
			if err != nil {
				talk.seekNumber = 0
				talk.historyRequested = query.Before != 0
				a.showError(err)
				return nil
			}
			return a.addHistoryPage(talk, query, history)
		})
}

// addHistoryPage takes a page of the history over.
func (a *App) addHistoryPage(talk *conversation, query client.HistoryQuery, history client.History) tea.Cmd {
	if query.Before == 0 {
		talk.applyServerReadMark(history.ReadUpTo)
	}
	for _, message := range history.Messages {
		if !talk.mergeOwnMessage(message) {
			talk.addFromHistory(message)
		}
	}
	talk.isComplete = history.IsLastPage
	if talk.seekNumber == 0 {
		return a.markVisibleRead()
	}
	if talk.isComplete || talk.oldestNumber() <= talk.seekNumber {
		talk.targetNumber, talk.scrollToTarget = talk.seekNumber, true
		talk.seekNumber = 0
		return nil
	}
	return a.loadHistory(talk)
}

// isReading reports whether the user has a conversation before the eyes.
func (a *App) isReading(talk *conversation) bool {
	return a.page == page(talk) && !a.isBlurred && a.layout().showsPage
}

// markVisibleRead notes what the user has before the eyes.
func (a *App) markVisibleRead() tea.Cmd {
	talk, open := a.page.(*conversation)
	if !open || !a.isReading(talk) {
		return nil
	}
	number := talk.newestReceivedNumber()
	for _, entry := range talk.entries {
		entry.isUnread = false
	}
	talk.markReadUpTo(number)
	if !a.hasDevice || number <= talk.reportedUpTo {
		return nil
	}
	talk.reportedUpTo = number
	return runTask(a, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, a.messenger.MarkRead(ctx, talk.peer, number)
	}, func(_ struct{}, err error) tea.Cmd {
		if err != nil && talk.reportedUpTo == number {
			talk.reportedUpTo = 0 // it is said again with the next message
		}
		return nil
	})
}
