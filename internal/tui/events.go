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

// clientEvent takes over what the messenger tells.
func (a *App) handleEvent(event client.Event) tea.Cmd {
	switch e := event.(type) {
	case client.Message:
		return a.handleMessage(e)
	case client.Presence:
		a.contacts.getOrAdd(e.Friend).status = e.Status
	case client.ReadMark:
		talk := a.conversationWith(e.With)
		talk.applyServerReadMark(e.Number)
	case client.State:
		was := a.connection
		a.connection = e
		if e.Connected {
			return a.refreshAfterReconnect()
		}
		if was.Connected || was.RetryAt.IsZero() {
			return a.scheduleClockTick()
		}
	}
	return nil
}

// refreshAfterReconnect asks for what was not told while there was no connection; that it was
// lost need not have been told either. What was read here is said again.
func (a *App) refreshAfterReconnect() tea.Cmd {
	return tea.Batch(a.refreshLists(), a.loadRecentConversations(), a.fetchReadMarks(), a.markVisibleRead())
}

// handleMessage takes a message over.
func (a *App) handleMessage(message client.Message) tea.Cmd {
	talk := a.conversationWith(message.Peer)
	if message.Time.IsZero() {
		message.Time = a.now()
	}
	before := talk.scrolledRowCount(a)
	if talk.withSelf && talk.mergeOwnMessage(message) || !talk.addReceived(message) {
		return nil
	}
	if talk.scrollOffset > 0 {
		talk.scrollOffset += talk.scrolledRowCount(a) - before // what is being read stays where it is
	}
	cmds := []tea.Cmd{a.loadNick(message.Peer)}
	switch message.Kind {
	case client.KindAsks:
		a.friendRequests[message.Peer] = client.FriendRequest{From: message.Peer, Text: message.Text, Time: message.Time}
		if a.hasDevice { // it may have been answered on another one before this one heard of it
			cmds = append(cmds, runTask(a, a.messenger.FriendRequests, a.updateRequests))
		}
	case client.KindAdded, client.KindAccepted:
		delete(a.friendRequests, message.Peer)
		cmds = append(cmds, a.refreshLists())
	}
	if message.Kind != client.KindSent && !a.isReading(talk) {
		cmds = append(cmds, a.ringBell())
	}
	if !talk.historyRequested {
		cmds = append(cmds, a.loadHistory(talk))
	}
	return tea.Batch(append(cmds, a.markVisibleRead())...)
}

// quiet is how long the bell is silent after it rang: many messages at once are
// one reason to look up.
const bellInterval = 2 * time.Second

// ringBell rings the terminal's bell, unless it has been turned off.
func (a *App) ringBell() tea.Cmd {
	if now := a.now(); a.bellEnabled && now.Sub(a.lastBellAt) >= bellInterval {
		a.lastBellAt = now
		return tea.Raw("\a")
	}
	return nil
}

// loadFriends asks who they are.
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

// refreshLists asks for the lists that are only told in part by events.
func (a *App) refreshLists() tea.Cmd {
	cmds := []tea.Cmd{a.loadFriends()}
	if a.hasDevice {
		cmds = append(cmds, runTask(a, a.messenger.FriendRequests, a.updateRequests), runTask(a, a.messenger.Blocked, a.updateBlocked))
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
			cmds = []tea.Cmd{a.loadFriends()} // answered elsewhere, with a new friend perhaps
		}
	}
	clear(a.friendRequests)
	for _, request := range requests {
		a.friendRequests[request.From] = request
		cmds = append(cmds, a.loadNick(request.From))
	}
	return tea.Batch(cmds...)
}

func (a *App) updateBlocked(all []client.UIN, err error) tea.Cmd {
	if err != nil {
		a.showError(err)
		return nil
	}
	for uin, person := range a.contacts {
		person.isBlocked = slices.Contains(all, uin)
	}
	var cmds []tea.Cmd
	for _, uin := range all {
		a.contacts.getOrAdd(uin).isBlocked = true
		cmds = append(cmds, a.loadNick(uin))
	}
	return tea.Batch(cmds...)
}

// How much is looked through at the start for conversations with unread words.
const (
	recentMessages      = 200
	recentConversations = 20
)

// loadRecentConversations loads the conversations that went on last.
func (a *App) loadRecentConversations() tea.Cmd {
	if !a.hasDevice {
		return nil
	}
	query := client.HistoryQuery{Limit: recentMessages}
	return runTask(a, func(ctx context.Context) (client.History, error) { return a.messenger.History(ctx, query) },
		func(history client.History, err error) tea.Cmd {
			if err != nil {
				a.showError(err)
				return nil
			}
			var cmds []tea.Cmd
			for _, message := range slices.Backward(history.Messages) {
				if talk := a.conversationWith(message.Peer); !talk.historyRequested && len(cmds) < 2*recentConversations {
					cmds = append(cmds, a.loadHistory(talk), a.loadNick(message.Peer))
				}
			}
			return tea.Batch(cmds...)
		})
}

// loadNick asks who an account is, unless that is known.
func (a *App) loadNick(uin client.UIN) tea.Cmd {
	person := a.contacts.getOrAdd(uin)
	if person.infoRequested || person.nick != "" {
		return nil
	}
	person.infoRequested = true
	return runTask(a, func(ctx context.Context) (client.AccountInfo, error) { return a.messenger.Info(ctx, uin) },
		func(info client.AccountInfo, err error) tea.Cmd {
			switch {
			case errors.Is(err, client.ErrNoAccount): // its number says all there is
			case err != nil:
				person.infoRequested = false // another time
			case uin == a.messenger.UIN():
				a.ownNick = sanitizeLine(info.Nick)
				person.nick = a.ownNick
			default:
				person.nick = sanitizeLine(info.Nick)
			}
			return nil
		})
}

// reasons are the kinds of errors that the messenger tells apart.
var errorTexts = []struct {
	err  error
	word textID
}{
	{client.ErrNotLoggedIn, textErrNotLoggedIn}, {client.ErrPassword, textErrPassword}, {client.ErrNoAccount, textErrNoAccount},
	{client.ErrRefused, textErrRefused}, {client.ErrParameter, textErrParameter}, {client.ErrTemporary, textErrTemporary},
	{context.DeadlineExceeded, textErrTimeout},
}

// explainError says in the user's words why something failed, and then the server's
// reason or the system's.
func (a *App) explainError(err error) string {
	var away *client.UnreachableError
	if errors.As(err, &away) && len(away.Attempts) > 1 {
		var tried []string
		for _, attempt := range away.Attempts {
			_, host, _ := strings.Cut(attempt.Address, "@")
			tried = append(tried, sanitizeLine(host)+": "+a.explainError(attempt.Err))
		}
		return strings.Join(slices.Compact(tried), "; ")
	}
	reason := err.Error()
	var refused *client.Error
	if errors.As(err, &refused) {
		reason = refused.Explanation()
	}
	for _, r := range errorTexts {
		if !errors.Is(err, r.err) {
			continue
		}
		if _, rest, found := strings.Cut(reason, r.err.Error()); found {
			reason = rest // what stands before is said in the user's language
		}
		reason = strings.TrimPrefix(sanitizeLine(reason), ": ")
		switch short := a.language.translate(r.word); {
		case reason == "":
			return short
		case refused == nil && r.err == client.ErrTemporary:
			var system syscall.Errno // says it without the address, which is said elsewhere
			if errors.As(err, &system) {
				return system.Error()
			}
			return reason // it is about the connection, and says so
		default:
			return short + ": " + reason
		}
	}
	return sanitizeLine(reason)
}
