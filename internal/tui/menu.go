package tui

import (
	tea "charm.land/bubbletea/v2"
)

// menu is a page with a list of rows to select from.
type menu struct {
	title     string
	emptyText textID // shown without rows
	rows      []menuRow
	selected  int
	topRow    int // first visible row of the last view
	isLoading bool
	// rowBindings returns the keys for a selected row; nil for none.
	rowBindings func(i int) []keyBinding
}

// menuRow is a row of a menu. Its texts are sanitized.
type menuRow struct {
	left, right string
	detail      string // shown below the list while the row is selected
}

func (m *menu) textEditor() *editor { return nil }

func (m *menu) bindings(app *App) []keyBinding {
	var bindings []keyBinding
	if m.rowBindings != nil && len(m.rows) > 0 {
		bindings = m.rowBindings(m.selected)
	}
	return append(bindings, m.movementBindings(app)...)
}

// movementBindings are the keys of every menu.
func (m *menu) movementBindings(app *App) []keyBinding {
	return []keyBinding{
		{keys: []string{"up", "k"}, description: textKeyUp, run: func() tea.Cmd { return m.moveSelection(-1) }},
		{keys: []string{"down", "j"}, description: textKeyDown, run: func() tea.Cmd { return m.moveSelection(+1) }},
		{keys: []string{"pgup"}, description: textKeyPageUp, run: func() tea.Cmd { return m.moveSelection(-10) }},
		{keys: []string{"pgdown"}, description: textKeyPageDown, run: func() tea.Cmd { return m.moveSelection(+10) }},
		{keys: []string{"esc", "q"}, description: textKeyClose, isHint: true, run: app.closePage},
	}
}

func (m *menu) moveSelection(delta int) tea.Cmd {
	m.selected = max(0, min(m.selected+delta, len(m.rows)-1))
	return nil
}

// removeRow removes a row.
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

// listLines shows the rows and, below them, the details of the selected one.
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
		row := m.rows[i]
		if i != m.selected {
			lines = append(lines, alignEnds(app.widthMethod, "  "+row.left, row.right+" ", width))
			continue
		}
		line := alignEnds(app.widthMethod, "> "+row.left, row.right+" ", width)
		if app.focus == focusPage {
			line = app.theme.selected.Render(line)
		}
		lines = append(lines, line)
	}
	return append(lines, detail...)
}

// detailLines shows the details of the selected row below a rule.
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
