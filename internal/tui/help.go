package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// toggleHelp opens the help page for the focused pane, or closes it.
func (a *App) toggleHelp() tea.Cmd {
	if help, isOpen := a.page.(*helpPage); isOpen {
		return a.closeHelp(help)
	}
	_, inConversation := a.page.(*conversation)
	a.showPage(&helpPage{
		keyBindings: append(a.paneBindings(), a.globalBindings()...), previousPage: a.page, previousFocus: a.focus,
		showsCommands: a.focus == focusRoster || inConversation,
	})
	return nil
}

// helpPage lists keys, commands and the signs of the roster.
type helpPage struct {
	keyBindings   []keyBinding
	previousPage  page
	previousFocus focus
	// showsCommands is set if commands can be typed in the previous pane.
	showsCommands bool

	topRow    int
	maxTopRow int // at the size of the last view
}

func (h *helpPage) textEditor() *editor { return nil }

func (h *helpPage) bindings(app *App) []keyBinding {
	scroll := func(delta int) func() tea.Cmd {
		return func() tea.Cmd { h.topRow = max(0, min(h.topRow+delta, h.maxTopRow)); return nil }
	}
	return []keyBinding{
		{keys: []string{"esc", "q", "enter"}, description: textKeyClose, isHint: true,
			run: func() tea.Cmd { return app.closeHelp(h) }},
		{keys: []string{"down", "j"}, description: textKeyDown, isHint: true, run: scroll(1)},
		{keys: []string{"up", "k"}, description: textKeyUp, isHint: true, run: scroll(-1)},
		{keys: []string{"pgdown", "space"}, description: textKeyPageDown, run: scroll(10)},
		{keys: []string{"pgup"}, description: textKeyPageUp, run: scroll(-10)},
	}
}

// closeHelp returns to the page before the help page.
func (a *App) closeHelp(help *helpPage) tea.Cmd {
	a.page, a.focus = help.previousPage, help.previousFocus
	return a.markVisibleRead()
}

func (h *helpPage) view(app *App, width, height int) ([]string, *tea.Position) {
	lines := app.heading(app.language.translate(textHelp), "", width)
	var all []string
	for _, binding := range h.keyBindings {
		var names []string
		for _, k := range binding.keys {
			names = append(names, keyName(k))
		}
		all = append(all, app.helpLines(strings.Join(names, " "), app.language.translate(binding.description),
			width)...)
	}
	switch {
	case h.previousFocus == focusRoster: // the signs matter most there
		all = slices.Concat(app.legendLines(width), []string{""}, app.commandLines(width), []string{""}, all)
	case h.showsCommands:
		all = slices.Concat(all, []string{""}, app.commandLines(width), []string{""}, app.legendLines(width))
	default:
		all = slices.Concat(all, []string{""}, app.legendLines(width))
	}
	height = max(1, height-len(lines))
	h.maxTopRow = max(0, len(all)-height)
	h.topRow = min(h.topRow, h.maxTopRow)
	return append(lines, all[h.topRow:min(len(all), h.topRow+height)]...), nil
}

// commandLines lists the commands and explains how to send a text with a slash.
func (a *App) commandLines(width int) []string {
	lines := a.paragraph(textCommands, width)
	for _, command := range a.commands() {
		lines = append(lines, a.helpLines("/"+command.name, a.language.translate(command.description), width)...)
	}
	return append(lines, a.paragraph(textSlashes, width)...)
}

// legendWidth is the width of a column of the legend.
const legendWidth = 18

// legendLines explains the signs of the roster.
func (a *App) legendLines(width int) []string {
	var signs []string
	add := func(sign string, what textID) {
		signs = append(signs, a.theme.bold.Render(sign)+" "+a.language.translate(what))
	}
	for _, status := range selectableStatuses {
		add(statusSigns[status], statusTexts[status])
	}
	add("?", textStranger)
	add("x", textBlocked)
	add("!", textOperator) // the longest text needs the end of a row
	lines := wrapLines(a.widthMethod, a.language.translate(textSigns), width-1)
	for row := range slices.Chunk(signs, max(1, (width-1)/legendWidth)) {
		var line string
		for i, sign := range row {
			line = fitWidth(a.widthMethod, line, i*legendWidth) + sign
		}
		lines = append(lines, truncate(a.widthMethod, line, width-1))
	}
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	return lines
}

// keysWidth is the width of the column of keys. Below longer keys, the description
// starts in the next line.
const keysWidth = 22

func (a *App) helpLines(keys, what string, width int) []string {
	left := min(keysWidth, width/2)
	rows := wrapLines(a.widthMethod, what, width-left-2)
	indent := strings.Repeat(" ", left+2)
	if a.widthMethod.StringWidth(keys) > left {
		rows = append([]string{""}, rows...)
	}
	lines := []string{" " +
		a.theme.bold.Render(fitWidth(a.widthMethod, keys, max(left, a.widthMethod.StringWidth(keys)))) + " " + rows[0]}
	for _, row := range rows[1:] {
		lines = append(lines, indent+row)
	}
	return lines
}
