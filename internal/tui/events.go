package tui

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// handleEvent applies an event from the messenger.
func (a *App) handleEvent(event client.Event) tea.Cmd {
	switch e := event.(type) {
	case client.Message:
		return a.handleMessage(e)
	case client.Presence:
		a.contacts.getOrAdd(e.Friend).status = e.Status
	case client.ReadMark:
		conv := a.conversationWith(e.Peer)
		conv.applyServerReadMark(e.Number)
	case client.State:
		previous := a.connection
		a.connection = e
		if e.Connected {
			return a.refreshAfterReconnect()
		}
		if previous.Connected || previous.RetryAt.IsZero() {
			return a.scheduleClockTick()
		}
	}
	return nil
}

// refreshAfterReconnect reloads what may have changed during a disconnection, including
// one too short to be reported, and reports the read mark again.
func (a *App) refreshAfterReconnect() tea.Cmd {
	return tea.Batch(a.refreshLists(), a.loadRecentConversations(), a.fetchReadMarks(), a.markVisibleRead())
}

// handleMessage adds a received message.
func (a *App) handleMessage(message client.Message) tea.Cmd {
	conv := a.conversationWith(message.Peer)
	if message.Time.IsZero() {
		message.Time = a.now()
	}
	before := conv.scrolledRowCount(a)
	if conv.withSelf && conv.mergeOwnMessage(message) || !conv.addReceived(message) {
		return nil
	}
	if conv.scrollOffset > 0 {
		conv.scrollOffset += conv.scrolledRowCount(a) - before // keeps the visible rows in place
	}
	cmds := []tea.Cmd{a.loadNick(message.Peer)}
	switch message.Kind {
	case client.KindAsks:
		a.friendRequests[message.Peer] = client.FriendRequest{From: message.Peer, Text: message.Text,
			Time: message.Time}
		if a.hasDevice { // another device may have answered it already
			cmds = append(cmds, runTask(a, a.messenger.FriendRequests, a.updateRequests))
		}
	case client.KindAdded, client.KindAccepted:
		delete(a.friendRequests, message.Peer)
		cmds = append(cmds, a.refreshLists())
	}
	if message.Kind != client.KindSent && !a.isReading(conv) {
		cmds = append(cmds, a.ringBell())
	}
	if !conv.historyRequested {
		cmds = append(cmds, a.loadHistory(conv))
	}
	return tea.Batch(append(cmds, a.markVisibleRead())...)
}

// bellInterval is the minimum time between two rings.
const bellInterval = 2 * time.Second

// ringBell rings the terminal bell if it is enabled.
func (a *App) ringBell() tea.Cmd {
	if now := a.now(); a.bellEnabled && now.Sub(a.lastBellAt) >= bellInterval {
		a.lastBellAt = now
		return tea.Raw("\a")
	}
	return nil
}

// loadFriends reloads the friend list.
func (a *App) loadFriends() tea.Cmd {
	return runTask(a, a.messenger.Friends, func(friends []client.Friend, err error) tea.Cmd {
		if err != nil {
			a.showError(err)
			return nil
		}
		a.contacts.updateFriends(friends)
		return nil
	})
}

// refreshLists reloads the lists that events report only in part.
func (a *App) refreshLists() tea.Cmd {
	cmds := []tea.Cmd{a.loadFriends()}
	if a.hasDevice {
		cmds = append(cmds, runTask(a, a.messenger.FriendRequests, a.updateRequests),
			runTask(a, a.messenger.Blocked, a.updateBlocked))
	}
	return tea.Batch(cmds...)
}

func (a *App) updateRequests(requests []client.FriendRequest, err error) tea.Cmd {
	if err != nil {
		a.showError(err)
		return nil
	}
	var cmds []tea.Cmd
	for from := range a.friendRequests {
		if !slices.ContainsFunc(requests, func(request client.FriendRequest) bool { return request.From == from }) {
			cmds = []tea.Cmd{a.loadFriends()} // answered elsewhere; there may be a new friend
		}
	}
	clear(a.friendRequests)
	for _, request := range requests {
		a.friendRequests[request.From] = request
		cmds = append(cmds, a.loadNick(request.From))
	}
	return tea.Batch(cmds...)
}

