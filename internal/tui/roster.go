package tui

import (
	"context"
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// roster is the list of people in the left pane.
type roster struct {
	selected client.UIN // 0 selects the first person
	topRow   int        // first visible row of the last view
}

// selectedPerson is the person that keys and commands act on, nil if the list is empty.
func (r *roster) selectedPerson(app *App) *person {
	people := app.contacts.sortedContacts(app.conversations)
	if len(people) == 0 {
		return nil
	}
	return people[r.selectedIndex(people)]
}

// selectedIndex is the row of the selected person.
func (r *roster) selectedIndex(people []*person) int {
	return max(0, slices.IndexFunc(people, func(p *person) bool { return p.uin == r.selected }))
}

func (r *roster) bindings(app *App) []keyBinding {
	withPerson := func(do func(p *person) tea.Cmd) func() tea.Cmd {
		return func() tea.Cmd {
			if person := r.selectedPerson(app); person != nil {
				return do(person)
			}
			return nil
		}
	}
	// No letter is bound, because typed text goes to the selected person.
	return []keyBinding{
		{keys: []string{"enter", "right"}, description: textKeyOpen, isHint: r.selectedPerson(app) != nil,
			run: withPerson(func(p *person) tea.Cmd { return app.openConversation(p.uin) })},
		{keys: []string{"/"}, description: textKeyCommand, isHint: true, run: app.promptCommand},
		{keys: []string{"up"}, description: textKeyUp, run: func() tea.Cmd { return r.moveSelection(app, -1) }},
		{keys: []string{"down"}, description: textKeyDown, run: func() tea.Cmd { return r.moveSelection(app, +1) }},
		{keys: []string{"pgup"}, description: textKeyPageUp,
			run: func() tea.Cmd { return r.moveSelection(app, -app.layout().bodyHeight+1) }},
		{keys: []string{"pgdown"}, description: textKeyPageDown,
			run: func() tea.Cmd { return r.moveSelection(app, app.layout().bodyHeight-1) }},
		{keys: []string{"ctrl+n"}, description: textKeyNextUnread, run: app.openNextUnread},
		{keys: []string{"ctrl+f"}, description: textKeySearchAll, run: func() tea.Cmd { return app.showSearch(0, "") }},
	}
}

func (r *roster) moveSelection(app *App, delta int) tea.Cmd {
	if people := app.contacts.sortedContacts(app.conversations); len(people) > 0 {
		r.selected = people[min(max(r.selectedIndex(people)+delta, 0), len(people)-1)].uin
	}
	return nil
}

// openNextUnread opens the next conversation with unread messages.
func (a *App) openNextUnread() tea.Cmd {
	people := a.contacts.sortedContacts(a.conversations)
	if len(people) == 0 {
		return nil
	}
	from := a.roster.selectedIndex(people)
	for i := range people {
		person := people[(from+i)%len(people)]
		if conv := a.conversations[person.uin]; conv != nil && conv.unreadCount() > 0 {
			return a.openConversation(person.uin)
		}
	}
	a.showNotice(textNothingUnread)
	return nil
}

// toggleBell enables or disables the bell.
func (a *App) toggleBell() tea.Cmd {
	a.bellEnabled = !a.bellEnabled
	if a.bellEnabled {
		a.showNotice(textBellOn)
	} else {
		a.showNotice(textBellOff)
	}
	return nil
}

// removeFriend ends a friendship after a confirmation.
func (a *App) removeFriend(p *person) tea.Cmd {
	if !p.isFriend {
		a.showNotice(textNoFriend, p.displayName())
		return nil
	}
	a.askConfirmation(a.language.translate(textAskRemove, p.displayName()),
		a.language.translate(textDoRemove, p.displayName()), func() tea.Cmd {
			return runAction(a, func(ctx context.Context) error { return a.messenger.RemoveFriend(ctx, p.uin) },
				func() tea.Cmd {
					a.showNotice(textRemoved, p.displayName())
					return a.refreshLists()
				})
		})
	return nil
}

// blockPerson blocks a person after a confirmation.
func (a *App) blockPerson(p *person) tea.Cmd {
	switch {
	case a.refuseWithoutDevice(), p.uin == client.System:
		return nil
	case p.isBlocked:
		a.showNotice(textIsBlocked, p.displayName())
		return nil
	}
	a.askConfirmation(a.language.translate(textAskBlock, p.displayName()),
		a.language.translate(textDoBlock, p.displayName()), func() tea.Cmd {
			return runAction(a, func(ctx context.Context) error { return a.messenger.Block(ctx, p.uin) },
				func() tea.Cmd {
					p.isBlocked = true
					a.showNotice(textIsBlocked, p.displayName())
					return a.refreshLists()
				})
		})
	return nil
}

func (a *App) unblockPerson(p *person) tea.Cmd {
	switch {
	case a.refuseWithoutDevice():
		return nil
	case !p.isBlocked:
		a.showNotice(textUnblocked, p.displayName())
		return nil
	}
	return runAction(a, func(ctx context.Context) error { return a.messenger.Unblock(ctx, p.uin) }, func() tea.Cmd {
		p.isBlocked = false
		a.showNotice(textUnblocked, p.displayName())
		return a.refreshLists()
	})
}

// refuseWithoutDevice returns true, and shows a notice, if the session is not a device
// session.
func (a *App) refuseWithoutDevice() bool {
	if !a.hasDevice {
		a.showNotice(textNeedsDevice)
	}
	return !a.hasDevice
}

func (r *roster) view(app *App, width, height int) []string {
	people := app.contacts.sortedContacts(app.conversations)
	if len(people) == 0 {
		return app.paragraph(textNobody, width)
	}
	at := r.selectedIndex(people)
	if r.selected == 0 {
		r.selected = people[at].uin // keeps the selection when the order changes
	}
	r.topRow = scrollToShow(r.topRow, at, len(people), height)
	var lines []string
	for i := r.topRow; i < len(people) && i < r.topRow+height; i++ {
		lines = append(lines, app.rosterRow(people[i], i == at, width))
	}
	return lines
}

// rosterRow shows a person: selection mark, sign, name, unsent and unread counts.
func (a *App) rosterRow(p *person, isSelected bool, width int) string {
	mark, count := " ", " "
	if isSelected {
		mark = ">"
	}
	conv := a.conversations[p.uin]
	if conv != nil {
		if n := conv.unreadCount(); n > 0 {
			count = fmt.Sprintf(" %d ", n)
		}
		if waiting, failed := conv.unsentCounts(); failed > 0 {
			count = " !" + count
		} else if waiting > 0 {
			count = " .." + count
		}
	}
	if isSelected && a.focus == focusRoster {
		return a.theme.selected.Render(alignEnds(a.widthMethod, mark+p.statusSign()+" "+p.displayName(), count, width))
	}
	name := p.displayName()
	if conv != nil && conv.unreadCount() > 0 {
		name, count = a.theme.bold.Render(name), a.theme.bold.Render(count)
	}
	return alignEnds(a.widthMethod, mark+a.statusStyle(p).Render(p.statusSign())+" "+name, count, width)
}

// scrollToShow returns the first row to show, so that row at is visible and the view
// scrolls as little as possible.
func scrollToShow(first, at, rows, height int) int {
	first = max(min(first, at), at-height+1)
	return max(0, min(first, rows-height))
}
