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

func (welcomePage) bindings(*App) []keyBinding { return nil }
func (welcomePage) textEditor() *editor        { return nil }

func (welcomePage) view(app *App, width, _ int) ([]string, *tea.Position) {
	lines := append([]string{""}, app.paragraph(textWelcome, width)...)
	if !app.hasDevice {
		lines = append(append(lines, ""), app.paragraph(textAddressSession, width)...)
	}
	return lines, nil
}

// openConversation shows the conversation with an account, and has keys go to it.
func (a *App) openConversation(with client.UIN) tea.Cmd {
	talk := a.conversationWith(with)
	talk.firstUnread, talk.targetNumber = nil, 0
	for _, entry := range talk.entries {
		if entry.isUnread {
			talk.firstUnread = entry
			break
		}
	}
	a.roster.selected = with
	a.showPage(talk)
	if talk.historyRequested {
		return tea.Batch(a.loadNick(with), a.markVisibleRead(), a.catchUp())
	}
	return tea.Batch(a.loadNick(with), a.loadHistory(talk), a.markVisibleRead())
}

func (t *conversation) textEditor() *editor { return &t.draft }

func (t *conversation) bindings(app *App) []keyBinding {
	all := []keyBinding{
		{keys: []string{"enter"}, description: textKeySend, isHint: true, run: func() tea.Cmd { return t.submitDraft(app) }},
		{keys: []string{"alt+enter", "ctrl+j", "shift+enter"}, description: textKeyBreak, isHint: true, run: func() tea.Cmd { t.draft.insert("\n"); return nil }},
		{keys: []string{"esc"}, description: textKeyToList, isHint: true, run: app.closePage},
		{keys: []string{"pgup"}, description: textKeyPageUp, run: func() tea.Cmd { return t.scrollUp(app, t.viewHeight-1) }},
		{keys: []string{"pgdown"}, description: textKeyPageDown, run: func() tea.Cmd { return t.scrollUp(app, 1-t.viewHeight) }},
		{keys: []string{"ctrl+home"}, description: textKeyOldest, run: func() tea.Cmd { return t.scrollUp(app, t.rowCount) }},
		{keys: []string{"ctrl+end"}, description: textKeyNewest, run: func() tea.Cmd { return t.scrollUp(app, -t.rowCount) }},
		{keys: []string{"ctrl+f"}, description: textKeySearchHere, run: func() tea.Cmd { return app.showSearch(t.peer, "") }},
		{keys: []string{"ctrl+n"}, description: textKeyNextUnread, run: app.openNextUnread},
		{keys: []string{"ctrl+r"}, description: textKeyRetry, run: func() tea.Cmd { return app.retryFailed(t) }},
		{keys: []string{"ctrl+x"}, description: textKeyDiscard, run: func() tea.Cmd { return app.discardFailed(t) }},
	}
	if len(t.draft.wrappedRows()) == 1 { // else they move in what is being written
		all = append(all,
			keyBinding{keys: []string{"up"}, description: textKeyUp, run: func() tea.Cmd { return t.scrollUp(app, 1) }},
			keyBinding{keys: []string{"down"}, description: textKeyDown, run: func() tea.Cmd { return t.scrollUp(app, -1) }})
	}
	return all
}

// maxText is how long a message may be, in bytes.
const maxMessageBytes = 4000

// submitDraft sends what was written, or does what it says. What can be neither stays.
func (t *conversation) submitDraft(app *App) tea.Cmd {
	line := app.parseLine(strings.TrimRight(t.draft.text, " \n"))
	text := line.text
	switch {
	case line.isCommand:
		draft := t.draft
		t.draft.setText("")
		cmd, done := app.runCommand(line, app.contacts.getOrAdd(t.peer))
		if !done {
			t.draft = draft
		}
		return cmd
	case strings.TrimSpace(text) == "":
		return nil
	case t.peer == client.System:
		app.showNotice(textSystemIsDeaf)
		return nil
	case len(text) > maxMessageBytes:
		app.showNotice(textTooLong, len(text), maxMessageBytes)
		return nil
	}
	t.draft.setText("")
	t.scrollOffset, t.firstUnread = 0, nil
	return app.queueMessage(t, text)
}

// scrollUp moves the view up by rows, down if by is negative. At the top older
// messages are loaded.
func (t *conversation) scrollUp(app *App, by int) tea.Cmd {
	top := max(0, t.rowCount-t.viewHeight)
	t.scrollOffset = min(max(0, t.scrollOffset+by), top)
	if by > 0 && t.scrollOffset == top {
		if !app.hasDevice {
			app.refuseWithoutDevice()
			return nil
		}
		return app.loadHistory(t)
	}
	return nil
}

