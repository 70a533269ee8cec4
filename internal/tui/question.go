package tui

import (
	tea "charm.land/bubbletea/v2"
)

// question stands in the bottom line and has all keys until it is answered: by
// one of two buttons, or with words.
type question struct {
	text            string
	confirmText     string  // what the button says that does it; the other one cancels
	confirmSelected bool    // that button is chosen
	editor          *editor // nil for buttons
	onAnswer        func(words string) tea.Cmd
}

// askConfirmation asks before something is done that cannot be taken back. Letters do not
// answer, and Enter alone cancels: the user may be typing a text, and not look. The
// button names whom it is about.
func (a *App) askConfirmation(text, button string, do func() tea.Cmd) {
	a.question = &question{text: text, confirmText: button, onAnswer: func(string) tea.Cmd { return do() }}
}

// askText asks for a line of text.
func (a *App) askText(text string, do func(words string) tea.Cmd) {
	a.question = &question{text: text, editor: &editor{}, onAnswer: do}
}

func (q *question) handleKey(app *App, k tea.KeyPressMsg) tea.Cmd {
	switch key := k.String(); {
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
		q.editor.handleKey(k)
	case key == "left":
		q.confirmSelected = false
	case key == "right":
		q.confirmSelected = true
	case key == "tab", key == "shift+tab":
		q.confirmSelected = !q.confirmSelected
	}
	return nil
}

// view is the bottom line, and where its cursor is.
func (q *question) view(app *App, width int) (string, *tea.Position) {
	if q.editor == nil {
		button := truncate(app.widthMethod, q.confirmText, max(1, width/2))
		return alignEnds(app.widthMethod, " "+q.text, app.renderButton(app.language.translate(textCancel), !q.confirmSelected)+app.renderButton(button, q.confirmSelected), width), nil
	}
	text := truncate(app.widthMethod, " "+q.text+" ", max(1, width*2/3))
	left := app.widthMethod.StringWidth(text)
	lines, at := q.editor.view(app.widthMethod, width-left, 1)
	return fitWidth(app.widthMethod, text+lines[0], width), &tea.Position{X: left + at.X}
}

// renderButton is one of those that Enter presses when it is chosen.
func (a *App) renderButton(text string, chosen bool) string {
	if chosen {
		return "[ " + a.theme.selected.Render(text) + " ]"
	}
	return "  " + text + "  "
}
