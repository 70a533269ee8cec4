package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// welcomePage fills the main pane before the first conversation is opened.
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

// openConversation shows the conversation with an account and moves the focus to it.
func (a *App) openConversation(peer client.UIN) tea.Cmd {
	conv := a.conversationWith(peer)
	conv.firstUnread, conv.targetNumber = nil, 0
	for _, entry := range conv.entries {
		if entry.isUnread {
			conv.firstUnread = entry
			break
		}
	}
	a.roster.selected = peer
	a.showPage(conv)
	if conv.historyRequested {
		return tea.Batch(a.loadNick(peer), a.markVisibleRead(), a.catchUp())
	}
	return tea.Batch(a.loadNick(peer), a.loadHistory(conv), a.markVisibleRead())
}

func (c *conversation) textEditor() *editor { return &c.draft }

func (c *conversation) bindings(app *App) []keyBinding {
	bindings := []keyBinding{
		{keys: []string{"enter"}, description: textKeySend, isHint: true,
			run: func() tea.Cmd { return c.submitDraft(app) }},
		{keys: []string{"alt+enter", "ctrl+j", "shift+enter"}, description: textKeyBreak, isHint: true,
			run: func() tea.Cmd { c.draft.insert("\n"); return nil }},
		{keys: []string{"esc"}, description: textKeyToList, isHint: true, run: app.closePage},
		{keys: []string{"pgup"}, description: textKeyPageUp,
			run: func() tea.Cmd { return c.scrollUp(app, c.viewHeight-1) }},
		{keys: []string{"pgdown"}, description: textKeyPageDown,
			run: func() tea.Cmd { return c.scrollUp(app, 1-c.viewHeight) }},
		{keys: []string{"ctrl+home"}, description: textKeyOldest,
			run: func() tea.Cmd { return c.scrollUp(app, c.rowCount) }},
		{keys: []string{"ctrl+end"}, description: textKeyNewest,
			run: func() tea.Cmd { return c.scrollUp(app, -c.rowCount) }},
		{keys: []string{"ctrl+f"}, description: textKeySearchHere,
			run: func() tea.Cmd { return app.showSearch(c.peer, "") }},
		{keys: []string{"ctrl+n"}, description: textKeyNextUnread, run: app.openNextUnread},
		{keys: []string{"ctrl+r"}, description: textKeyRetry, run: func() tea.Cmd { return app.retryFailed(c) }},
		{keys: []string{"ctrl+x"}, description: textKeyDiscard, run: func() tea.Cmd { return app.discardFailed(c) }},
	}
	if len(c.draft.wrappedRows()) == 1 { // in longer drafts these keys move the cursor
		bindings = append(bindings,
			keyBinding{keys: []string{"up"}, description: textKeyUp, run: func() tea.Cmd { return c.scrollUp(app, 1) }},
			keyBinding{keys: []string{"down"}, description: textKeyDown,
				run: func() tea.Cmd { return c.scrollUp(app, -1) }})
	}
	return bindings
}

// maxMessageBytes is the server's limit for one message.
const maxMessageBytes = 4000

// submitDraft sends the draft, or runs it as a command. An invalid draft stays in the
// editor.
func (c *conversation) submitDraft(app *App) tea.Cmd {
	line := app.parseLine(strings.TrimRight(c.draft.text, " \n"))
	text := line.text
	switch {
	case line.isCommand:
		draft := c.draft
		c.draft.setText("")
		cmd, done := app.runCommand(line, app.contacts.getOrAdd(c.peer))
		if !done {
			c.draft = draft
		}
		return cmd
	case strings.TrimSpace(text) == "":
		return nil
	case c.peer == client.System:
		app.showNotice(textSystemIsDeaf)
		return nil
	case len(text) > maxMessageBytes:
		app.showNotice(textTooLong, len(text), maxMessageBytes)
		return nil
	}
	c.draft.setText("")
	c.scrollOffset, c.firstUnread = 0, nil
	return app.queueMessage(c, text)
}

// scrollUp scrolls by rows, down if by is negative. At the top it loads older messages.
func (c *conversation) scrollUp(app *App, delta int) tea.Cmd {
	top := max(0, c.rowCount-c.viewHeight)
	c.scrollOffset = min(max(0, c.scrollOffset+delta), top)
	if delta > 0 && c.scrollOffset == top {
		if !app.hasDevice {
			app.refuseWithoutDevice()
			return nil
		}
		return app.loadHistory(c)
	}
	return nil
}

