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

func (s *search) bindings(a *App) []binding {
	what, do := wKeySearch, func() tea.Cmd { return s.run(a, 0) }
	if s.asked != "" && s.asked == strings.TrimSpace(s.query.text) && len(s.rows) > 0 {
		what, do = wKeyOpen, func() tea.Cmd { return a.openAt(s.found[s.at]) }
	}
	return []binding{
		{keys: []string{"enter"}, what: what, hint: true, do: do},
		{keys: []string{"up"}, what: wKeyUp, do: func() tea.Cmd { return s.move(-1) }},
		{keys: []string{"down"}, what: wKeyDown, do: func() tea.Cmd { return s.down(a) }},
		{keys: []string{"esc"}, what: wKeyClose, hint: true, do: a.leave},
	}
}

// down moves to what is older, and asks for more at the end.
func (s *search) down(a *App) tea.Cmd {
	if s.at == len(s.rows)-1 && !s.last && !s.loading && !s.older {
		return s.run(a, s.found[s.at].Number)
	}
	return s.move(+1)
}

// run searches, for what is older than a message, if one is given.
func (s *search) run(a *App, before uint64) tea.Cmd {
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
	return ask(a, func(ctx context.Context) (client.History, error) { return a.m.History(ctx, query) },
		func(h client.History, err error) tea.Cmd {
			if s.turn != turn {
				return nil // the user has asked for something else since
			}
			s.loading, s.older = false, false
			if err != nil {
				a.complain(err)
				return nil
			}
			s.last, s.empty = h.Last, wNothingFound
			for _, m := range slices.Backward(h.Messages) {
				s.found = append(s.found, m)
				s.rows = append(s.rows, a.foundRow(m))
			}
			if before != 0 {
				s.move(+1)
			}
			return nil
		})
}

// foundRow is one message, in a line.
func (a *App) foundRow(m client.Message) menuRow {
	who := a.people.of(m.Peer).name() + ": "
	if m.Mine() {
		who = a.lang.say(wTo, a.people.of(m.Peer).name()) + ": "
	}
	return menuRow{left: who + cleanLine(m.Text), right: a.when(m.Time), detail: clean(m.Text)}
}

// openAt opens the conversation that a message belongs to, there where it
// stands; what was said since is loaded for that.
func (a *App) openAt(m client.Message) tea.Cmd {
	t := a.talk(m.Peer)
	cmd := a.open(m.Peer)
	if oldest := t.oldest(); t.asked && !t.loading && (t.whole || oldest != 0 && oldest <= m.Number) {
		t.target, t.jump = m.Number, true
		return cmd
	}
	t.seek = m.Number
	return tea.Batch(cmd, a.load(t))
}

func (s *search) view(a *App, width, height int) ([]string, *tea.Position) {
	lines := a.heading(s.title, "", width)
	if height < 4 {
		lines = nil
	}
	typed, cursor := s.query.view(a.measure, max(2, width-3), 1)
	cursor = tea.Position{X: cursor.X + 3, Y: len(lines)}
	lines = append(lines, " / "+typed[0])
	if height >= 4 {
		lines = append(lines, a.rule(width))
	}
	return append(lines, s.list(a, width, max(1, height-len(lines)))...), &cursor
}
