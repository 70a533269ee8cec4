package tui

import (
	tea "charm.land/bubbletea/v2"
)

// menu is a page with a list to choose from.
type menu struct {
	title   string
	empty   translation // said if there are no rows
	rows    []menuRow
	at      int
	first   int // the row at the top, as it was shown last
	loading bool
	// acts are the keys for the chosen row; nil if there are none.
	acts func(i int) []binding
}

// menuRow is one row of it; its texts are clean.
type menuRow struct {
	left, right string
	detail      string // shown below the list while the row is chosen
}

func (m *menu) typing() *editor { return nil }

func (m *menu) bindings(app *App) []binding {
	var all []binding
	if m.acts != nil && len(m.rows) > 0 {
		all = m.acts(m.at)
	}
	return append(all, m.movement(app)...)
}

// movement are the keys that all menus have.
func (m *menu) movement(app *App) []binding {
	return []binding{
		{keys: []string{"up", "k"}, what: wKeyUp, do: func() tea.Cmd { return m.move(-1) }},
		{keys: []string{"down", "j"}, what: wKeyDown, do: func() tea.Cmd { return m.move(+1) }},
		{keys: []string{"pgup"}, what: wKeyPageUp, do: func() tea.Cmd { return m.move(-10) }},
		{keys: []string{"pgdown"}, what: wKeyPageDown, do: func() tea.Cmd { return m.move(+10) }},
		{keys: []string{"esc", "q"}, what: wKeyClose, hint: true, do: app.leave},
	}
}

func (m *menu) move(by int) tea.Cmd {
	m.at = max(0, min(m.at+by, len(m.rows)-1))
	return nil
}

// drop takes a row out, when what it stood for is settled.
func (m *menu) drop(i int) {
	if i < len(m.rows) {
		m.rows = append(m.rows[:i:i], m.rows[i+1:]...)
	}
	m.move(0)
}

func (m *menu) view(app *App, width, height int) ([]string, *tea.Position) {
	lines := app.heading(m.title, "", width)
	return append(lines, m.list(app, width, height-len(lines))...), nil
}

// list is the rows, and the details of the chosen one below them.
func (m *menu) list(app *App, width, height int) []string {
	switch {
	case m.loading:
		return app.paragraph(wLoading, width)
	case len(m.rows) == 0:
		return app.paragraph(m.empty, width)
	}
	detail := m.detail(app, width, height/2)
	height = max(1, height-len(detail))
	m.first = scrolled(m.first, m.at, len(m.rows), height)
	var lines []string
	for i := m.first; i < len(m.rows) && i < m.first+height; i++ {
		menuRow := m.rows[i]
		if i != m.at {
			lines = append(lines, spread(app.measure, "  "+menuRow.left, menuRow.right+" ", width))
			continue
		}
		line := spread(app.measure, "> "+menuRow.left, menuRow.right+" ", width)
		if app.focus == onMain {
			line = app.look.chosen.Render(line)
		}
		lines = append(lines, line)
	}
	return append(lines, detail...)
}

// detail is what is said of the chosen row, with a line above it.
func (m *menu) detail(app *App, width, height int) []string {
	text := m.rows[m.at].detail
	if text == "" || height < 2 {
		return nil
	}
	lines := []string{app.rule(width)}
	for _, line := range wrapped(app.measure, text, width-2) {
		if len(lines) < height {
			lines = append(lines, " "+line)
		}
	}
	return lines
}
