package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// welcomePage is the main pane before a conversation is opened.
type welcomePage struct{}

func (welcomePage) bindings(*App) []binding { return nil }
func (welcomePage) typing() *editor         { return nil }

func (welcomePage) view(app *App, width, _ int) ([]string, *tea.Position) {
	lines := append([]string{""}, app.paragraph(wWelcome, width)...)
	if !app.device {
		lines = append(append(lines, ""), app.paragraph(wAddressSession, width)...)
	}
	return lines, nil
}

// open shows the conversation with an account, and has keys go to it.
func (a *App) open(with client.UIN) tea.Cmd {
	talk := a.talk(with)
	talk.fresh, talk.target = nil, 0
	for _, entry := range talk.entries {
		if entry.unread {
			talk.fresh = entry
			break
		}
	}
	a.roster.at = with
	a.show(talk)
	if talk.asked {
		return tea.Batch(a.who(with), a.seen(), a.catchUp())
	}
	return tea.Batch(a.who(with), a.load(talk), a.seen())
}

func (t *conversation) typing() *editor { return &t.draft }

func (t *conversation) bindings(app *App) []binding {
	all := []binding{
		{keys: []string{"enter"}, what: wKeySend, hint: true, do: func() tea.Cmd { return t.submit(app) }},
		{keys: []string{"alt+enter", "ctrl+j", "shift+enter"}, what: wKeyBreak, hint: true, do: func() tea.Cmd { t.draft.insert("\n"); return nil }},
		{keys: []string{"esc"}, what: wKeyToList, hint: true, do: app.leave},
		{keys: []string{"pgup"}, what: wKeyPageUp, do: func() tea.Cmd { return t.scroll(app, t.height-1) }},
		{keys: []string{"pgdown"}, what: wKeyPageDown, do: func() tea.Cmd { return t.scroll(app, 1-t.height) }},
		{keys: []string{"ctrl+home"}, what: wKeyOldest, do: func() tea.Cmd { return t.scroll(app, t.rows) }},
		{keys: []string{"ctrl+end"}, what: wKeyNewest, do: func() tea.Cmd { return t.scroll(app, -t.rows) }},
		{keys: []string{"ctrl+f"}, what: wKeySearchHere, do: func() tea.Cmd { return app.searchFor(t.with, "") }},
		{keys: []string{"ctrl+n"}, what: wKeyNextUnread, do: app.nextUnread},
		{keys: []string{"ctrl+r"}, what: wKeyRetry, do: func() tea.Cmd { return app.retry(t) }},
		{keys: []string{"ctrl+x"}, what: wKeyDiscard, do: func() tea.Cmd { return app.discard(t) }},
	}
	if len(t.draft.rows()) == 1 { // else they move in what is being written
		all = append(all,
			binding{keys: []string{"up"}, what: wKeyUp, do: func() tea.Cmd { return t.scroll(app, 1) }},
			binding{keys: []string{"down"}, what: wKeyDown, do: func() tea.Cmd { return t.scroll(app, -1) }})
	}
	return all
}

// maxText is how long a message may be, in bytes.
const maxText = 4000

// submit sends what was written, or does what it says. What can be neither stays.
func (t *conversation) submit(app *App) tea.Cmd {
	line := app.readLine(strings.TrimRight(t.draft.text, " \n"))
	text := line.text
	switch {
	case line.command:
		draft := t.draft
		t.draft.set("")
		cmd, done := app.carryOut(line, app.people.of(t.with))
		if !done {
			t.draft = draft
		}
		return cmd
	case strings.TrimSpace(text) == "":
		return nil
	case t.with == client.System:
		app.say(wSystemIsDeaf)
		return nil
	case len(text) > maxText:
		app.say(wTooLong, len(text), maxText)
		return nil
	}
	t.draft.set("")
	t.offset, t.fresh = 0, nil
	return app.send(t, text)
}

