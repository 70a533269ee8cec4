package tui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// search is the page that looks for words in what was said.
type search struct {
	menu
	with  client.UIN // 0 for all conversations
	query editor
	asked string // what the rows are an answer to
	turn  int    // counts what was asked for; older answers are not wanted
	older bool   // more is on its way
	found []client.Message
	last  bool // nothing older contains it
}

// searchFor shows the page for a conversation, or for all, and searches for words
// if some are given.
func (a *App) searchFor(with client.UIN, words string) tea.Cmd {
	if a.needsDevice() {
		return nil
	}
	s := &search{with: with}
	s.empty, s.title = wSearchNote, a.lang.say(wSearch)
	if with != 0 {
		s.title = a.lang.say(wSearchWith, a.people.of(with).name())
	}
	a.show(s)
	s.query.set(cleanLine(words))
	return s.run(a, 0)
}

func (s *search) typing() *editor { return &s.query }

func (s *search) bindings(app *App) []binding {
	what, do := wKeySearch, func() tea.Cmd { return s.run(app, 0) }
	if s.asked != "" && s.asked == strings.TrimSpace(s.query.text) && len(s.rows) > 0 {
		what, do = wKeyOpen, func() tea.Cmd { return app.openAt(s.found[s.at]) }
	}
	return []binding{
		{keys: []string{"enter"}, what: what, hint: true, do: do},
		{keys: []string{"up"}, what: wKeyUp, do: func() tea.Cmd { return s.move(-1) }},
		{keys: []string{"down"}, what: wKeyDown, do: func() tea.Cmd { return s.down(app) }},
		{keys: []string{"esc"}, what: wKeyClose, hint: true, do: app.leave},
	}
}

// down moves to what is older, and asks for more at the end.
func (s *search) down(app *App) tea.Cmd {
	if s.at == len(s.rows)-1 && !s.last && !s.loading && !s.older {
		return s.run(app, s.found[s.at].Number)
	}
	return s.move(+1)
}

// run searches, for what is older than a message, if one is given.
func (s *search) run(app *App, before uint64) tea.Cmd {
	text := strings.TrimSpace(s.query.text)
	if before != 0 {
		text = s.asked // whatever is written there since
	}
	if text == "" {
		return nil
	}
	if before == 0 {
		s.asked, s.found, s.rows, s.at, s.loading = text, nil, nil, 0, true
		s.turn++
	}
	s.older = before != 0
	turn := s.turn
	query := client.HistoryQuery{With: s.with, Before: before, Limit: pageSize, Text: text}
	return ask(app, func(ctx context.Context) (client.History, error) { return app.m.History(ctx, query) },
		func(history client.History, err error) tea.Cmd {
			if s.turn != turn {
				return nil // the user has asked for something else since
			}
			s.loading, s.older = false, false
			if err != nil {
				app.complain(err)
				return nil
			}
			s.last, s.empty = history.Last, wNothingFound
			for _, message := range slices.Backward(history.Messages) {
				s.found = append(s.found, message)
				s.rows = append(s.rows, app.foundRow(message))
			}
			if before != 0 {
				s.move(+1)
			}
			return nil
		})
}

// foundRow is one message, in a line.
func (a *App) foundRow(message client.Message) menuRow {
	who := a.people.of(message.Peer).name() + ": "
	if message.Mine() {
		who = a.lang.say(wTo, a.people.of(message.Peer).name()) + ": "
	}
	return menuRow{left: who + cleanLine(message.Text), right: a.when(message.Time), detail: clean(message.Text)}
}

// openAt opens the conversation that a message belongs to, there where it
// stands; what was said since is loaded for that.
func (a *App) openAt(message client.Message) tea.Cmd {
	talk := a.talk(message.Peer)
	cmd := a.open(message.Peer)
	if oldest := talk.oldest(); talk.asked && !talk.loading && (talk.whole || oldest != 0 && oldest <= message.Number) {
		talk.target, talk.jump = message.Number, true
		return cmd
	}
	talk.seek = message.Number
	return tea.Batch(cmd, a.load(talk))
}

func (s *search) view(app *App, width, height int) ([]string, *tea.Position) {
	lines := app.heading(s.title, "", width)
	if height < 4 {
		lines = nil
	}
	typed, cursor := s.query.view(app.measure, max(2, width-3), 1)
	cursor = tea.Position{X: cursor.X + 3, Y: len(lines)}
	lines = append(lines, " / "+typed[0])
	if height >= 4 {
		lines = append(lines, app.rule(width))
	}
	return append(lines, s.list(app, width, max(1, height-len(lines)))...), &cursor
}
