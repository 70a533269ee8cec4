package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// binding is a key, what it does, and what is said of it. Keys mean what these
// tables say, and so do the page of keys and the hints at the bottom.
type keyBinding struct {
	keys        []string // as Bubble Tea names them
	description textID
	isHint      bool // it is said at the bottom, too
	run         func() tea.Cmd
}

// handleKey carries a key press out.
func (a *App) handleKey(k tea.KeyPressMsg) tea.Cmd {
	a.notice = ""
	if a.question != nil {
		return a.question.handleKey(a, k)
	}
	for _, binding := range slices.Concat(a.paneBindings(), a.globalBindings()) {
		if slices.Contains(binding.keys, k.String()) {
			return binding.run()
		}
	}
	switch editor := a.activeEditor(); {
	case editor != nil:
		editor.handleKey(k)
	case k.Text != "":
		if _, slash := cutSlash(k.Text); slash && a.focus == focusRoster {
			return a.promptCommand()
		}
		return a.typeToSelected(k.Text)
	}
	return nil
}

// typeToSelected takes text that is typed or pasted while the list has the keys: it
// is for the chosen person.
func (a *App) typeToSelected(text string) tea.Cmd {
	if a.focus != focusRoster || a.question != nil {
		return nil
	}
	return a.addToDraft(a.roster.selectedPerson(a), text)
}

// paneBindings are the keys of the pane that has the focus.
func (a *App) paneBindings() []keyBinding {
	if a.focus == focusRoster {
		return a.roster.bindings(a)
	}
	return a.page.bindings(a)
}

// activeEditor is where text goes, nil if there is no such place now.
func (a *App) activeEditor() *editor {
	switch {
	case a.question != nil:
		return a.question.editor
	case a.focus == focusPage:
		return a.page.textEditor()
	}
	return nil
}

// globalBindings are the keys that mean the same in all places. Where text is
// written, the letters among them are letters.
func (a *App) globalBindings() []keyBinding {
	help := []string{"f1"}
	if a.activeEditor() == nil {
		help = []string{"?", "f1"}
	}
	return []keyBinding{
		{keys: []string{"tab"}, description: textKeyOtherPane, run: a.switchPane},
		{keys: []string{"ctrl+l"}, description: textKeyRedraw, run: func() tea.Cmd { return tea.ClearScreen }},
		{keys: []string{"ctrl+z"}, description: textKeySuspend, run: func() tea.Cmd { return tea.Suspend }},
		{keys: []string{"ctrl+c"}, description: textKeyInterrupt, run: a.interrupt},
		{keys: []string{"ctrl+q"}, description: textKeyQuit, run: a.quit},
		{keys: help, description: textKeyHelp, isHint: true, run: a.toggleHelp},
	}
}

func (a *App) switchPane() tea.Cmd {
	a.focus = focusPage - a.focus
	return a.markVisibleRead()
}

// interrupt clears what is being written; where nothing is, it quits.
func (a *App) interrupt() tea.Cmd {
	if editor := a.activeEditor(); editor != nil && editor.text != "" {
		editor.cutRange(0, len(editor.text))
		a.showNotice(textCleared)
		return nil
	}
	return a.quit()
}

// quit ends the program, after a question if own words would be lost.
func (a *App) quit() tea.Cmd {
	waiting, failed := a.unsentTotals()
	if lost := waiting + failed + a.draftCount(); lost > 0 {
		a.askConfirmation(a.language.translate(textQuitUnsent, lost), a.language.translate(textKeyQuit), func() tea.Cmd { return tea.Quit })
		return nil
	}
	return tea.Quit
}

// draftCount counts the conversations in which something is written that was not
// sent.
func (a *App) draftCount() int {
	n := 0
	for _, talk := range a.conversations {
		if strings.TrimSpace(talk.draft.text) != "" {
			n++
		}
	}
	return n
}

// keyNames is how keys are written where it is not the way that Bubble Tea
// names them.
var keyNames = map[string]string{
	"enter": "Enter", "esc": "Esc", "tab": "Tab", "shift+tab": "Shift+Tab", "f1": "F1", "space": "Space",
	"up": "Up", "down": "Down", "left": "Left", "right": "Right", "home": "Home", "end": "End",
	"pgup": "PgUp", "pgdown": "PgDn", "delete": "Del",
	"alt+enter": "Alt+Enter", "shift+enter": "Shift+Enter", "ctrl+home": "Ctrl+Home", "ctrl+end": "Ctrl+End",
	"ctrl+c": "Ctrl+C", "ctrl+f": "Ctrl+F", "ctrl+j": "Ctrl+J", "ctrl+l": "Ctrl+L", "ctrl+n": "Ctrl+N", "ctrl+q": "Ctrl+Q",
	"ctrl+r": "Ctrl+R", "ctrl+x": "Ctrl+X", "ctrl+z": "Ctrl+Z",
}

// keyName is how a key is written.
func keyName(key string) string {
	if name, ok := keyNames[key]; ok {
		return name
	}
	return key
}
