package tui

import (
	tea "charm.land/bubbletea/v2"
)

// click chooses what is under the mouse.
func (a *App) click(m tea.Mouse) tea.Cmd {
	row, left, inside := a.paneAt(m)
	if m.Button != tea.MouseLeft || !inside || a.asking != nil {
		return nil
	}
	if !left {
		a.focus = onMain
		return a.seen()
	}
	all := a.people.listed(a.talks)
	if i := a.roster.first + row; i < len(all) {
		return a.open(all[i].uin)
	}
	return nil
}

// wheel scrolls what is under the mouse.
func (a *App) wheel(m tea.Mouse) tea.Cmd {
	by := map[tea.MouseButton]int{tea.MouseWheelUp: -3, tea.MouseWheelDown: 3}[m.Button]
	_, left, inside := a.paneAt(m)
	if !inside || by == 0 {
		return nil
	}
	switch p := a.page.(type) {
	case *conversation:
		if !left {
			return p.scroll(a, -by)
		}
	case interface{ move(by int) tea.Cmd }:
		if !left {
			return p.move(by)
		}
	}
	if left {
		return a.roster.move(a, by)
	}
	return nil
}

// paneAt is the row of the pane that the mouse is over, and which pane it is.
func (a *App) paneAt(m tea.Mouse) (row int, left, inside bool) {
	layout := a.layout()
	top := 0
	if layout.title {
		top++
	}
	if layout.banner {
		top++
	}
	row = m.Y - top
	return row, layout.roster && m.X < layout.rosterWidth, row >= 0 && row < layout.body
}
