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
	at    client.UIN // who is chosen, 0 for the first
	first int        // the row at the top, as it was shown last
}

// chosen is the person that keys are about, nil if there is nobody.
func (r *roster) chosen(app *App) *person {
	all := app.people.listed(app.talks)
	if len(all) == 0 {
		return nil
	}
	return all[r.index(all)]
}

// index is the row of who is chosen.
func (r *roster) index(all []*person) int {
	return max(0, slices.IndexFunc(all, func(p *person) bool { return p.uin == r.at }))
}

func (r *roster) bindings(app *App) []binding {
	about := func(do func(p *person) tea.Cmd) func() tea.Cmd {
		return func() tea.Cmd {
			if person := r.chosen(app); person != nil {
				return do(person)
			}
			return nil
		}
	}
	// No letter is among them: whatever is typed here is a text for the chosen
	// person.
	return []binding{
		{keys: []string{"enter", "right"}, what: wKeyOpen, hint: r.chosen(app) != nil, do: about(func(p *person) tea.Cmd { return app.open(p.uin) })},
		{keys: []string{"/"}, what: wKeyCommand, hint: true, do: app.askCommand},
		{keys: []string{"up"}, what: wKeyUp, do: func() tea.Cmd { return r.move(app, -1) }},
		{keys: []string{"down"}, what: wKeyDown, do: func() tea.Cmd { return r.move(app, +1) }},
		{keys: []string{"pgup"}, what: wKeyPageUp, do: func() tea.Cmd { return r.move(app, -app.layout().body+1) }},
		{keys: []string{"pgdown"}, what: wKeyPageDown, do: func() tea.Cmd { return r.move(app, app.layout().body-1) }},
		{keys: []string{"ctrl+n"}, what: wKeyNextUnread, do: app.nextUnread},
		{keys: []string{"ctrl+f"}, what: wKeySearchAll, do: func() tea.Cmd { return app.searchFor(0, "") }},
	}
}

func (r *roster) move(app *App, by int) tea.Cmd {
	if all := app.people.listed(app.talks); len(all) > 0 {
		r.at = all[min(max(r.index(all)+by, 0), len(all)-1)].uin
	}
	return nil
}

// nextUnread opens the next conversation in which something is unread.
func (a *App) nextUnread() tea.Cmd {
	all := a.people.listed(a.talks)
	if len(all) == 0 {
		return nil
	}
	from := a.roster.index(all)
	for i := range all {
		person := all[(from+i)%len(all)]
		if talk := a.talks[person.uin]; talk != nil && talk.unread() > 0 {
			return a.open(person.uin)
		}
	}
	a.say(wNothingUnread)
	return nil
}

func (a *App) switchBell() tea.Cmd {
	a.bell = !a.bell
	if a.bell {
		a.say(wBellOn)
	} else {
		a.say(wBellOff)
	}
	return nil
}

// remove ends a friendship, after a question.
func (a *App) remove(p *person) tea.Cmd {
	if !p.friend {
		a.say(wNoFriend, p.name())
		return nil
	}
	a.confirm(a.lang.say(wAskRemove, p.name()), a.lang.say(wDoRemove, p.name()), func() tea.Cmd {
		return order(a, func(ctx context.Context) error { return a.m.Remove(ctx, p.uin) }, func() tea.Cmd {
			a.say(wRemoved, p.name())
			return a.refresh()
		})
	})
	return nil
}

// block blocks somebody, after a question.
func (a *App) block(p *person) tea.Cmd {
	switch {
	case a.needsDevice(), p.uin == client.System:
		return nil
	case p.blocked:
		a.say(wIsBlocked, p.name())
		return nil
	}
	a.confirm(a.lang.say(wAskBlock, p.name()), a.lang.say(wDoBlock, p.name()), func() tea.Cmd {
		return order(a, func(ctx context.Context) error { return a.m.Block(ctx, p.uin) }, func() tea.Cmd {
			p.blocked = true
			a.say(wIsBlocked, p.name())
			return a.refresh()
		})
	})
	return nil
}

func (a *App) unblock(p *person) tea.Cmd {
	switch {
	case a.needsDevice():
		return nil
	case !p.blocked:
		a.say(wUnblocked, p.name())
		return nil
	}
	return order(a, func(ctx context.Context) error { return a.m.Unblock(ctx, p.uin) }, func() tea.Cmd {
		p.blocked = false
		a.say(wUnblocked, p.name())
		return a.refresh()
	})
}

// needsDevice reports whether something cannot be done because the session is
// not a device's, and says so.
func (a *App) needsDevice() bool {
	if !a.device {
		a.say(wNeedsDevice)
	}
	return !a.device
}

func (r *roster) view(app *App, width, height int) []string {
	all := app.people.listed(app.talks)
	if len(all) == 0 {
		return app.paragraph(wNobody, width)
	}
	at := r.index(all)
	if r.at == 0 {
		r.at = all[at].uin // who is seen to be chosen stays so when the list changes
	}
	r.first = scrolled(r.first, at, len(all), height)
	var lines []string
	for i := r.first; i < len(all) && i < r.first+height; i++ {
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
	talk := a.talks[p.uin]
	if talk != nil {
		if n := talk.unread(); n > 0 {
			count = fmt.Sprintf(" %d ", n)
		}
		if waiting, failed := talk.waiting(); failed > 0 {
			count = " !" + count
		} else if waiting > 0 {
			count = " .." + count
		}
	}
	if chosen && a.focus == onRoster {
		return a.look.chosen.Render(spread(a.measure, mark+p.sign()+" "+p.name(), count, width))
	}
	name := p.name()
	if talk != nil && talk.unread() > 0 {
		name, count = a.look.bold.Render(name), a.look.bold.Render(count)
	}
	return spread(a.measure, mark+a.statusStyle(p).Render(p.sign())+" "+name, count, width)
}

// scrolled is the first row to show, so that a row is in view and the view
// moves no more than it must.
func scrolled(first, at, rows, height int) int {
	first = max(min(first, at), at-height+1)
	return max(0, min(first, rows-height))
}
