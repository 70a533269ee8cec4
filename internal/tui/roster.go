package tui

import (
	"context"
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// roster is the list of people at the left.
type roster struct {
	selected client.UIN // who is chosen, 0 for the first
	topRow   int        // the row at the top, as it was shown last
}

// selectedPerson is the person that keys are about, nil if there is nobody.
func (r *roster) selectedPerson(app *App) *person {
	all := app.contacts.sortedContacts(app.conversations)
	if len(all) == 0 {
		return nil
	}
	return all[r.selectedIndex(all)]
}

// selectedIndex is the row of who is chosen.
func (r *roster) selectedIndex(all []*person) int {
	return max(0, slices.IndexFunc(all, func(p *person) bool { return p.uin == r.selected }))
}

func (r *roster) bindings(app *App) []keyBinding {
	about := func(do func(p *person) tea.Cmd) func() tea.Cmd {
		return func() tea.Cmd {
			if person := r.selectedPerson(app); person != nil {
				return do(person)
			}
			return nil
		}
	}
	// No letter is among them: whatever is typed here is a text for the chosen
	// person.
	return []keyBinding{
		{keys: []string{"enter", "right"}, description: textKeyOpen, isHint: r.selectedPerson(app) != nil, run: about(func(p *person) tea.Cmd { return app.openConversation(p.uin) })},
		{keys: []string{"/"}, description: textKeyCommand, isHint: true, run: app.promptCommand},
		{keys: []string{"up"}, description: textKeyUp, run: func() tea.Cmd { return r.moveSelection(app, -1) }},
		{keys: []string{"down"}, description: textKeyDown, run: func() tea.Cmd { return r.moveSelection(app, +1) }},
		{keys: []string{"pgup"}, description: textKeyPageUp, run: func() tea.Cmd { return r.moveSelection(app, -app.layout().bodyHeight+1) }},
		{keys: []string{"pgdown"}, description: textKeyPageDown, run: func() tea.Cmd { return r.moveSelection(app, app.layout().bodyHeight-1) }},
		{keys: []string{"ctrl+n"}, description: textKeyNextUnread, run: app.openNextUnread},
		{keys: []string{"ctrl+f"}, description: textKeySearchAll, run: func() tea.Cmd { return app.showSearch(0, "") }},
	}
}

func (r *roster) moveSelection(app *App, by int) tea.Cmd {
	if all := app.contacts.sortedContacts(app.conversations); len(all) > 0 {
		r.selected = all[min(max(r.selectedIndex(all)+by, 0), len(all)-1)].uin
	}
	return nil
}

// openNextUnread opens the next conversation in which something is unread.
func (a *App) openNextUnread() tea.Cmd {
	all := a.contacts.sortedContacts(a.conversations)
	if len(all) == 0 {
		return nil
	}
	from := a.roster.selectedIndex(all)
	for i := range all {
		person := all[(from+i)%len(all)]
		if talk := a.conversations[person.uin]; talk != nil && talk.unreadCount() > 0 {
			return a.openConversation(person.uin)
		}
	}
	a.showNotice(textNothingUnread)
	return nil
}

func (a *App) toggleBell() tea.Cmd {
	a.bellEnabled = !a.bellEnabled
	if a.bellEnabled {
		a.showNotice(textBellOn)
	} else {
		a.showNotice(textBellOff)
	}
	return nil
}

// removeFriend ends a friendship, after a question.
func (a *App) removeFriend(p *person) tea.Cmd {
	if !p.isFriend {
		a.showNotice(textNoFriend, p.displayName())
		return nil
	}
	a.askConfirmation(a.language.translate(textAskRemove, p.displayName()), a.language.translate(textDoRemove, p.displayName()), func() tea.Cmd {
		return runAction(a, func(ctx context.Context) error { return a.messenger.RemoveFriend(ctx, p.uin) }, func() tea.Cmd {
			a.showNotice(textRemoved, p.displayName())
			return a.refreshLists()
		})
	})
	return nil
}

// blockPerson blocks somebody, after a question.
func (a *App) blockPerson(p *person) tea.Cmd {
	switch {
	case a.refuseWithoutDevice(), p.uin == client.System:
		return nil
	case p.isBlocked:
		a.showNotice(textIsBlocked, p.displayName())
		return nil
	}
	a.askConfirmation(a.language.translate(textAskBlock, p.displayName()), a.language.translate(textDoBlock, p.displayName()), func() tea.Cmd {
		return runAction(a, func(ctx context.Context) error { return a.messenger.Block(ctx, p.uin) }, func() tea.Cmd {
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

// refuseWithoutDevice reports whether something cannot be done because the session is
// not a device's, and says so.
func (a *App) refuseWithoutDevice() bool {
	if !a.hasDevice {
		a.showNotice(textNeedsDevice)
	}
	return !a.hasDevice
}

func (r *roster) view(app *App, width, height int) []string {
	all := app.contacts.sortedContacts(app.conversations)
	if len(all) == 0 {
		return app.paragraph(textNobody, width)
	}
	at := r.selectedIndex(all)
	if r.selected == 0 {
		r.selected = all[at].uin // who is seen to be chosen stays so when the list changes
	}
	r.topRow = scrollToShow(r.topRow, at, len(all), height)
	var lines []string
	for i := r.topRow; i < len(all) && i < r.topRow+height; i++ {
		lines = append(lines, app.rosterRow(all[i], i == at, width))
	}
	return lines
}

// rosterRow is one person: who is chosen, how they stand, their name, how much
// of them is unread.
func (a *App) rosterRow(p *person, chosen bool, width int) string {
	mark, count := " ", " "
	if chosen {
		mark = ">"
	}
	talk := a.conversations[p.uin]
	if talk != nil {
		if n := talk.unreadCount(); n > 0 {
			count = fmt.Sprintf(" %d ", n)
		}
		if waiting, failed := talk.unsentCounts(); failed > 0 {
			count = " !" + count
		} else if waiting > 0 {
			count = " .." + count
		}
	}
	if chosen && a.focus == focusRoster {
		return a.theme.selected.Render(alignEnds(a.widthMethod, mark+p.statusSign()+" "+p.displayName(), count, width))
	}
	name := p.displayName()
	if talk != nil && talk.unreadCount() > 0 {
		name, count = a.theme.bold.Render(name), a.theme.bold.Render(count)
	}
	return alignEnds(a.widthMethod, mark+a.statusStyle(p).Render(p.statusSign())+" "+name, count, width)
}

// scrollToShow is the first row to show, so that a row is in view and the view
// moves no more than it must.
func scrollToShow(first, at, rows, height int) int {
	first = max(min(first, at), at-height+1)
	return max(0, min(first, rows-height))
}