// scroll moves the view up by rows, down if by is negative. At the top older
// messages are loaded.
func (t *conversation) scroll(app *App, by int) tea.Cmd {
	top := max(0, t.rows-t.height)
	t.offset = min(max(0, t.offset+by), top)
	if by > 0 && t.offset == top {
		if !app.device {
			app.needsDevice()
			return nil
		}
		return app.load(t)
	}
	return nil
}

// maxDraft is how many rows the text being written may take.
const maxDraft = 5

func (t *conversation) view(app *App, width, height int) ([]string, *tea.Position) {
	var lines []string
	if height >= 4 {
		lines = t.header(app, width)
		if height < 8 {
			lines = lines[:1]
		}
	}
	draft, cursor := t.draft.view(app.measure, width-2, max(1, min(maxDraft, (height-len(lines))/2)))
	under := 0 // the line above the draft
	if height >= 8 {
		under = 1
	}
	t.height = max(0, height-len(lines)-len(draft)-under)
	lines = append(lines, t.messages(app, width, t.height)...)
	if under > 0 {
		lines = append(lines, t.draftRule(app, width))
	}
	cursor = tea.Position{X: cursor.X + 2, Y: cursor.Y + len(lines)}
	for i, line := range draft {
		lines = append(lines, map[bool]string{true: "> ", false: "  "}[i == 0]+line)
	}
	return lines, &cursor
}

func (t *conversation) header(app *App, width int) []string {
	person := app.people.of(t.with)
	title := person.name()
	if person.nick != "" {
		title += " (" + t.with.String() + ")"
	}
	return app.heading(title, app.standing(person), width)
}

// standing says in words what a person's sign says in a character.
func (a *App) standing(p *person) string {
	switch {
	case p.uin == client.System:
		return a.lang.say(wOperator)
	case p.blocked:
		return a.lang.say(wBlocked)
	case !p.friend:
		return a.lang.say(wStranger)
	}
	return a.lang.say(statusWords[p.status])
}

// draftRule is the line above what is being written: it says what is out of
// sight, and how much room is left.
func (t *conversation) draftRule(app *App, width int) string {
	var note string
	if n := len(t.draft.text); n > maxText*3/4 {
		note = fmt.Sprintf(" %d/%d ", n, maxText)
	}
	if t.offset > 0 {
		note += " " + app.lang.say(wBelow, t.offset) + " "
	}
	note = cut(app.measure, note, width)
	return app.look.faint.Render(strings.Repeat("-", max(0, width-app.measure.StringWidth(note)))) + note
}

// messages are the rows that are in view.
func (t *conversation) messages(app *App, width, height int) []string {
	rows, target := t.allRows(app, width)
	t.rows = len(rows)
	if target >= 0 {
		t.jump, t.offset = false, t.rows-target-(height+1)/2
	}
	t.offset = max(0, min(t.offset, t.rows-height))
	to := t.rows - t.offset
	from := max(0, to-height)
	view := rows[from:to:to]
	for len(view) < height {
		view = append([]string{""}, view...) // the newest stand just above the draft
	}
	return view
}

// allRows are the rows of the whole conversation, and what stands between
// messages. target is the row of the message to be shown, -1 if there is none.
func (t *conversation) allRows(app *App, width int) (rows []string, target int) {
	rows, target = t.beginning(app, width), -1
	var before *entry
	for _, entry := range t.entries {
		if before == nil || app.day(before.Time) != app.day(entry.Time) {
			rows = append(rows, app.divider(app.day(entry.Time), width))
			before = nil
		}
		if entry == t.fresh {
			rows = append(rows, app.divider(app.lang.say(wNew), width))
			before = nil
		}
		if said(entry) && (before == nil || !said(before) || before.Kind != entry.Kind || entry.Time.Sub(before.Time) > together) {
			rows = append(rows, app.speaker(entry, width))
		}
		shown := app.rowsFor(entry, width)
		if t.target != 0 && entry.Number == t.target {
			if t.jump {
				target = len(rows)
			}
			shown = app.marked(shown)
		}
		rows = append(rows, shown...)
		before = entry
	}
	return rows, target
}

