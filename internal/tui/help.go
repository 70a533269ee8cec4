package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// help shows the keys of where the user is, and what the signs mean.
func (a *App) help() tea.Cmd {
	if h, already := a.page.(*helpPage); already {
		return a.back(h)
	}
	_, talking := a.page.(*conversation)
	a.show(&helpPage{
		of: append(a.bindings(), a.everywhere()...), from: a.page, focus: a.focus,
		commands: a.focus == onRoster || talking,
	})
	return nil
}

// helpPage is that page.
type helpPage struct {
	of    []binding
	from  page // what was shown before
	focus focus
	// commands can be typed there.
	commands bool

	first int
	most  int // what first may be, as it was shown last
}

func (h *helpPage) typing() *editor { return nil }

func (h *helpPage) bindings(app *App) []binding {
	scroll := func(by int) func() tea.Cmd {
		return func() tea.Cmd { h.first = max(0, min(h.first+by, h.most)); return nil }
	}
	return []binding{
		{keys: []string{"esc", "q", "enter"}, what: wKeyClose, hint: true, do: func() tea.Cmd { return app.back(h) }},
		{keys: []string{"down", "j"}, what: wKeyDown, hint: true, do: scroll(1)},
		{keys: []string{"up", "k"}, what: wKeyUp, hint: true, do: scroll(-1)},
		{keys: []string{"pgdown", "space"}, what: wKeyPageDown, do: scroll(10)},
		{keys: []string{"pgup"}, what: wKeyPageUp, do: scroll(-10)},
	}
}

// back returns to what was shown before the page of keys.
func (a *App) back(h *helpPage) tea.Cmd {
	a.page, a.focus = h.from, h.focus
	return a.seen()
}

func (h *helpPage) view(app *App, width, height int) ([]string, *tea.Position) {
	lines := app.heading(app.lang.say(wHelp), "", width)
	var all []string
	for _, binding := range h.of {
		var names []string
		for _, k := range binding.keys {
			names = append(names, keyName(k))
		}
		all = append(all, app.helpLine(strings.Join(names, " "), app.lang.say(binding.what), width)...)
	}
	switch {
	case h.focus == onRoster: // the signs are what somebody there asks for first
		all = slices.Concat(app.legend(width), []string{""}, app.commandHelp(width), []string{""}, all)
	case h.commands:
		all = slices.Concat(all, []string{""}, app.commandHelp(width), []string{""}, app.legend(width))
	default:
		all = slices.Concat(all, []string{""}, app.legend(width))
	}
	height = max(1, height-len(lines))
	h.most = max(0, len(all)-height)
	h.first = min(h.first, h.most)
	return append(lines, all[h.first:min(len(all), h.first+height)]...), nil
}

// commandHelp says which commands there are, and how a text is told from one.
func (a *App) commandHelp(width int) []string {
	lines := a.paragraph(wCommands, width)
	for _, command := range a.commands() {
		lines = append(lines, a.helpLine("/"+command.name, a.lang.say(command.what), width)...)
	}
	return append(lines, a.paragraph(wSlashes, width)...)
}

// legendWidth is the room for a sign of the list and what it means.
const legendWidth = 18

// legend says what the signs in the list mean.
func (a *App) legend(width int) []string {
	var signs []string
	add := func(sign string, what translation) {
		signs = append(signs, a.look.bold.Render(sign)+" "+a.lang.say(what))
	}
	for _, status := range statuses {
		add(statusSigns[status], statusWords[status])
	}
	add("?", wStranger)
	add("x", wBlocked)
	add("!", wOperator) // the longest comes last, where no other is beside it
	lines := wrapped(a.measure, a.lang.say(wSigns), width-1)
	for row := range slices.Chunk(signs, max(1, (width-1)/legendWidth)) {
		var line string
		for i, sign := range row {
			line = fit(a.measure, line, i*legendWidth) + sign
		}
		lines = append(lines, cut(a.measure, line, width-1))
	}
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	return lines
}

// keysWidth is the room for the keys of a line; where they need more, what they
// do comes below.
const keysWidth = 22

func (a *App) helpLine(keys, what string, width int) []string {
	left := min(keysWidth, width/2)
	rows := wrapped(a.measure, what, width-left-2)
	indent := strings.Repeat(" ", left+2)
	if a.measure.StringWidth(keys) > left {
		rows = append([]string{""}, rows...)
	}
	lines := []string{" " + a.look.bold.Render(fit(a.measure, keys, max(left, a.measure.StringWidth(keys)))) + " " + rows[0]}
	for _, row := range rows[1:] {
		lines = append(lines, indent+row)
	}
	return lines
}
