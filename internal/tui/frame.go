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
	narrow    = 54 // cells; below, there is one pane at a time
	maxRoster = 28
	minRoster = 18
)

// layout is where things are. Sizes are in cells.
type layout struct {
	title, banner bool
	roster, main  bool
	rosterWidth   int
	mainWidth     int
	body          int // height
}

func (a *App) layout() layout {
	l := layout{title: a.height >= 5, banner: a.height >= 3 && a.banner() != ""}
	l.body = max(1, a.height-1) // the bottom line
	if l.title {
		l.body--
	}
	if l.banner {
		l.body--
	}
	if a.width < narrow {
		l.roster, l.main = a.focus == onRoster, a.focus == onMain
		l.rosterWidth, l.mainWidth = a.width, a.width
		return l
	}
	l.roster, l.main = true, true
	l.rosterWidth = min(max(a.width*3/10, minRoster), maxRoster)
	l.mainWidth = a.width - l.rosterWidth - len(border)
	return l
}

// border stands between the panes. It is ASCII, as all that is drawn here: the
// characters made for it have two cells in many Chinese terminals.
const border = "|"

// View draws the screen.
func (a *App) View() tea.View {
	v := tea.NewView("")
	v.AltScreen, v.ReportFocus = true, true
	v.WindowTitle = a.windowTitle()
	if a.mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	if a.width < 1 || a.height < 1 {
		return v
	}
	lines, cursor := a.frame()
	if len(lines) > a.height {
		lines = lines[:a.height]
	}
	for i, line := range lines {
		lines[i] = fit(a.measure, line, a.width)
	}
	v.Content = strings.Join(lines, "\n")
	if cursor != nil && cursor.X < a.width && cursor.Y < a.height {
		v.Cursor = tea.NewCursor(cursor.X, cursor.Y)
	}
	return v
}

// frame is the screen from the top, and where its cursor is.
func (a *App) frame() (lines []string, cursor *tea.Position) {
	layout := a.layout()
	if layout.title {
		lines = append(lines, a.look.bar.Render(a.titleLine()))
	}
	if layout.banner {
		lines = append(lines, a.look.bad.Render(fit(a.measure, a.banner(), a.width)))
	}
	top := len(lines)
	body, at := a.body(layout)
	lines = append(lines, body...)
	if at != nil {
		cursor = &tea.Position{X: at.X, Y: at.Y + top}
	}
	bottom, asked := a.bottom()
	if a.asking != nil {
		cursor = nil
		if asked != nil {
			cursor = &tea.Position{X: asked.X, Y: len(lines)}
		}
	}
	return append(lines, bottom), cursor
}

// body puts the panes side by side.
func (a *App) body(l layout) (lines []string, cursor *tea.Position) {
	var left, right []string
	if l.roster {
		left = a.roster.view(a, l.rosterWidth, l.body)
	}
	if l.main {
		right, cursor = a.page.view(a, l.mainWidth, l.body)
		if a.focus != onMain {
			cursor = nil
		}
	}
	for i := range l.body {
		var line string
		if l.roster {
			line = fit(a.measure, row(left, i), l.rosterWidth)
		}
		if l.roster && l.main {
			line += a.look.faint.Render(border)
		}
		if l.main {
			line += fit(a.measure, row(right, i), l.mainWidth)
		}
		lines = append(lines, line)
	}
	if cursor != nil && l.roster {
		cursor.X += l.rosterWidth + len(border)
	}
	return lines, cursor
}

