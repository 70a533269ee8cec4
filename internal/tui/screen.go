package tui

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/rookery-im/rookery/client"
)

// Widths of the panes, in cells. Below minSplitWidth the screen shows one pane.
const (
	minSplitWidth  = 54
	maxRosterWidth = 28
	minRosterWidth = 18
)

// screenLayout says which parts of the screen are visible, and their sizes in cells.
type screenLayout struct {
	hasTitle, hasBanner    bool
	showsRoster, showsPage bool
	rosterWidth            int
	pageWidth              int
	bodyHeight             int
}

func (a *App) layout() screenLayout {
	layout := screenLayout{hasTitle: a.height >= 5, hasBanner: a.height >= 3 && a.bannerText() != ""}
	layout.bodyHeight = max(1, a.height-1) // without the bottom line
	if layout.hasTitle {
		layout.bodyHeight--
	}
	if layout.hasBanner {
		layout.bodyHeight--
	}
	if a.width < minSplitWidth {
		layout.showsRoster, layout.showsPage = a.focus == focusRoster, a.focus == focusPage
		layout.rosterWidth, layout.pageWidth = a.width, a.width
		return layout
	}
	layout.showsRoster, layout.showsPage = true, true
	layout.rosterWidth = min(max(a.width*3/10, minRosterWidth), maxRosterWidth)
	layout.pageWidth = a.width - layout.rosterWidth - len(paneBorder)
	return layout
}

// paneBorder separates the panes. Everything drawn here is ASCII, because box-drawing
// characters are two cells wide in many Chinese terminals.
const paneBorder = "|"

// View implements tea.Model.
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

// renderScreen returns all lines and the position of the cursor.
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
	bottom, questionCursor := a.bottomLine()
	if a.question != nil {
		cursor = nil
		if questionCursor != nil {
			cursor = &tea.Position{X: questionCursor.X, Y: len(lines)}
		}
	}
	return append(lines, bottom), cursor
}

// renderPanes returns the lines between the title and the bottom line.
func (a *App) renderPanes(layout screenLayout) (lines []string, cursor *tea.Position) {
	var left, right []string
	if layout.showsRoster {
		left = a.roster.view(a, layout.rosterWidth, layout.bodyHeight)
	}
	if layout.showsPage {
		right, cursor = a.page.view(a, layout.pageWidth, layout.bodyHeight)
		if a.focus != focusPage {
			cursor = nil
		}
	}
	for i := range layout.bodyHeight {
		var line string
		if layout.showsRoster {
			line = fitWidth(a.widthMethod, rowAt(left, i), layout.rosterWidth)
		}
		if layout.showsRoster && layout.showsPage {
			line += a.theme.faint.Render(paneBorder)
		}
		if layout.showsPage {
			line += fitWidth(a.widthMethod, rowAt(right, i), layout.pageWidth)
		}
		lines = append(lines, line)
	}
	if cursor != nil && layout.showsRoster {
		cursor.X += layout.rosterWidth + len(paneBorder)
	}
	return lines, cursor
}

// rowAt returns line i of a pane, empty below the last one.
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
	if count := a.unreadTotal(); count > 0 && !a.layout().showsRoster {
		right = append(right, a.language.translate(textUnread, count))
	}
	if count := len(a.friendRequests); count > 0 {
		right = append(right, a.language.translate(textRequestsWait, count))
	}
	if !a.bellEnabled {
		right = append(right, a.language.translate(textBellOff))
	}
	return alignEnds(a.widthMethod, left, strings.Join(right, "  ")+" ", a.width)
}

// windowTitle contains no text of other accounts.
func (a *App) windowTitle() string {
	if count := a.unreadTotal(); count > 0 {
		return fmt.Sprintf("(%d) Rookery %s", count, a.messenger.UIN())
	}
	return "Rookery " + a.messenger.UIN().String()
}

// unreadTotal counts the unread messages of all conversations.
func (a *App) unreadTotal() int {
	count := 0
	for _, conv := range a.conversations {
		count += conv.unreadCount()
	}
	return count
}

// bannerText explains why messages are not delivered. It is empty if there is no problem.
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
			part += " " + a.language.translate(textRetryIn, left,
				a.localTime(a.connection.RetryAt).Format(time.TimeOnly))
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

// bottomLine shows a question, a notice or the key hints.
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

// keyHints shows as many keys as fit, the help key first.
func (a *App) keyHints() string {
	var line string
	bindings := append(a.globalBindings(), a.paneBindings()...)
	for _, binding := range bindings {
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

// paragraph wraps a text.
func (a *App) paragraph(id textID, width int) []string {
	var lines []string
	for _, line := range wrapLines(a.widthMethod, a.language.translate(id), width-2) {
		lines = append(lines, a.theme.faint.Render(" "+line))
	}
	return lines
}

// statusStyle is the style of a person's sign.
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

// heading is the title line of a page and the rule below it.
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

// localTime converts a time to the user's time zone.
func (a *App) localTime(t time.Time) time.Time { return t.In(a.now().Location()) }

func (a *App) formatDay(t time.Time) string { return a.localTime(t).Format(time.DateOnly) }
