package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/rookery-im/rookery/client"
)

// How the screen is divided.
const (
	minSplitWidth  = 54 // cells; below, there is one pane at a time
	maxRosterWidth = 28
	minRosterWidth = 18
)

// layout is where things are. Sizes are in cells.
type screenLayout struct {
	hasTitle, hasBanner    bool
	showsRoster, showsPage bool
	rosterWidth            int
	pageWidth              int
	bodyHeight             int // height
}

func (a *App) layout() screenLayout {
	l := screenLayout{hasTitle: a.height >= 5, hasBanner: a.height >= 3 && a.bannerText() != ""}
	l.bodyHeight = max(1, a.height-1) // the bottom line
	if l.hasTitle {
		l.bodyHeight--
	}
	if l.hasBanner {
		l.bodyHeight--
	}
	if a.width < minSplitWidth {
		l.showsRoster, l.showsPage = a.focus == focusRoster, a.focus == focusPage
		l.rosterWidth, l.pageWidth = a.width, a.width
		return l
	}
	l.showsRoster, l.showsPage = true, true
	l.rosterWidth = min(max(a.width*3/10, minRosterWidth), maxRosterWidth)
	l.pageWidth = a.width - l.rosterWidth - len(paneBorder)
	return l
}

// border stands between the panes. It is ASCII, as all that is drawn here: the
// characters made for it have two cells in many Chinese terminals.
const paneBorder = "|"

// View draws the screen.
func (a *App) View() tea.View {
	v := tea.NewView("")
	v.AltScreen, v.ReportFocus = true, true
	v.WindowTitle = a.windowTitle()
	if a.mouseEnabled {
		v.MouseMode = tea.MouseModeCellMotion
	}
	if a.width < 1 || a.height < 1 {
		return v
	}
	lines, cursor := a.renderScreen()
	if len(lines) > a.height {
		lines = lines[:a.height]
	}
	for i, line := range lines {
		lines[i] = fitWidth(a.widthMethod, line, a.width)
	}
	v.Content = strings.Join(lines, "\n")
	if cursor != nil && cursor.X < a.width && cursor.Y < a.height {
		v.Cursor = tea.NewCursor(cursor.X, cursor.Y)
	}
	return v
}

// renderScreen is the screen from the top, and where its cursor is.
func (a *App) renderScreen() (lines []string, cursor *tea.Position) {
	layout := a.layout()
	if layout.hasTitle {
		lines = append(lines, a.theme.bar.Render(a.titleLine()))
	}
	if layout.hasBanner {
		lines = append(lines, a.theme.failure.Render(fitWidth(a.widthMethod, a.bannerText(), a.width)))
	}
	top := len(lines)
	body, at := a.renderPanes(layout)
	lines = append(lines, body...)
	if at != nil {
		cursor = &tea.Position{X: at.X, Y: at.Y + top}
	}
	bottom, asked := a.bottomLine()
	if a.question != nil {
		cursor = nil
		if asked != nil {
			cursor = &tea.Position{X: asked.X, Y: len(lines)}
		}
	}
	return append(lines, bottom), cursor
}

// renderPanes puts the panes side by side.
func (a *App) renderPanes(l screenLayout) (lines []string, cursor *tea.Position) {
	var left, right []string
	if l.showsRoster {
		left = a.roster.view(a, l.rosterWidth, l.bodyHeight)
	}
	if l.showsPage {
		right, cursor = a.page.view(a, l.pageWidth, l.bodyHeight)
		if a.focus != focusPage {
			cursor = nil
		}
	}
	for i := range l.bodyHeight {
		var line string
		if l.showsRoster {
			line = fitWidth(a.widthMethod, rowAt(left, i), l.rosterWidth)
		}
		if l.showsRoster && l.showsPage {
			line += a.theme.faint.Render(paneBorder)
		}
		if l.showsPage {
			line += fitWidth(a.widthMethod, rowAt(right, i), l.pageWidth)
		}
		lines = append(lines, line)
	}
	if cursor != nil && l.showsRoster {
		cursor.X += l.rosterWidth + len(paneBorder)
	}
	return lines, cursor
}

