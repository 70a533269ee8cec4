package tui

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// showRequests lists the pending friend requests.
func (a *App) showRequests() tea.Cmd {
	requests := slices.SortedFunc(maps.Values(a.friendRequests),
		func(x, y client.FriendRequest) int { return cmp.Compare(x.From, y.From) })
	list := &menu{title: a.language.translate(textRequests), emptyText: textNoRequests}
	for _, request := range requests {
		person := a.contacts.getOrAdd(request.From)
		left := request.From.String()
		if person.nick != "" {
			left += "  " + person.nick
		}
		list.rows = append(list.rows, menuRow{left: left, right: a.formatTime(request.Time),
			detail: sanitize(request.Text)})
	}
	list.rowBindings = func(i int) []keyBinding {
		from := requests[i].From
		onAnswered := func(notice textID) func() tea.Cmd {
			return func() tea.Cmd {
				delete(a.friendRequests, from)
				a.showNotice(notice, a.contacts.getOrAdd(from).displayName())
				switch {
				case a.page != page(list):
				case len(a.friendRequests) == 0:
					return tea.Batch(a.closePage(), a.refreshLists())
				default:
					a.showRequests()
				}
				return a.refreshLists()
			}
		}
		return []keyBinding{
			{keys: []string{"a"}, description: textKeyAccept, isHint: true, run: func() tea.Cmd {
				return runAction(a, func(ctx context.Context) error { return a.messenger.AcceptRequest(ctx, from) },
					onAnswered(textAccepted))
			}},
			{keys: []string{"x"}, description: textKeyReject, isHint: true, run: func() tea.Cmd {
				a.askText(a.language.translate(textAskReject, a.contacts.getOrAdd(from).displayName()),
					func(text string) tea.Cmd {
						return runAction(a, func(ctx context.Context) error {
							return a.messenger.RejectRequest(ctx, from, text)
						}, onAnswered(textRejected))
					})
				return nil
			}},
			{keys: []string{"i"}, description: textKeyInfo, run: func() tea.Cmd { return a.showProfile(from) }},
		}
	}
	a.showPage(list)
	return nil
}

// formatTime shows the hour of a time today, otherwise its date.
func (a *App) formatTime(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case a.formatDay(t) == a.formatDay(a.now()):
		return a.localTime(t).Format("15:04")
	}
	return a.formatDay(t)
}
