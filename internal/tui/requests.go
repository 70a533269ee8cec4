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

// showRequests lists those who ask to become friends.
func (a *App) showRequests() tea.Cmd {
	waiting := slices.SortedFunc(maps.Values(a.requests), func(x, y client.Request) int { return cmp.Compare(x.From, y.From) })
	m := &menu{title: a.lang.say(wRequests), empty: wNoRequests}
	for _, request := range waiting {
		person := a.people.of(request.From)
		left := request.From.String()
		if person.nick != "" {
			left += "  " + person.nick
		}
		m.rows = append(m.rows, menuRow{left: left, right: a.when(request.Time), detail: clean(request.Words)})
	}
	m.acts = func(i int) []binding {
		from := waiting[i].From
		settled := func(said translation) func() tea.Cmd {
			return func() tea.Cmd {
				delete(a.requests, from)
				a.say(said, a.people.of(from).name())
				switch {
				case a.page != page(m):
				case len(a.requests) == 0:
					return tea.Batch(a.leave(), a.refresh())
				default:
					a.showRequests()
				}
				return a.refresh()
			}
		}
		return []binding{
			{keys: []string{"a"}, what: wKeyAccept, hint: true, do: func() tea.Cmd {
				return order(a, func(ctx context.Context) error { return a.m.Accept(ctx, from) }, settled(wAccepted))
			}},
			{keys: []string{"x"}, what: wKeyReject, hint: true, do: func() tea.Cmd {
				a.askWords(a.lang.say(wAskReject, a.people.of(from).name()), func(words string) tea.Cmd {
					return order(a, func(ctx context.Context) error { return a.m.Reject(ctx, from, words) }, settled(wRejected))
				})
				return nil
			}},
			{keys: []string{"i"}, what: wKeyInfo, do: func() tea.Cmd { return a.showInfo(from) }},
		}
	}
	a.show(m)
	return nil
}

// when is a time as lists show it: of today the hour, else the day.
func (a *App) when(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case a.day(t) == a.day(a.now()):
		return a.local(t).Format("15:04")
	}
	return a.day(t)
}
