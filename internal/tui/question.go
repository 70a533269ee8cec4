package tui

import (
	tea "charm.land/bubbletea/v2"
)

// question stands in the bottom line and has all keys until it is answered: yes
// or no, or with words.
type question struct {
	text   string
	answer *editor // nil for yes or no
	done   func(words string) tea.Cmd
}

// confirm asks before something is done that cannot be taken back.
func (a *App) confirm(text string, do func() tea.Cmd) {
	a.asking = &question{text: text, done: func(string) tea.Cmd { return do() }}
}

// askWords asks for a line of text.
func (a *App) askWords(text string, do func(words string) tea.Cmd) {
	a.asking = &question{text: text, answer: &editor{}, done: do}
}

func (q *question) key(a *App, k tea.KeyPressMsg) tea.Cmd {
	switch key := k.String(); {
	case key == "esc", key == "ctrl+c", q.answer == nil && (key == "n" || key == "N"):
		a.asking = nil
		return a.seen()
	case q.answer == nil && (key == "y" || key == "Y"):
		a.asking = nil
		return q.done("")
	case q.answer != nil && key == "enter":
		a.asking = nil
		return q.done(q.answer.text)
	case q.answer != nil:
		q.answer.key(k)
	}
	return nil
}

// view is the bottom line, and where its cursor is.
func (q *question) view(a *App, width int) (string, *tea.Position) {
	if q.answer == nil {
		hint := " " + a.lang.say(wYesNo) + " "
		return spread(a.measure, " "+q.text, hint, width), nil
	}
	text := cut(a.measure, " "+q.text+" ", max(1, width*2/3))
	left := a.measure.StringWidth(text)
	lines, at := q.answer.view(a.measure, width-left, 1)
	return fit(a.measure, text+lines[0], width), &tea.Position{X: left + at.X}
}
