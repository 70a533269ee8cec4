package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// messageEntry is one message of a conversation. Its text is sanitized.
type messageEntry struct {
	client.Message
	isUnread bool
	// The fields of messages that the user wrote in this program.
	sentHere  bool
	sendState sendState
	sendError string // explanation of a failure

	wrappedRows  []string // cache of the rows at wrappedWidth
	wrappedWidth int
}

// sendState is the state of a message that this program sends.
type sendState int

const (
	sendSucceeded sendState = iota
	sendPending
	sendFailed
)

// conversation is the exchange with one account, and the page that shows it.
type conversation struct {
	peer     client.UIN
	withSelf bool // notes to oneself, which the server pushes back as received messages
	entries  []*messageEntry
	draft    editor

	historyRequested bool          // the newest history page was requested
	isLoading        bool          // a history page is being loaded
	isComplete       bool          // there is no older history
	readUpTo         uint64        // the account has read up to this number
	reportedUpTo     uint64        // the server knows the read mark up to this number
	firstUnread      *messageEntry // first unread entry at opening, marked by a divider
	seekNumber       uint64        // load history back to this number, then scroll to it

	targetNumber   uint64 // number of the highlighted search result
	scrollToTarget bool   // the next view scrolls to targetNumber
	scrollOffset   int    // rows between the end of the view and the newest row
	viewHeight     int    // rows of the last view
	rowCount       int    // all rows at the width of the last view
}

func newConversation(peer client.UIN) *conversation {
	return &conversation{peer: peer, draft: editor{multiline: true}}
}

// addReceived adds a message that has just arrived. It returns false for a duplicate.
func (c *conversation) addReceived(message client.Message) bool {
	return c.insertMessage(message, false)
}

// addFromHistory adds a message of the history, above later messages that have no
// number yet.
func (c *conversation) addFromHistory(message client.Message) { c.insertMessage(message, true) }

func (c *conversation) insertMessage(message client.Message, byTime bool) bool {
	message.Text = sanitize(message.Text)
	entry := &messageEntry{Message: message, isUnread: message.Kind == client.KindMessage &&
		(message.Number == 0 || message.Number > c.readUpTo)}
	if message.Number == 0 {
		c.entries = append(c.entries, entry)
		return true
	}
	at := len(c.entries)
	for i, other := range slices.Backward(c.entries) {
		if other.Number == message.Number {
			return false
		}
		if other.Number != 0 && other.Number < message.Number {
			break
		}
		if other.Number > message.Number || byTime && other.Number == 0 && other.Time.After(message.Time) {
			at = i
		}
	}
	c.entries = slices.Insert(c.entries, at, entry)
	return true
}

// mergeOwnMessage reports whether one of the user's messages is in the conversation
// already. A message sent from this program has no number at first, because the server
// reports the number in the history only; mergeOwnMessage fills it in.
func (c *conversation) mergeOwnMessage(message client.Message) bool {
	if message.Kind != client.KindSent && !c.withSelf {
		return false
	}
	if message.Number != 0 && slices.ContainsFunc(c.entries,
		func(entry *messageEntry) bool { return entry.Number == message.Number }) {
		return true
	}
	for _, entry := range c.entries {
		// A note to oneself may be pushed before Send is answered.
		isSent := entry.sendState == sendSucceeded || c.withSelf && entry.sendState == sendPending
		if entry.sentHere && isSent && entry.Number == 0 && entry.Text == sanitize(message.Text) &&
			message.Time.Sub(entry.Time).Abs() < maxClockSkew {
			entry.Number = message.Number
			return true
		}
	}
	return false
}

// maxClockSkew is the assumed limit for the difference between our clock and the
// server's.
const maxClockSkew = 10 * time.Minute

// oldestNumber is the lowest number in the conversation, 0 if no entry has one.
func (c *conversation) oldestNumber() uint64 {
	for _, entry := range c.entries {
		if entry.Number != 0 {
			return entry.Number
		}
	}
	return 0
}