// row is a line of a pane, empty below its last.
func row(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func (a *App) titleLine() string {
	left := " Rookery  " + a.m.UIN().String()
	if a.nick != "" {
		left = " Rookery  " + a.nick + " (" + a.m.UIN().String() + ")"
	}
	if a.status != 0 {
		left += "  " + a.lang.say(statusWords[a.status])
	}
	var right []string
	if n := a.unread(); n > 0 && !a.layout().roster {
		right = append(right, a.lang.say(wUnread, n))
	}
	if n := len(a.requests); n > 0 {
		right = append(right, a.lang.say(wRequestsWait, n))
	}
	if !a.bell {
		right = append(right, a.lang.say(wBellOff))
	}
	return spread(a.measure, left, strings.Join(right, "  ")+" ", a.width)
}

// windowTitle holds nothing that others have written.
func (a *App) windowTitle() string {
	if n := a.unread(); n > 0 {
		return fmt.Sprintf("(%d) Rookery %s", n, a.m.UIN())
	}
	return "Rookery " + a.m.UIN().String()
}

// unread counts what is unread in all conversations.
func (a *App) unread() int {
	n := 0
	for _, talk := range a.talks {
		n += talk.unread()
	}
	return n
}

// banner says what keeps words from their receivers, and is empty if nothing
// does.
func (a *App) banner() string {
	var parts []string
	if !a.link.Connected {
		part := a.lang.say(wDisconnected)
		switch left := a.link.Retry.Sub(a.now()).Round(time.Second); {
		case a.link.Retry.IsZero():
			part += " " + a.lang.say(wLogInAgain)
		case left <= 0:
			part += " " + a.lang.say(wRetryNow)
		default:
			part += " " + a.lang.say(wRetryIn, left, a.local(a.link.Retry).Format(time.TimeOnly))
		}
		parts = append(parts, part)
	}
	waiting, failed := a.unsent()
	if waiting > 0 && !a.link.Connected {
		parts = append(parts, a.lang.say(wWaiting, waiting))
	}
	if failed > 0 {
		parts = append(parts, a.lang.say(wFailed, failed))
	}
	if !a.link.Connected && a.link.Err != nil {
		parts = append(parts, a.why(a.link.Err))
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, "  ")
}

// bottom is the last line: a question, what is to be said, or which keys there
// are.
func (a *App) bottom() (string, *tea.Position) {
	if a.asking != nil {
		line, cursor := a.asking.view(a, a.width)
		return a.look.bold.Render(line), cursor
	}
	if a.notice != "" {
		return a.look.bold.Render(fit(a.measure, " "+a.notice, a.width)), nil
	}
	return a.look.bar.Render(fit(a.measure, a.hints(), a.width)), nil
}

// hints are as many of the keys as have room; the key that shows all comes
// first.
func (a *App) hints() string {
	var line string
	all := append(a.everywhere(), a.bindings()...)
	for _, binding := range all {
		if !binding.hint {
			continue
		}
		hint := " " + keyName(binding.keys[0]) + " " + a.lang.say(binding.what) + " "
		if a.measure.StringWidth(line+hint) > a.width {
			break
		}
		line += hint
	}
	return line
}

// paragraph is a text over as many lines as it needs.
func (a *App) paragraph(w translation, width int) []string {
	var lines []string
	for _, line := range wrapped(a.measure, a.lang.say(w), width-2) {
		lines = append(lines, a.look.faint.Render(" "+line))
	}
	return lines
}

// statusStyle is how a person's sign looks.
func (a *App) statusStyle(p *person) lipgloss.Style {
	switch {
	case p.blocked, !p.friend && p.uin != client.System:
		return a.look.faint
	case p.status == client.StatusOnline, p.status == client.StatusTalkToMe:
		return a.look.good
	case p.status == client.StatusOffline:
		return a.look.faint
	}
	return a.look.busy
}

// heading is the first line of a page, and the line below it.
func (a *App) heading(text, right string, width int) []string {
	style := a.look.plain
	if a.focus == onMain {
		style = a.look.bold
	}
	return []string{style.Render(spread(a.measure, " "+text, right+" ", width)), a.rule(width)}
}

func (a *App) rule(width int) string { return a.look.faint.Render(strings.Repeat("-", max(0, width))) }

// local is a time where the user is.
func (a *App) local(t time.Time) time.Time { return t.In(a.now().Location()) }

func (a *App) day(t time.Time) string { return a.local(t).Format(time.DateOnly) }
