package tui

import (
	tea "charm.land/bubbletea/v2"
)

// handleClick opens the person or focuses the pane under the mouse.
func (a *App) handleClick(mouse tea.Mouse) tea.Cmd {
	row, isLeft, isInside := a.paneAt(mouse)
	if mouse.Button != tea.MouseLeft || !isInside || a.question != nil {
		return nil
	}
	if !isLeft {
		a.focus = focusPage
		return a.markVisibleRead()
	}
	people := a.contacts.sortedContacts(a.conversations)
	if i := a.roster.topRow + row; i < len(people) {
		return a.openConversation(people[i].uin)
	}
	return nil
}

// handleWheel scrolls the pane under the mouse.
func (a *App) handleWheel(mouse tea.Mouse) tea.Cmd {
	delta := map[tea.MouseButton]int{tea.MouseWheelUp: -3, tea.MouseWheelDown: 3}[mouse.Button]
	_, isLeft, isInside := a.paneAt(mouse)
	if !isInside || delta == 0 {
		return nil
	}
	switch p := a.page.(type) {
	case *conversation:
		if !isLeft {
			return p.scrollUp(a, -delta)
		}
	case interface{ moveSelection(delta int) tea.Cmd }:
		if !isLeft {
			return p.moveSelection(delta)
		}
	}
	if isLeft {
		return a.roster.moveSelection(a, delta)
	}
	return nil
}

// paneAt returns the row of the pane under the mouse, and whether it is the left pane.
func (a *App) paneAt(mouse tea.Mouse) (row int, isLeft, isInside bool) {
	layout := a.layout()
	top := 0
	if layout.hasTitle {
		top++
	}
	if layout.hasBanner {
		top++
	}
	row = mouse.Y - top
	return row, layout.showsRoster && mouse.X < layout.rosterWidth, row >= 0 && row < layout.bodyHeight
}
