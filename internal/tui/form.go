package tui

import (
	tea "charm.land/bubbletea/v2"
)

// form is a page of input fields.
type form struct {
	title        string
	note         textID // instructions above the fields; 0 for none
	fields       []*formField
	focusedIndex int
	topField     int // first visible field of the last view
	submit       func() tea.Cmd
	submitText   textID // label of the submit key
}

// formField is a text or a choice.
type formField struct {
	label        textID
	editor       editor
	choices      []fieldChoice // nil for a text field
	chosenIndex  int
	initialValue string
}

// fieldChoice is one option of a formField.
type fieldChoice struct {
	label textID
	value string
}

func newTextField(label textID, text string) *formField {
	f := &formField{label: label, initialValue: text}
	f.editor.setText(text)
	return f
}

// value returns the current text or the value of the chosen option.
func (f *formField) value() string {
	if f.choices != nil {
		return f.choices[f.chosenIndex].value
	}
	return f.editor.text
}

// selectValue chooses the option with a value as the initial one and returns f.
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
	if field := f.fields[f.focusedIndex]; field.choices == nil {
		return &field.editor
	}
	return nil
}

func (f *form) bindings(app *App) []keyBinding {
	bindings := []keyBinding{
		{keys: []string{"enter"}, description: f.submitText, isHint: true, run: func() tea.Cmd { return f.submit() }},
		{keys: []string{"down", "tab"}, description: textKeyNextField, isHint: true,
			run: func() tea.Cmd { return f.moveSelection(+1) }},
		{keys: []string{"up", "shift+tab"}, description: textKeyPreviousField,
			run: func() tea.Cmd { return f.moveSelection(-1) }},
		{keys: []string{"esc"}, description: textKeyClose, isHint: true, run: app.closePage},
	}
	if f.textEditor() == nil {
		bindings = append(bindings,
			keyBinding{keys: []string{"right", "space"}, description: textKeyNextChoice, isHint: true,
				run: func() tea.Cmd { return f.cycleChoice(+1) }},
			keyBinding{keys: []string{"left"}, description: textKeyPreviousChoice,
				run: func() tea.Cmd { return f.cycleChoice(-1) }})
	}
	return bindings
}

func (f *form) moveSelection(delta int) tea.Cmd {
	f.focusedIndex = (f.focusedIndex + delta + len(f.fields)) % len(f.fields)
	return nil
}

func (f *form) cycleChoice(delta int) tea.Cmd {
	field := f.fields[f.focusedIndex]
	field.chosenIndex = (field.chosenIndex + delta + len(field.choices)) % len(field.choices)
	return nil
}

func (f *form) view(app *App, width, height int) ([]string, *tea.Position) {
	lines := app.heading(f.title, "", width)
	if f.note != 0 && height > len(f.fields)+4 {
		lines = append(append(lines, app.paragraph(f.note, width)...), "")
	}
	labelWidth := 0
	for _, field := range f.fields {
		labelWidth = max(labelWidth, app.widthMethod.StringWidth(app.language.translate(field.label)))
	}
	labelWidth = min(labelWidth, width/2)
	height = max(1, height-len(lines))
	f.topField = scrollToShow(f.topField, f.focusedIndex, len(f.fields), height)
	var cursor *tea.Position
	for i := f.topField; i < len(f.fields) && i < f.topField+height; i++ {
		label := " " + fitWidth(app.widthMethod, app.language.translate(f.fields[i].label), labelWidth) + "  "
		value, fieldCursor := f.fields[i].view(app, width-labelWidth-4, i == f.focusedIndex)
		if fieldCursor != nil && i == f.focusedIndex {
			cursor = &tea.Position{X: app.widthMethod.StringWidth(label) + fieldCursor.X, Y: len(lines)}
		}
		if i == f.focusedIndex {
			label = ">" + app.theme.bold.Render(label[1:])
		}
		lines = append(lines, label+value)
	}
	return lines, cursor
}

// view returns the value as one line.
func (f *formField) view(app *App, width int, focused bool) (string, *tea.Position) {
	if f.choices != nil {
		text := app.language.translate(f.choices[f.chosenIndex].label)
		if focused {
			return app.theme.selected.Render("< " + text + " >"), nil
		}
		return text, nil
	}
	if !focused {
		return truncate(app.widthMethod, f.editor.text, width), nil
	}
	lines, cursor := f.editor.view(app.widthMethod, max(2, width), 1)
	return lines[0], &cursor
}
