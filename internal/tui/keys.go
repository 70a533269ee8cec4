package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// keyBinding connects keys with an action. The help page and the hints in the bottom
// line show the same bindings that handleKey uses.
type keyBinding struct {
	keys        []string // names of Bubble Tea
	description textID
	isHint      bool // shown in the bottom line
	run         func() tea.Cmd
}

// handleKey runs the action of a key or types its text.
func (a *App) handleKey(keyMsg tea.KeyPressMsg) tea.Cmd {
	a.notice = ""
	if a.question != nil {
		return a.question.handleKey(a, keyMsg)
	}
	for _, binding := range slices.Concat(a.paneBindings(), a.globalBindings()) {
		if slices.Contains(binding.keys, keyMsg.String()) {
			return binding.run()
		}
	}
	switch editor := a.activeEditor(); {
	case editor != nil:
		editor.handleKey(keyMsg)
	case keyMsg.Text != "":
		if _, slash := cutSlash(keyMsg.Text); slash && a.focus == focusRoster {
			return a.promptCommand()
		}
		return a.typeToSelected(keyMsg.Text)
	}
	return nil
}

// typeToSelected adds text that was typed in the roster to the draft for the selected
// person.
func (a *App) typeToSelected(text string) tea.Cmd {
	if a.focus != focusRoster || a.question != nil {
		return nil
	}
	return a.addToDraft(a.roster.selectedPerson(a), text)
}

// paneBindings returns the keys of the focused pane.
func (a *App) paneBindings() []keyBinding {
	if a.focus == focusRoster {
		return a.roster.bindings(a)
	}
	return a.page.bindings(a)
}

// activeEditor returns the editor that receives typed text, or nil.
func (a *App) activeEditor() *editor {
	switch {
	case a.question != nil:
		return a.question.editor
	case a.focus == focusPage:
		return a.page.textEditor()
	}
	return nil
}

// globalBindings returns the keys that work everywhere. Letters are excluded while text
// is being typed.
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

// interrupt clears the text being typed, or quits if there is none.
func (a *App) interrupt() tea.Cmd {
	if editor := a.activeEditor(); editor != nil && editor.text != "" {
		editor.cutRange(0, len(editor.text))
		a.showNotice(textCleared)
		return nil
	}
	return a.quit()
}

// quit ends the program. It asks first if unsent text would be lost.
func (a *App) quit() tea.Cmd {
	waiting, failed := a.unsentTotals()
	if unsent := waiting + failed + a.draftCount(); unsent > 0 {
		a.askConfirmation(a.language.translate(textQuitUnsent, unsent), a.language.translate(textKeyQuit),
			func() tea.Cmd { return tea.Quit })
		return nil
	}
	return tea.Quit
}

// draftCount counts the conversations with a non-empty draft.
func (a *App) draftCount() int {
	count := 0
	for _, conv := range a.conversations {
		if strings.TrimSpace(conv.draft.text) != "" {
			count++
		}
	}
	return count
}

// keyNames are the displayed names of keys, where they differ from Bubble Tea's.
var keyNames = map[string]string{
	"enter": "Enter", "esc": "Esc", "tab": "Tab", "shift+tab": "Shift+Tab", "f1": "F1", "space": "Space",
	"up": "Up", "down": "Down", "left": "Left", "right": "Right", "home": "Home", "end": "End",
	"pgup": "PgUp", "pgdown": "PgDn", "delete": "Del",
	"alt+enter": "Alt+Enter", "shift+enter": "Shift+Enter", "ctrl+home": "Ctrl+Home", "ctrl+end": "Ctrl+End",
	"ctrl+c": "Ctrl+C", "ctrl+f": "Ctrl+F", "ctrl+j": "Ctrl+J", "ctrl+l": "Ctrl+L", "ctrl+n": "Ctrl+N",
	"ctrl+q": "Ctrl+Q",
	"ctrl+r": "Ctrl+R", "ctrl+x": "Ctrl+X", "ctrl+z": "Ctrl+Z",
}

// keyName returns the displayed name of a key.
func keyName(key string) string {
	if name, ok := keyNames[key]; ok {
		return name
	}
	return key
}