// maxDraft is how many rows the text being written may take.
const maxDraftRows = 5

func (t *conversation) view(app *App, width, height int) ([]string, *tea.Position) {
	var lines []string
	if height >= 4 {
		lines = t.headerLines(app, width)
		if height < 8 {
			lines = lines[:1]
		}
	}
	draft, cursor := t.draft.view(app.widthMethod, width-2, max(1, min(maxDraftRows, (height-len(lines))/2)))
	under := 0 // the line above the draft
	if height >= 8 {
		under = 1
	}
	t.viewHeight = max(0, height-len(lines)-len(draft)-under)
	lines = append(lines, t.visibleRows(app, width, t.viewHeight)...)
	if under > 0 {
		lines = append(lines, t.draftRule(app, width))
	}
	cursor = tea.Position{X: cursor.X + 2, Y: cursor.Y + len(lines)}
	for i, line := range draft {
		lines = append(lines, map[bool]string{true: "> ", false: "  "}[i == 0]+line)
	}
	return lines, &cursor
}

func (t *conversation) headerLines(app *App, width int) []string {
	person := app.contacts.getOrAdd(t.peer)
	title := person.displayName()
	if person.nick != "" {
		title += " (" + t.peer.String() + ")"
	}
	return app.heading(title, app.statusText(person), width)
}

// statusText says in words what a person's sign says in a character.
func (a *App) statusText(p *person) string {
	switch {
	case p.uin == client.System:
		return a.language.translate(textOperator)
	case p.isBlocked:
		return a.language.translate(textBlocked)
	case !p.isFriend:
		return a.language.translate(textStranger)
	}
	return a.language.translate(statusTexts[p.status])
}

// draftRule is the line above what is being written: it says what is out of
// sight, and how much room is left.
func (t *conversation) draftRule(app *App, width int) string {
	var note string
	if n := len(t.draft.text); n > maxMessageBytes*3/4 {
		note = fmt.Sprintf(" %d/%d ", n, maxMessageBytes)
	}
	if t.scrollOffset > 0 {
		note += " " + app.language.translate(textBelow, t.scrollOffset) + " "
	}
	note = truncate(app.widthMethod, note, width)
	return app.theme.faint.Render(strings.Repeat("-", max(0, width-app.widthMethod.StringWidth(note)))) + note
}

// visibleRows are the rows that are in view.
func (t *conversation) visibleRows(app *App, width, height int) []string {
	rows, target := t.buildRows(app, width)
	t.rowCount = len(rows)
	if target >= 0 {
		t.scrollToTarget, t.scrollOffset = false, t.rowCount-target-(height+1)/2
	}
	t.scrollOffset = max(0, min(t.scrollOffset, t.rowCount-height))
	to := t.rowCount - t.scrollOffset
	from := max(0, to-height)
	view := rows[from:to:to]
	for len(view) < height {
		view = append([]string{""}, view...) // the newest stand just above the draft
	}
	return view
}

// buildRows are the rows of the whole conversation, and what stands between
// messages. target is the row of the message to be shown, -1 if there is none.
func (t *conversation) buildRows(app *App, width int) (rows []string, target int) {
	rows, target = t.historyEdgeRows(app, width), -1
	var before *messageEntry
	for _, entry := range t.entries {
		if before == nil || app.formatDay(before.Time) != app.formatDay(entry.Time) {
			rows = append(rows, app.divider(app.formatDay(entry.Time), width))
			before = nil
		}
		if entry == t.firstUnread {
			rows = append(rows, app.divider(app.language.translate(textNew), width))
			before = nil
		}
		if isChatText(entry) && (before == nil || !isChatText(before) || before.Kind != entry.Kind || entry.Time.Sub(before.Time) > speakerInterval) {
			rows = append(rows, app.speakerLine(entry, width))
		}
		shown := app.entryRows(entry, width)
		if t.targetNumber != 0 && entry.Number == t.targetNumber {
			if t.scrollToTarget {
				target = len(rows)
			}
			shown = app.highlightRows(shown)
		}
		rows = append(rows, shown...)
		before = entry
	}
	return rows, target
}

// highlightRows are a message's rows when it is the one that was looked for.
func (a *App) highlightRows(rows []string) []string {
	all := make([]string, len(rows))
	for i, row := range rows {
		all[i] = ">" + a.theme.bold.Render(row[1:])
	}
	return all
}

