package tui

import (
	tea "charm.land/bubbletea/v2"
)

// form is a page with fields to fill in.
type form struct {
	title  string
	note   translation // what to do, above the fields; 0 for nothing
	fields []*field
	at     int
	first  int // the field at the top, as it was shown last
	submit func() tea.Cmd
	what   translation // what submitting is called
}

// field is a line of text, or a choice.
type field struct {
	label   translation
	text    editor
	choices []choice // nil for a text
	picked  int
	before  string // the text that it began with
}

// choice is one of the values of a field, and how it is called.
type choice struct {
	word  translation
	value string
}

func textField(label translation, text string) *field {
	f := &field{label: label, before: text}
	f.text.set(text)
	return f
}

// value is what is filled in now.
func (f *field) value() string {
	if f.choices != nil {
		return f.choices[f.picked].value
	}
	return f.text.text
}

// pick chooses a value, if it is among the choices.
func (f *field) pick(value string) *field {
	for i, choice := range f.choices {
		if choice.value == value {
			f.picked = i
		}
	}
	f.before = f.value()
	return f
}

func (f *field) changed() bool { return f.value() != f.before }

func (f *form) typing() *editor {
	if here := f.fields[f.at]; here.choices == nil {
		return &here.text
	}
	return nil
}

func (f *form) bindings(app *App) []binding {
	all := []binding{
		{keys: []string{"enter"}, what: f.what, hint: true, do: func() tea.Cmd { return f.submit() }},
		{keys: []string{"down", "tab"}, what: wKeyNextField, hint: true, do: func() tea.Cmd { return f.move(+1) }},
		{keys: []string{"up", "shift+tab"}, what: wKeyPreviousField, do: func() tea.Cmd { return f.move(-1) }},
		{keys: []string{"esc"}, what: wKeyClose, hint: true, do: app.leave},
	}
	if f.typing() == nil {
		all = append(all,
			binding{keys: []string{"right", "space"}, what: wKeyNextChoice, hint: true, do: func() tea.Cmd { return f.choose(+1) }},
			binding{keys: []string{"left"}, what: wKeyPreviousChoice, do: func() tea.Cmd { return f.choose(-1) }})
	}
	return all
}

func (f *form) move(by int) tea.Cmd {
	f.at = (f.at + by + len(f.fields)) % len(f.fields)
	return nil
}

func (f *form) choose(by int) tea.Cmd {
	here := f.fields[f.at]
	here.picked = (here.picked + by + len(here.choices)) % len(here.choices)
	return nil
}

func (f *form) view(app *App, width, height int) ([]string, *tea.Position) {
	lines := app.heading(f.title, "", width)
	if f.note != 0 && height > len(f.fields)+4 {
		lines = append(append(lines, app.paragraph(f.note, width)...), "")
	}
	labels := 0
	for _, field := range f.fields {
		labels = max(labels, app.measure.StringWidth(app.lang.say(field.label)))
	}
	labels = min(labels, width/2)
	height = max(1, height-len(lines))
	f.first = scrolled(f.first, f.at, len(f.fields), height)
	var cursor *tea.Position
	for i := f.first; i < len(f.fields) && i < f.first+height; i++ {
		label := " " + fit(app.measure, app.lang.say(f.fields[i].label), labels) + "  "
		value, at := f.fields[i].view(app, width-labels-4, i == f.at)
		if at != nil && i == f.at {
			cursor = &tea.Position{X: app.measure.StringWidth(label) + at.X, Y: len(lines)}
		}
		if i == f.at {
			label = ">" + app.look.bold.Render(label[1:])
		}
		lines = append(lines, label+value)
	}
	return lines, cursor
}

// view is the field's value in one line.
func (f *field) view(app *App, width int, here bool) (string, *tea.Position) {
	if f.choices != nil {
		text := app.lang.say(f.choices[f.picked].word)
		if here {
			return app.look.chosen.Render("< " + text + " >"), nil
		}
		return text, nil
	}
	if !here {
		return cut(app.measure, f.text.text, width), nil
	}
	lines, at := f.text.view(app.measure, max(2, width), 1)
	return lines[0], &at
}