func (a *App) updateBlocked(uins []client.UIN, err error) tea.Cmd {
	if err != nil {
		a.showError(err)
		return nil
	}
	for uin, person := range a.contacts {
		person.isBlocked = slices.Contains(uins, uin)
	}
	var cmds []tea.Cmd
	for _, uin := range uins {
		a.contacts.getOrAdd(uin).isBlocked = true
		cmds = append(cmds, a.loadNick(uin))
	}
	return tea.Batch(cmds...)
}

// Limits for the search for unread conversations at the start.
const (
	recentMessages      = 200
	recentConversations = 20
)

// loadRecentConversations loads the latest conversations.
func (a *App) loadRecentConversations() tea.Cmd {
	if !a.hasDevice {
		return nil
	}
	query := client.HistoryQuery{Limit: recentMessages}
	return a.requestHistory(query, func(history client.History, err error) tea.Cmd {
		if err != nil {
			a.showError(err)
			return nil
		}
		var cmds []tea.Cmd
		for _, message := range slices.Backward(history.Messages) {
			if conv := a.conversationWith(message.Peer); !conv.historyRequested &&
				len(cmds) < 2*recentConversations {
				cmds = append(cmds, a.loadHistory(conv), a.loadNick(message.Peer))
			}
		}
		return tea.Batch(cmds...)
	})
}

// loadNick requests the nick of an account, unless it is known.
func (a *App) loadNick(uin client.UIN) tea.Cmd {
	person := a.contacts.getOrAdd(uin)
	if person.infoRequested || person.nick != "" {
		return nil
	}
	person.infoRequested = true
	return a.requestInfo(uin, func(info client.AccountInfo, err error) tea.Cmd {
		switch {
		case errors.Is(err, client.ErrNoAccount): // the number stays as the name
		case err != nil:
			person.infoRequested = false // retry later
		case uin == a.messenger.UIN():
			a.ownNick = sanitizeLine(info.Nick)
			person.nick = a.ownNick
		default:
			person.nick = sanitizeLine(info.Nick)
		}
		return nil
	})
}

// errorTexts maps error kinds to texts.
var errorTexts = []struct {
	err  error
	text textID
}{
	{client.ErrNotLoggedIn, textErrNotLoggedIn}, {client.ErrPassword, textErrPassword},
	{client.ErrNoAccount, textErrNoAccount},
	{client.ErrRefused, textErrRefused}, {client.ErrParameter, textErrParameter},
	{client.ErrTemporary, textErrTemporary},
	{context.DeadlineExceeded, textErrTimeout},
}

// explainError describes an error in the user's language, followed by the reason of the
// server or the system.
func (a *App) explainError(err error) string {
	var unreachable *client.UnreachableError
	if errors.As(err, &unreachable) && len(unreachable.Attempts) > 1 {
		var attempts []string
		for _, attempt := range unreachable.Attempts {
			_, host, _ := strings.Cut(attempt.Address, "@")
			attempts = append(attempts, sanitizeLine(host)+": "+a.explainError(attempt.Err))
		}
		return strings.Join(slices.Compact(attempts), "; ")
	}
	reason := err.Error()
	var refusal *client.Error
	if errors.As(err, &refusal) {
		reason = refusal.Explanation()
	}
	for _, errorText := range errorTexts {
		if !errors.Is(err, errorText.err) {
			continue
		}
		if _, detail, found := strings.Cut(reason, errorText.err.Error()); found {
			reason = detail // the kind is translated below
		}
		reason = strings.TrimPrefix(sanitizeLine(reason), ": ")
		switch short := a.language.translate(errorText.text); {
		case reason == "":
			return short
		case refusal == nil && errorText.err == client.ErrTemporary:
			var errno syscall.Errno // its text omits the address, which is shown elsewhere
			if errors.As(err, &errno) {
				return errno.Error()
			}
			return reason // it describes the connection problem
		default:
			return short + ": " + reason
		}
	}
	return sanitizeLine(reason)
}
