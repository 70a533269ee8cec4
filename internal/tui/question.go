package tui

import (
	tea "charm.land/bubbletea/v2"
)

// question occupies the bottom line and receives all keys until it is answered, with one
// of two buttons or with a text.
type question struct {
	text            string
	confirmText     string // label of the confirming button; the other button cancels
	confirmSelected bool
	editor          *editor // nil for a question with buttons
	onAnswer        func(text string) tea.Cmd
}

// askConfirmation asks before an action that cannot be undone. Letters have no effect
// and Enter alone cancels, because the user may be typing without looking. The button
// names the person concerned.
func (a *App) askConfirmation(text, button string, do func() tea.Cmd) {
	a.question = &question{text: text, confirmText: button, onAnswer: func(string) tea.Cmd { return do() }}
}

// askText asks for a line of text.
func (a *App) askText(text string, do func(text string) tea.Cmd) {
	a.question = &question{text: text, editor: &editor{}, onAnswer: do}
}

func (q *question) handleKey(app *App, keyMsg tea.KeyPressMsg) tea.Cmd {
	switch key := keyMsg.String(); {
	case key == "esc", key == "ctrl+c", key == "enter" && q.editor == nil && !q.confirmSelected:
		app.question = nil
		return app.markVisibleRead()
	case key == "enter" && q.editor == nil:
		app.question = nil
		return q.onAnswer("")
	case key == "enter":
		app.question = nil
		return q.onAnswer(q.editor.text)
	case q.editor != nil:
		q.editor.handleKey(keyMsg)
	case key == "left":
		q.confirmSelected = false
	case key == "right":
		q.confirmSelected = true
	case key == "tab", key == "shift+tab":
		q.confirmSelected = !q.confirmSelected
	}
	return nil
}

// view returns the bottom line and the position of its cursor.
func (q *question) view(app *App, width int) (string, *tea.Position) {
	if q.editor == nil {
		button := truncate(app.widthMethod, q.confirmText, max(1, width/2))
		return alignEnds(app.widthMethod, " "+q.text,
			app.renderButton(app.language.translate(textCancel), !q.confirmSelected)+app.renderButton(button,
				q.confirmSelected), width), nil
	}
	text := truncate(app.widthMethod, " "+q.text+" ", max(1, width*2/3))
	left := app.widthMethod.StringWidth(text)
	lines, cursor := q.editor.view(app.widthMethod, width-left, 1)
	return fitWidth(app.widthMethod, text+lines[0], width), &tea.Position{X: left + cursor.X}
}

// renderButton draws a button. Enter presses the selected one.
func (a *App) renderButton(text string, isSelected bool) string {
	if isSelected {
		return "[ " + a.theme.selected.Render(text) + " ]"
	}
	return "  " + text + "  "
}