// newestReceivedNumber is the number of the peer's latest message.
func (c *conversation) newestReceivedNumber() uint64 {
	for _, entry := range slices.Backward(c.entries) {
		if entry.Number != 0 && entry.Kind == client.KindMessage {
			return entry.Number
		}
	}
	return 0
}

func (c *conversation) unreadCount() int {
	count := 0
	for _, entry := range c.entries {
		if entry.isUnread {
			count++
		}
	}
	return count
}

// markReadUpTo marks the entries up to a number as read.
func (c *conversation) markReadUpTo(number uint64) {
	c.readUpTo = max(c.readUpTo, number)
	for _, entry := range c.entries {
		if entry.Number != 0 && entry.Number <= c.readUpTo {
			entry.isUnread = false
		}
	}
}

// applyServerReadMark is markReadUpTo for a read mark from the server, which therefore
// needs no report of it.
func (c *conversation) applyServerReadMark(number uint64) {
	c.markReadUpTo(number)
	c.reportedUpTo = max(c.reportedUpTo, number)
}

// unsentCounts counts the messages that are waiting to be sent and those that failed.
func (c *conversation) unsentCounts() (waiting, failed int) {
	for _, entry := range c.entries {
		switch entry.sendState {
		case sendPending:
			waiting++
		case sendFailed:
			failed++
		}
	}
	return waiting, failed
}

// historyPageSize is the number of messages in one history request.
const historyPageSize = 50

// loadHistory requests the newest page of the history, or the next older one.
func (a *App) loadHistory(conv *conversation) tea.Cmd {
	if !a.hasDevice || conv.isLoading || conv.isComplete {
		return nil
	}
	query := client.HistoryQuery{Peer: conv.peer, Limit: historyPageSize}
	if conv.historyRequested {
		query.Before = conv.oldestNumber()
	}
	conv.historyRequested, conv.isLoading = true, true
	return a.requestHistory(query, func(history client.History, err error) tea.Cmd {
		conv.isLoading = false
		if err != nil {
			conv.seekNumber = 0
			conv.historyRequested = query.Before != 0
			a.showError(err)
			return nil
		}
		return a.addHistoryPage(conv, query, history)
	})
}

// addHistoryPage adds a page of the history to a conversation.
func (a *App) addHistoryPage(conv *conversation, query client.HistoryQuery, history client.History) tea.Cmd {
	if query.Before == 0 {
		conv.applyServerReadMark(history.ReadUpTo)
	}
	for _, message := range history.Messages {
		if !conv.mergeOwnMessage(message) {
			conv.addFromHistory(message)
		}
	}
	conv.isComplete = history.IsLastPage
	if conv.seekNumber == 0 {
		return a.markVisibleRead()
	}
	if conv.isComplete || conv.oldestNumber() <= conv.seekNumber {
		conv.targetNumber, conv.scrollToTarget = conv.seekNumber, true
		conv.seekNumber = 0
		return nil
	}
	return a.loadHistory(conv)
}

// isReading reports whether the user can see the conversation.
func (a *App) isReading(conv *conversation) bool {
	return a.page == page(conv) && !a.isBlurred && a.layout().showsPage
}

// markVisibleRead marks the visible conversation as read, here and on the server.
func (a *App) markVisibleRead() tea.Cmd {
	conv, isConversation := a.page.(*conversation)
	if !isConversation || !a.isReading(conv) {
		return nil
	}
	number := conv.newestReceivedNumber()
	for _, entry := range conv.entries {
		entry.isUnread = false
	}
	conv.markReadUpTo(number)
	if !a.hasDevice || number <= conv.reportedUpTo {
		return nil
	}
	conv.reportedUpTo = number
	return runTask(a, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, a.messenger.MarkRead(ctx, conv.peer, number)
	}, func(_ struct{}, err error) tea.Cmd {
		if err != nil && conv.reportedUpTo == number {
			conv.reportedUpTo = 0 // report it again with the next message
		}
		return nil
	})
}
