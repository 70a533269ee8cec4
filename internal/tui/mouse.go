package tui

import (
	tea "charm.land/bubbletea/v2"
)

// handleClick chooses what is under the mouse.
func (a *App) handleClick(m tea.Mouse) tea.Cmd {
	row, left, inside := a.paneAt(m)
	if m.Button != tea.MouseLeft || !inside || a.question != nil {
		return nil
	}
	if !left {
		a.focus = focusPage
		return a.markVisibleRead()
	}
	all := a.contacts.sortedContacts(a.conversations)
	if i := a.roster.topRow + row; i < len(all) {
		return a.openConversation(all[i].uin)
	}
	return nil
}

// handleWheel scrolls what is under the mouse.
func (a *App) handleWheel(m tea.Mouse) tea.Cmd {
	by := map[tea.MouseButton]int{tea.MouseWheelUp: -3, tea.MouseWheelDown: 3}[m.Button]
	_, left, inside := a.paneAt(m)
	if !inside || by == 0 {
		return nil
	}
	switch p := a.page.(type) {
	case *conversation:
		if !left {
			return p.scrollUp(a, -by)
		}
	case interface{ moveSelection(by int) tea.Cmd }:
		if !left {
			return p.moveSelection(by)
		}
	}
	if left {
		return a.roster.moveSelection(a, by)
	}
	return nil
}

// paneAt is the row of the pane that the mouse is over, and which pane it is.
func (a *App) paneAt(m tea.Mouse) (row int, left, inside bool) {
	layout := a.layout()
	top := 0
	if layout.hasTitle {
		top++
	}
	if layout.hasBanner {
		top++
	}
	row = m.Y - top
	return row, layout.showsRoster && m.X < layout.rosterWidth, row >= 0 && row < layout.bodyHeight
}