// together is how long words of one speaker stand under one name.
const speakerInterval = 5 * time.Minute

// scrolledRowCount is how many rows the conversation has, 0 if that does not matter: if
// the view is at its end.
func (t *conversation) scrolledRowCount(app *App) int {
	if t.scrollOffset == 0 {
		return 0
	}
	rows, _ := t.buildRows(app, app.layout().pageWidth)
	return len(rows)
}

// isChatText tells words from what only happened.
func isChatText(e *messageEntry) bool {
	return e.Kind == client.KindMessage || e.Kind == client.KindSent
}

// historyEdgeRows is what stands above the oldest message.
func (t *conversation) historyEdgeRows(app *App, width int) []string {
	switch {
	case t.isLoading:
		return []string{app.divider(app.language.translate(textLoading), width)}
	case !app.hasDevice:
		return app.paragraph(textNoHistory, width)
	case t.isComplete && len(t.entries) == 0:
		return app.paragraph(textNothingSaid, width)
	case t.isComplete:
		return []string{app.divider(app.language.translate(textBeginning), width)}
	case t.historyRequested:
		return []string{app.divider(app.language.translate(textOlder), width)}
	}
	return nil
}

func (a *App) divider(text string, width int) string {
	text = truncate(a.widthMethod, " "+text+" ", width)
	room := width - a.widthMethod.StringWidth(text)
	return a.theme.faint.Render(strings.Repeat("-", room/2) + text + strings.Repeat("-", room-room/2))
}

// speakerLine is the line with who said it, and when.
func (a *App) speakerLine(e *messageEntry, width int) string {
	name, style := a.contacts.getOrAdd(e.Peer).displayName(), a.theme.peerName
	if e.Kind == client.KindSent {
		name, style = a.language.translate(textYou), a.theme.ownName
	}
	at := a.localTime(e.Time).Format(" 15:04")
	return style.Render(truncate(a.widthMethod, name, width-len(at))) + a.theme.faint.Render(at)
}

// entryRows are a message's own rows. They are kept, since wrapping is what takes
// time in a long conversation.
func (a *App) entryRows(e *messageEntry, width int) []string {
	if !isChatText(e) {
		return a.noticeRows(e, width)
	}
	if e.wrappedRows == nil || e.wrappedWidth != width {
		e.wrappedRows, e.wrappedWidth = a.wrapEntry(e, width), width
	}
	if e.sendState == sendPending {
		translation := textSending
		if !a.connection.Connected {
			translation = textWaits
		}
		return append(e.wrappedRows[:len(e.wrappedRows):len(e.wrappedRows)], a.theme.warning.Render("  ["+a.language.translate(translation)+"]"))
	}
	return e.wrappedRows
}

func (a *App) wrapEntry(e *messageEntry, width int) []string {
	var rows []string
	for _, line := range wrapLines(a.widthMethod, e.Text, width-3) {
		rows = append(rows, "  "+line)
	}
	if e.sendState == sendFailed {
		for _, line := range wrapLines(a.widthMethod, "["+a.language.translate(textNotSent, e.sendError)+"]", width-3) {
			rows = append(rows, "  "+a.theme.failure.Render(line))
		}
	}
	return rows
}

// requestOutcome says what has become of somebody's request.
func (a *App) requestOutcome(from client.UIN) textID {
	_, waits := a.friendRequests[from]
	switch {
	case waits:
		return textNotAnswered
	case a.contacts.getOrAdd(from).isFriend:
		return textWasAccepted
	}
	return textWasAnswered
}

// noticeRows are what has happened between two people, other than words.
func (a *App) noticeRows(e *messageEntry, width int) []string {
	name := a.contacts.getOrAdd(e.Peer).displayName()
	var text string
	switch e.Kind {
	case client.KindAdded:
		text = a.language.translate(textHasAdded, name)
	case client.KindAsks:
		text = a.language.translate(textAsksYou, name, e.Text) + " " + a.language.translate(a.requestOutcome(e.Peer))
	case client.KindAccepted:
		text = a.language.translate(textHasAccepted, name)
	case client.KindRejected:
		text = a.language.translate(textHasRejected, name, e.Text)
	default:
		text = e.Text
	}
	var rows []string
	for _, line := range wrapLines(a.widthMethod, "* "+text, width-1) {
		rows = append(rows, a.theme.faint.Render(line))
	}
	return rows
}
