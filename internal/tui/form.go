package tui

import (
	tea "charm.land/bubbletea/v2"
)

// form is a page with fields to fill in.
type form struct {
	title        string
	note         textID // what to do, above the fields; 0 for nothing
	fields       []*formField
	focusedIndex int
	topField     int // the field at the top, as it was shown last
	submit       func() tea.Cmd
	submitText   textID // what submitting is called
}

// field is a line of text, or a choice.
type formField struct {
	label        textID
	editor       editor
	choices      []fieldChoice // nil for a text
	chosenIndex  int
	initialValue string // the text that it began with
}

// choice is one of the values of a field, and how it is called.
type fieldChoice struct {
	label textID
	value string
}

func newTextField(label textID, text string) *formField {
	f := &formField{label: label, initialValue: text}
	f.editor.setText(text)
	return f
}

// value is what is filled in now.
func (f *formField) value() string {
	if f.choices != nil {
		return f.choices[f.chosenIndex].value
	}
	return f.editor.text
}

// selectValue chooses a value, if it is among the choices.
func (f *formField) selectValue(value string) *formField {
	for i, choice := range f.choices {
		if choice.value == value {
			f.chosenIndex = i
		}
	}
	f.initialValue = f.value()
	return f
}

func (f *formField) isChanged() bool { return f.value() != f.initialValue }

func (f *form) textEditor() *editor {
	if here := f.fields[f.focusedIndex]; here.choices == nil {
		return &here.editor
	}
	return nil
}

func (f *form) bindings(app *App) []keyBinding {
	all := []keyBinding{
		{keys: []string{"enter"}, description: f.submitText, isHint: true, run: func() tea.Cmd { return f.submit() }},
		{keys: []string{"down", "tab"}, description: textKeyNextField, isHint: true, run: func() tea.Cmd { return f.moveSelection(+1) }},
		{keys: []string{"up", "shift+tab"}, description: textKeyPreviousField, run: func() tea.Cmd { return f.moveSelection(-1) }},
		{keys: []string{"esc"}, description: textKeyClose, isHint: true, run: app.closePage},
	}
	if f.textEditor() == nil {
		all = append(all,
			keyBinding{keys: []string{"right", "space"}, description: textKeyNextChoice, isHint: true, run: func() tea.Cmd { return f.cycleChoice(+1) }},
			keyBinding{keys: []string{"left"}, description: textKeyPreviousChoice, run: func() tea.Cmd { return f.cycleChoice(-1) }})
	}
	return all
}

func (f *form) moveSelection(by int) tea.Cmd {
	f.focusedIndex = (f.focusedIndex + by + len(f.fields)) % len(f.fields)
	return nil
}

func (f *form) cycleChoice(by int) tea.Cmd {
	here := f.fields[f.focusedIndex]
	here.chosenIndex = (here.chosenIndex + by + len(here.choices)) % len(here.choices)
	return nil
}

func (f *form) view(app *App, width, height int) ([]string, *tea.Position) {
	lines := app.heading(f.title, "", width)
	if f.note != 0 && height > len(f.fields)+4 {
		lines = append(append(lines, app.paragraph(f.note, width)...), "")
	}
	labels := 0
	for _, field := range f.fields {
		labels = max(labels, app.widthMethod.StringWidth(app.language.translate(field.label)))
	}
	labels = min(labels, width/2)
	height = max(1, height-len(lines))
	f.topField = scrollToShow(f.topField, f.focusedIndex, len(f.fields), height)
	var cursor *tea.Position
	for i := f.topField; i < len(f.fields) && i < f.topField+height; i++ {
		label := " " + fitWidth(app.widthMethod, app.language.translate(f.fields[i].label), labels) + "  "
		value, at := f.fields[i].view(app, width-labels-4, i == f.focusedIndex)
		if at != nil && i == f.focusedIndex {
			cursor = &tea.Position{X: app.widthMethod.StringWidth(label) + at.X, Y: len(lines)}
		}
		if i == f.focusedIndex {
			label = ">" + app.theme.bold.Render(label[1:])
		}
		lines = append(lines, label+value)
	}
	return lines, cursor
}

// view is the field's value in one line.
func (f *formField) view(app *App, width int, here bool) (string, *tea.Position) {
	if f.choices != nil {
		text := app.language.translate(f.choices[f.chosenIndex].label)
		if here {
			return app.theme.selected.Render("< " + text + " >"), nil
		}
		return text, nil
	}
	if !here {
		return truncate(app.widthMethod, f.editor.text, width), nil
	}
	lines, at := f.editor.view(app.widthMethod, max(2, width), 1)
	return lines[0], &at
}
