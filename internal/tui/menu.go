package tui

import (
	tea "charm.land/bubbletea/v2"
)

// menu is a page with a list to choose from.
type menu struct {
	title     string
	emptyText textID // said if there are no rows
	rows      []menuRow
	selected  int
	topRow    int // the row at the top, as it was shown last
	isLoading bool
	// rowBindings are the keys for the chosen row; nil if there are none.
	rowBindings func(i int) []keyBinding
}

// menuRow is one row of it; its texts are clean.
type menuRow struct {
	left, right string
	detail      string // shown below the list while the row is chosen
}

func (m *menu) textEditor() *editor { return nil }

func (m *menu) bindings(app *App) []keyBinding {
	var all []keyBinding
	if m.rowBindings != nil && len(m.rows) > 0 {
		all = m.rowBindings(m.selected)
	}
	return append(all, m.movementBindings(app)...)
}

// movementBindings are the keys that all menus have.
func (m *menu) movementBindings(app *App) []keyBinding {
	return []keyBinding{
		{keys: []string{"up", "k"}, description: textKeyUp, run: func() tea.Cmd { return m.moveSelection(-1) }},
		{keys: []string{"down", "j"}, description: textKeyDown, run: func() tea.Cmd { return m.moveSelection(+1) }},
		{keys: []string{"pgup"}, description: textKeyPageUp, run: func() tea.Cmd { return m.moveSelection(-10) }},
		{keys: []string{"pgdown"}, description: textKeyPageDown, run: func() tea.Cmd { return m.moveSelection(+10) }},
		{keys: []string{"esc", "q"}, description: textKeyClose, isHint: true, run: app.closePage},
	}
}

func (m *menu) moveSelection(by int) tea.Cmd {
	m.selected = max(0, min(m.selected+by, len(m.rows)-1))
	return nil
}

// removeRow takes a row out, when what it stood for is settled.
func (m *menu) removeRow(i int) {
	if i < len(m.rows) {
		m.rows = append(m.rows[:i:i], m.rows[i+1:]...)
	}
	m.moveSelection(0)
}

func (m *menu) view(app *App, width, height int) ([]string, *tea.Position) {
	lines := app.heading(m.title, "", width)
	return append(lines, m.listLines(app, width, height-len(lines))...), nil
}

// listLines is the rows, and the details of the chosen one below them.
func (m *menu) listLines(app *App, width, height int) []string {
	switch {
	case m.isLoading:
		return app.paragraph(textLoading, width)
	case len(m.rows) == 0:
		return app.paragraph(m.emptyText, width)
	}
	detail := m.detailLines(app, width, height/2)
	height = max(1, height-len(detail))
	m.topRow = scrollToShow(m.topRow, m.selected, len(m.rows), height)
	var lines []string
	for i := m.topRow; i < len(m.rows) && i < m.topRow+height; i++ {
		menuRow := m.rows[i]
		if i != m.selected {
			lines = append(lines, alignEnds(app.widthMethod, "  "+menuRow.left, menuRow.right+" ", width))
			continue
		}
		line := alignEnds(app.widthMethod, "> "+menuRow.left, menuRow.right+" ", width)
		if app.focus == focusPage {
			line = app.theme.selected.Render(line)
		}
		lines = append(lines, line)
	}
	return append(lines, detail...)
}

// detailLines is what is said of the chosen row, with a line above it.
func (m *menu) detailLines(app *App, width, height int) []string {
	text := m.rows[m.selected].detail
	if text == "" || height < 2 {
		return nil
	}
	lines := []string{app.horizontalRule(width)}
	for _, line := range wrapLines(app.widthMethod, text, width-2) {
		if len(lines) < height {
			lines = append(lines, " "+line)
		}
	}
	return lines
}
