package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// binding is a key, what it does, and what is said of it. Keys mean what these
// tables say, and so do the page of keys and the hints at the bottom.
type binding struct {
	keys []string // as Bubble Tea names them
	what translation
	hint bool // it is said at the bottom, too
	do   func() tea.Cmd
}

// key carries a key press out.
func (a *App) key(k tea.KeyPressMsg) tea.Cmd {
	a.notice = ""
	if a.asking != nil {
		return a.asking.key(a, k)
	}
	for _, binding := range slices.Concat(a.bindings(), a.everywhere()) {
		if slices.Contains(binding.keys, k.String()) {
			return binding.do()
		}
	}
	switch editor := a.typing(); {
	case editor != nil:
		editor.key(k)
	case k.Text != "":
		if _, slash := cutSlash(k.Text); slash && a.focus == onRoster {
			return a.askCommand()
		}
		return a.typeFromList(k.Text)
	}
	return nil
}

// typeFromList takes text that is typed or pasted while the list has the keys: it
// is for the chosen person.
func (a *App) typeFromList(text string) tea.Cmd {
	if a.focus != onRoster || a.asking != nil {
		return nil
	}
	return a.typeTo(a.roster.chosen(a), text)
}

// bindings are the keys of the pane that has the focus.
func (a *App) bindings() []binding {
	if a.focus == onRoster {
		return a.roster.bindings(a)
	}
	return a.page.bindings(a)
}

// typing is where text goes, nil if there is no such place now.
func (a *App) typing() *editor {
	switch {
	case a.asking != nil:
		return a.asking.answer
	case a.focus == onMain:
		return a.page.typing()
	}
	return nil
}

// everywhere are the keys that mean the same in all places. Where text is
// written, the letters among them are letters.
func (a *App) everywhere() []binding {
	help := []string{"f1"}
	if a.typing() == nil {
		help = []string{"?", "f1"}
	}
	return []binding{
		{keys: []string{"tab"}, what: wKeyOtherPane, do: a.otherPane},
		{keys: []string{"ctrl+l"}, what: wKeyRedraw, do: func() tea.Cmd { return tea.ClearScreen }},
		{keys: []string{"ctrl+z"}, what: wKeySuspend, do: func() tea.Cmd { return tea.Suspend }},
		{keys: []string{"ctrl+c"}, what: wKeyInterrupt, do: a.interrupt},
		{keys: []string{"ctrl+q"}, what: wKeyQuit, do: a.quit},
		{keys: help, what: wKeyHelp, hint: true, do: a.help},
	}
}

func (a *App) otherPane() tea.Cmd {
	a.focus = onMain - a.focus
	return a.seen()
}

// interrupt clears what is being written; where nothing is, it quits.
func (a *App) interrupt() tea.Cmd {
	if editor := a.typing(); editor != nil && editor.text != "" {
		editor.cut(0, len(editor.text))
		a.say(wCleared)
		return nil
	}
	return a.quit()
}

// quit ends the program, after a question if own words would be lost.
func (a *App) quit() tea.Cmd {
	waiting, failed := a.unsent()
	if lost := waiting + failed + a.drafts(); lost > 0 {
		a.confirm(a.lang.say(wQuitUnsent, lost), a.lang.say(wKeyQuit), func() tea.Cmd { return tea.Quit })
		return nil
	}
	return tea.Quit
}

// drafts counts the conversations in which something is written that was not
// sent.
func (a *App) drafts() int {
	n := 0
	for _, talk := range a.talks {
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