// rowAt is a line of a pane, empty below its last.
func rowAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func (a *App) titleLine() string {
	left := " Rookery  " + a.messenger.UIN().String()
	if a.ownNick != "" {
		left = " Rookery  " + a.ownNick + " (" + a.messenger.UIN().String() + ")"
	}
	if a.ownStatus != 0 {
		left += "  " + a.language.translate(statusTexts[a.ownStatus])
	}
	var right []string
	if n := a.unreadTotal(); n > 0 && !a.layout().showsRoster {
		right = append(right, a.language.translate(textUnread, n))
	}
	if n := len(a.friendRequests); n > 0 {
		right = append(right, a.language.translate(textRequestsWait, n))
	}
	if !a.bellEnabled {
		right = append(right, a.language.translate(textBellOff))
	}
	return alignEnds(a.widthMethod, left, strings.Join(right, "  ")+" ", a.width)
}

// windowTitle holds nothing that others have written.
func (a *App) windowTitle() string {
	if n := a.unreadTotal(); n > 0 {
		return fmt.Sprintf("(%d) Rookery %s", n, a.messenger.UIN())
	}
	return "Rookery " + a.messenger.UIN().String()
}

// unreadTotal counts what is unread in all conversations.
func (a *App) unreadTotal() int {
	n := 0
	for _, talk := range a.conversations {
		n += talk.unreadCount()
	}
	return n
}

// bannerText says what keeps words from their receivers, and is empty if nothing
// does.
func (a *App) bannerText() string {
	var parts []string
	if !a.connection.Connected {
		part := a.language.translate(textDisconnected)
		switch left := a.connection.RetryAt.Sub(a.now()).Round(time.Second); {
		case a.connection.RetryAt.IsZero():
			part += " " + a.language.translate(textLogInAgain)
		case left <= 0:
			part += " " + a.language.translate(textRetryNow)
		default:
			part += " " + a.language.translate(textRetryIn, left, a.localTime(a.connection.RetryAt).Format(time.TimeOnly))
		}
		parts = append(parts, part)
	}
	waiting, failed := a.unsentTotals()
	if waiting > 0 && !a.connection.Connected {
		parts = append(parts, a.language.translate(textWaiting, waiting))
	}
	if failed > 0 {
		parts = append(parts, a.language.translate(textFailed, failed))
	}
	if !a.connection.Connected && a.connection.Err != nil {
		parts = append(parts, a.explainError(a.connection.Err))
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, "  ")
}

// bottomLine is the last line: a question, what is to be said, or which keys there
// are.
func (a *App) bottomLine() (string, *tea.Position) {
	if a.question != nil {
		line, cursor := a.question.view(a, a.width)
		return a.theme.bold.Render(line), cursor
	}
	if a.notice != "" {
		return a.theme.bold.Render(fitWidth(a.widthMethod, " "+a.notice, a.width)), nil
	}
	return a.theme.bar.Render(fitWidth(a.widthMethod, a.keyHints(), a.width)), nil
}

// keyHints are as many of the keys as have room; the key that shows all comes
// first.
func (a *App) keyHints() string {
	var line string
	all := append(a.globalBindings(), a.paneBindings()...)
	for _, binding := range all {
		if !binding.isHint {
			continue
		}
		hint := " " + keyName(binding.keys[0]) + " " + a.language.translate(binding.description) + " "
		if a.widthMethod.StringWidth(line+hint) > a.width {
			break
		}
		line += hint
	}
	return line
}

// paragraph is a text over as many lines as it needs.
func (a *App) paragraph(w textID, width int) []string {
	var lines []string
	for _, line := range wrapLines(a.widthMethod, a.language.translate(w), width-2) {
		lines = append(lines, a.theme.faint.Render(" "+line))
	}
	return lines
}

// statusStyle is how a person's sign looks.
func (a *App) statusStyle(p *person) lipgloss.Style {
	switch {
	case p.isBlocked, !p.isFriend && p.uin != client.System:
		return a.theme.faint
	case p.status == client.StatusOnline, p.status == client.StatusTalkToMe:
		return a.theme.online
	case p.status == client.StatusOffline:
		return a.theme.faint
	}
	return a.theme.warning
}

// heading is the first line of a page, and the line below it.
func (a *App) heading(text, right string, width int) []string {
	style := a.theme.plain
	if a.focus == focusPage {
		style = a.theme.bold
	}
	return []string{style.Render(alignEnds(a.widthMethod, " "+text, right+" ", width)), a.horizontalRule(width)}
}

func (a *App) horizontalRule(width int) string {
	return a.theme.faint.Render(strings.Repeat("-", max(0, width)))
}

// localTime is a time where the user is.
func (a *App) localTime(t time.Time) time.Time { return t.In(a.now().Location()) }

func (a *App) formatDay(t time.Time) string { return a.localTime(t).Format(time.DateOnly) }