// marked are a message's rows when it is the one that was looked for.
func (a *App) marked(rows []string) []string {
	all := make([]string, len(rows))
	for i, row := range rows {
		all[i] = ">" + a.look.bold.Render(row[1:])
	}
	return all
}

// together is how long words of one speaker stand under one name.
const together = 5 * time.Minute

// length is how many rows the conversation has, 0 if that does not matter: if
// the view is at its end.
func (t *conversation) length(app *App) int {
	if t.offset == 0 {
		return 0
	}
	rows, _ := t.allRows(app, app.layout().mainWidth)
	return len(rows)
}

// said tells words from what only happened.
func said(e *entry) bool { return e.Kind == client.KindMessage || e.Kind == client.KindSent }

// beginning is what stands above the oldest message.
func (t *conversation) beginning(app *App, width int) []string {
	switch {
	case t.loading:
		return []string{app.divider(app.lang.say(wLoading), width)}
	case !app.device:
		return app.paragraph(wNoHistory, width)
	case t.whole && len(t.entries) == 0:
		return app.paragraph(wNothingSaid, width)
	case t.whole:
		return []string{app.divider(app.lang.say(wBeginning), width)}
	case t.asked:
		return []string{app.divider(app.lang.say(wOlder), width)}
	}
	return nil
}

func (a *App) divider(text string, width int) string {
	text = cut(a.measure, " "+text+" ", width)
	room := width - a.measure.StringWidth(text)
	return a.look.faint.Render(strings.Repeat("-", room/2) + text + strings.Repeat("-", room-room/2))
}

// speaker is the line with who said it, and when.
func (a *App) speaker(e *entry, width int) string {
	name, style := a.people.of(e.Peer).name(), a.look.theirs
	if e.Kind == client.KindSent {
		name, style = a.lang.say(wYou), a.look.mine
	}
	at := a.local(e.Time).Format(" 15:04")
	return style.Render(cut(a.measure, name, width-len(at))) + a.look.faint.Render(at)
}

// rowsFor are a message's own rows. They are kept, since wrapping is what takes
// time in a long conversation.
func (a *App) rowsFor(e *entry, width int) []string {
	if !said(e) {
		return a.noteRows(e, width)
	}
	if e.shown == nil || e.shownWidth != width {
		e.shown, e.shownWidth = a.wrapEntry(e, width), width
	}
	if e.fate == fateWaiting {
		translation := wSending
		if !a.link.Connected {
			translation = wWaits
		}
		return append(e.shown[:len(e.shown):len(e.shown)], a.look.busy.Render("  ["+a.lang.say(translation)+"]"))
	}
	return e.shown
}

func (a *App) wrapEntry(e *entry, width int) []string {
	var rows []string
	for _, line := range wrapped(a.measure, e.Text, width-3) {
		rows = append(rows, "  "+line)
	}
	if e.fate == fateFailed {
		for _, line := range wrapped(a.measure, "["+a.lang.say(wNotSent, e.why)+"]", width-3) {
			rows = append(rows, "  "+a.look.bad.Render(line))
		}
	}
	return rows
}

// answered says what has become of somebody's request.
func (a *App) answered(from client.UIN) translation {
	_, waits := a.requests[from]
	switch {
	case waits:
		return wNotAnswered
	case a.people.of(from).friend:
		return wWasAccepted
	}
	return wWasAnswered
}

// noteRows are what has happened between two people, other than words.
func (a *App) noteRows(e *entry, width int) []string {
	name := a.people.of(e.Peer).name()
	var text string
	switch e.Kind {
	case client.KindAdded:
		text = a.lang.say(wHasAdded, name)
	case client.KindAsks:
		text = a.lang.say(wAsksYou, name, e.Text) + " " + a.lang.say(a.answered(e.Peer))
	case client.KindAccepted:
		text = a.lang.say(wHasAccepted, name)
	case client.KindRejected:
		text = a.lang.say(wHasRejected, name, e.Text)
	default:
		text = e.Text
	}
	var rows []string
	for _, line := range wrapped(a.measure, "* "+text, width-1) {
		rows = append(rows, a.look.faint.Render(line))
	}
	return rows
}