// maxDraftRows bounds the height of the editor.
const maxDraftRows = 5

func (c *conversation) view(app *App, width, height int) ([]string, *tea.Position) {
	var lines []string
	if height >= 4 {
		lines = c.headerLines(app, width)
		if height < 8 {
			lines = lines[:1]
		}
	}
	draft, cursor := c.draft.view(app.widthMethod, width-2, max(1, min(maxDraftRows, (height-len(lines))/2)))
	ruleHeight := 0 // 1 with a line above the draft
	if height >= 8 {
		ruleHeight = 1
	}
	c.viewHeight = max(0, height-len(lines)-len(draft)-ruleHeight)
	lines = append(lines, c.visibleRows(app, width, c.viewHeight)...)
	if ruleHeight > 0 {
		lines = append(lines, c.draftRule(app, width))
	}
	cursor = tea.Position{X: cursor.X + 2, Y: cursor.Y + len(lines)}
	for i, line := range draft {
		lines = append(lines, map[bool]string{true: "> ", false: "  "}[i == 0]+line)
	}
	return lines, &cursor
}

func (c *conversation) headerLines(app *App, width int) []string {
	person := app.contacts.getOrAdd(c.peer)
	title := person.displayName()
	if person.nick != "" {
		title += " (" + c.peer.String() + ")"
	}
	return app.heading(title, app.statusText(person), width)
}

// statusText says in words what person.statusSign shows as a character.
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

// draftRule is the line above the draft. It shows how many rows are hidden below and,
// near the limit, the length of the draft.
func (c *conversation) draftRule(app *App, width int) string {
	var note string
	if count := len(c.draft.text); count > maxMessageBytes*3/4 {
		note = fmt.Sprintf(" %d/%d ", count, maxMessageBytes)
	}
	if c.scrollOffset > 0 {
		note += " " + app.language.translate(textBelow, c.scrollOffset) + " "
	}
	note = truncate(app.widthMethod, note, width)
	return app.theme.faint.Render(strings.Repeat("-", max(0, width-app.widthMethod.StringWidth(note)))) + note
}

// visibleRows returns the rows in view and applies scrollToTarget.
func (c *conversation) visibleRows(app *App, width, height int) []string {
	rows, target := c.buildRows(app, width)
	c.rowCount = len(rows)
	if target >= 0 {
		c.scrollToTarget, c.scrollOffset = false, c.rowCount-target-(height+1)/2
	}
	c.scrollOffset = max(0, min(c.scrollOffset, c.rowCount-height))
	to := c.rowCount - c.scrollOffset
	from := max(0, to-height)
	view := rows[from:to:to]
	for len(view) < height {
		view = append([]string{""}, view...) // empty rows go to the top
	}
	return view
}

// buildRows returns all rows of the conversation, including dividers and speaker lines.
// target is the row to scroll to, or -1.
func (c *conversation) buildRows(app *App, width int) (rows []string, target int) {
	rows, target = c.historyEdgeRows(app, width), -1
	var before *messageEntry
	for _, entry := range c.entries {
		if before == nil || app.formatDay(before.Time) != app.formatDay(entry.Time) {
			rows = append(rows, app.divider(app.formatDay(entry.Time), width))
			before = nil
		}
		if entry == c.firstUnread {
			rows = append(rows, app.divider(app.language.translate(textNew), width))
			before = nil
		}
		if isChatText(entry) && (before == nil || !isChatText(before) || before.Kind != entry.Kind ||
			entry.Time.Sub(before.Time) > speakerInterval) {
			rows = append(rows, app.speakerLine(entry, width))
		}
		shown := app.entryRows(entry, width)
		if c.targetNumber != 0 && entry.Number == c.targetNumber {
			if c.scrollToTarget {
				target = len(rows)
			}
			shown = app.highlightRows(shown)
		}
		rows = append(rows, shown...)
		before = entry
	}
	return rows, target
}

// highlightRows marks the rows of a search result.
func (a *App) highlightRows(rows []string) []string {
	highlighted := make([]string, len(rows))
	for i, row := range rows {
		highlighted[i] = ">" + a.theme.bold.Render(row[1:])
	}
	return highlighted
}

// speakerInterval is the longest gap between messages under one speaker line.
const speakerInterval = 5 * time.Minute

