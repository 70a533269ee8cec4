package tui

import (
	tea "charm.land/bubbletea/v2"
)

// question stands in the bottom line and has all keys until it is answered: by
// one of two buttons, or with words.
type question struct {
	text   string
	button string  // what the button says that does it; the other one cancels
	sure   bool    // that button is chosen
	answer *editor // nil for buttons
	done   func(words string) tea.Cmd
}

// confirm asks before something is done that cannot be taken back. Letters do not
// answer, and Enter alone cancels: the user may be typing a text, and not look. The
// button names whom it is about.
func (a *App) confirm(text, button string, do func() tea.Cmd) {
	a.asking = &question{text: text, button: button, done: func(string) tea.Cmd { return do() }}
}

// askWords asks for a line of text.
func (a *App) askWords(text string, do func(words string) tea.Cmd) {
	a.asking = &question{text: text, answer: &editor{}, done: do}
}

func (q *question) key(app *App, k tea.KeyPressMsg) tea.Cmd {
	switch key := k.String(); {
	case key == "esc", key == "ctrl+c", key == "enter" && q.answer == nil && !q.sure:
		app.asking = nil
		return app.seen()
	case key == "enter" && q.answer == nil:
		app.asking = nil
		return q.done("")
	case key == "enter":
		app.asking = nil
		return q.done(q.answer.text)
	case q.answer != nil:
		q.answer.key(k)
	case key == "left":
		q.sure = false
	case key == "right":
		q.sure = true
	case key == "tab", key == "shift+tab":
		q.sure = !q.sure
	}
	return nil
}

// view is the bottom line, and where its cursor is.
func (q *question) view(app *App, width int) (string, *tea.Position) {
	if q.answer == nil {
		button := cut(app.measure, q.button, max(1, width/2))
		return spread(app.measure, " "+q.text, app.button(app.lang.say(wCancel), !q.sure)+app.button(button, q.sure), width), nil
	}
	text := cut(app.measure, " "+q.text+" ", max(1, width*2/3))
	left := app.measure.StringWidth(text)
	lines, at := q.answer.view(app.measure, width-left, 1)
	return fit(app.measure, text+lines[0], width), &tea.Position{X: left + at.X}
}

// button is one of those that Enter presses when it is chosen.
func (a *App) button(text string, chosen bool) string {
	if chosen {
		return "[ " + a.look.chosen.Render(text) + " ]"
	}
	return "  " + text + "  "
}