// scrolledRowCount returns the number of rows, or 0 if the view is at the end, where new
// rows need no adjustment of scrollOffset.
func (c *conversation) scrolledRowCount(app *App) int {
	if c.scrollOffset == 0 {
		return 0
	}
	rows, _ := c.buildRows(app, app.layout().pageWidth)
	return len(rows)
}

// isChatText reports whether the entry is a text, not a notice about a friendship.
func isChatText(entry *messageEntry) bool {
	return entry.Kind == client.KindMessage || entry.Kind == client.KindSent
}

// historyEdgeRows are the rows above the oldest entry. They show the state of the history.
func (c *conversation) historyEdgeRows(app *App, width int) []string {
	switch {
	case c.isLoading:
		return []string{app.divider(app.language.translate(textLoading), width)}
	case !app.hasDevice:
		return app.paragraph(textNoHistory, width)
	case c.isComplete && len(c.entries) == 0:
		return app.paragraph(textNothingSaid, width)
	case c.isComplete:
		return []string{app.divider(app.language.translate(textBeginning), width)}
	case c.historyRequested:
		return []string{app.divider(app.language.translate(textOlder), width)}
	}
	return nil
}

func (a *App) divider(text string, width int) string {
	text = truncate(a.widthMethod, " "+text+" ", width)
	padding := width - a.widthMethod.StringWidth(text)
	return a.theme.faint.Render(strings.Repeat("-", padding/2) + text + strings.Repeat("-", padding-padding/2))
}

// speakerLine names the sender and the time.
func (a *App) speakerLine(entry *messageEntry, width int) string {
	name, style := a.contacts.getOrAdd(entry.Peer).displayName(), a.theme.peerName
	if entry.Kind == client.KindSent {
		name, style = a.language.translate(textYou), a.theme.ownName
	}
	at := a.localTime(entry.Time).Format(" 15:04")
	return style.Render(truncate(a.widthMethod, name, width-len(at))) + a.theme.faint.Render(at)
}

// entryRows returns the rows of one entry. It caches them, because wrapping dominates
// the time to draw a long conversation.
func (a *App) entryRows(entry *messageEntry, width int) []string {
	if !isChatText(entry) {
		return a.noticeRows(entry, width)
	}
	if entry.wrappedRows == nil || entry.wrappedWidth != width {
		entry.wrappedRows, entry.wrappedWidth = a.wrapEntry(entry, width), width
	}
	if entry.sendState == sendPending {
		status := textSending
		if !a.connection.Connected {
			status = textWaits
		}
		return append(entry.wrappedRows[:len(entry.wrappedRows):len(entry.wrappedRows)],
			a.theme.warning.Render("  ["+a.language.translate(status)+"]"))
	}
	return entry.wrappedRows
}

func (a *App) wrapEntry(entry *messageEntry, width int) []string {
	var rows []string
	for _, line := range wrapLines(a.widthMethod, entry.Text, width-3) {
		rows = append(rows, "  "+line)
	}
	if entry.sendState == sendFailed {
		for _, line := range wrapLines(a.widthMethod, "["+a.language.translate(textNotSent, entry.sendError)+"]",
			width-3) {
			rows = append(rows, "  "+a.theme.failure.Render(line))
		}
	}
	return rows
}

// requestOutcome says whether a friend request is pending, accepted or answered.
func (a *App) requestOutcome(from client.UIN) textID {
	_, isPending := a.friendRequests[from]
	switch {
	case isPending:
		return textNotAnswered
	case a.contacts.getOrAdd(from).isFriend:
		return textWasAccepted
	}
	return textWasAnswered
}

// noticeRows describe an event that is not a text, such as a friend request.
func (a *App) noticeRows(entry *messageEntry, width int) []string {
	name := a.contacts.getOrAdd(entry.Peer).displayName()
	var text string
	switch entry.Kind {
	case client.KindAdded:
		text = a.language.translate(textHasAdded, name)
	case client.KindAsks:
		text = a.language.translate(textAsksYou, name, entry.Text) + " " +
			a.language.translate(a.requestOutcome(entry.Peer))
	case client.KindAccepted:
		text = a.language.translate(textHasAccepted, name)
	case client.KindRejected:
		text = a.language.translate(textHasRejected, name, entry.Text)
	default:
		text = entry.Text
	}
	var rows []string
	for _, line := range wrapLines(a.widthMethod, "* "+text, width-1) {
		rows = append(rows, a.theme.faint.Render(line))
	}
	return rows
}
