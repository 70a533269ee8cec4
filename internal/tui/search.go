package tui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// searchPage searches the message history.
type searchPage struct {
	menu
	peer           client.UIN // 0 for all conversations
	query          editor
	searchedText   string // the text that results belong to
	searchCount    int    // identifies the latest search; answers to earlier ones are dropped
	isLoadingOlder bool   // an older page is being loaded
	results        []client.Message
	isLastPage     bool // there are no older results
}

// showSearch opens the search page for one conversation, or for all if peer is 0. It
// searches at once if text is not empty.
func (a *App) showSearch(peer client.UIN, text string) tea.Cmd {
	if a.refuseWithoutDevice() {
		return nil
	}
	search := &searchPage{peer: peer}
	search.emptyText, search.title = textSearchNote, a.language.translate(textSearch)
	if peer != 0 {
		search.title = a.language.translate(textSearchWith, a.contacts.getOrAdd(peer).displayName())
	}
	a.showPage(search)
	search.query.setText(sanitizeLine(text))
	return search.runSearch(a, 0)
}

func (s *searchPage) textEditor() *editor { return &s.query }

func (s *searchPage) bindings(app *App) []keyBinding {
	description, run := textKeySearch, func() tea.Cmd { return s.runSearch(app, 0) }
	if s.searchedText != "" && s.searchedText == strings.TrimSpace(s.query.text) && len(s.rows) > 0 {
		description, run = textKeyOpen, func() tea.Cmd { return app.openAtMessage(s.results[s.selected]) }
	}
	return []keyBinding{
		{keys: []string{"enter"}, description: description, isHint: true, run: run},
		{keys: []string{"up"}, description: textKeyUp, run: func() tea.Cmd { return s.moveSelection(-1) }},
		{keys: []string{"down"}, description: textKeyDown, run: func() tea.Cmd { return s.moveDown(app) }},
		{keys: []string{"esc"}, description: textKeyClose, isHint: true, run: app.closePage},
	}
}

// moveDown selects the next result and loads older ones at the end.
func (s *searchPage) moveDown(app *App) tea.Cmd {
	if s.selected == len(s.rows)-1 && !s.isLastPage && !s.isLoading && !s.isLoadingOlder {
		return s.runSearch(app, s.results[s.selected].Number)
	}
	return s.moveSelection(+1)
}

// runSearch starts a new search, or loads results older than the message before.
func (s *searchPage) runSearch(app *App, before uint64) tea.Cmd {
	text := strings.TrimSpace(s.query.text)
	if before != 0 {
		text = s.searchedText // the editor may have changed since
	}
	if text == "" {
		return nil
	}
	if before == 0 {
		s.searchedText, s.results, s.rows, s.selected, s.isLoading = text, nil, nil, 0, true
		s.searchCount++
	}
	s.isLoadingOlder = before != 0
	searchCount := s.searchCount
	query := client.HistoryQuery{Peer: s.peer, Before: before, Limit: historyPageSize, Text: text}
	return app.requestHistory(query, func(history client.History, err error) tea.Cmd {
		if s.searchCount != searchCount {
			return nil // the user has started another search
		}
		s.isLoading, s.isLoadingOlder = false, false
		if err != nil {
			app.showError(err)
			return nil
		}
		s.isLastPage, s.emptyText = history.IsLastPage, textNothingFound
		for _, message := range slices.Backward(history.Messages) {
			s.results = append(s.results, message)
			s.rows = append(s.rows, app.resultRow(message))
		}
		if before != 0 {
			s.moveSelection(+1)
		}
		return nil
	})
}

// resultRow shows a message in one row.
func (a *App) resultRow(message client.Message) menuRow {
	speaker := a.contacts.getOrAdd(message.Peer).displayName() + ": "
	if message.IsOutgoing() {
		speaker = a.language.translate(textTo, a.contacts.getOrAdd(message.Peer).displayName()) + ": "
	}
	return menuRow{left: speaker + sanitizeLine(message.Text), right: a.formatTime(message.Time),
		detail: sanitize(message.Text)}
}

// openAtMessage opens the conversation at a message and loads the history up to it.
func (a *App) openAtMessage(message client.Message) tea.Cmd {
	conv := a.conversationWith(message.Peer)
	cmd := a.openConversation(message.Peer)
	if oldest := conv.oldestNumber(); conv.historyRequested && !conv.isLoading &&
		(conv.isComplete || oldest != 0 && oldest <= message.Number) {
		conv.targetNumber, conv.scrollToTarget = message.Number, true
		return cmd
	}
	conv.seekNumber = message.Number
	return tea.Batch(cmd, a.loadHistory(conv))
}

func (s *searchPage) view(app *App, width, height int) ([]string, *tea.Position) {
	lines := app.heading(s.title, "", width)
	if height < 4 {
		lines = nil
	}
	typed, cursor := s.query.view(app.widthMethod, max(2, width-3), 1)
	cursor = tea.Position{X: cursor.X + 3, Y: len(lines)}
	lines = append(lines, " / "+typed[0])
	if height >= 4 {
		lines = append(lines, app.horizontalRule(width))
	}
	return append(lines, s.listLines(app, width, max(1, height-len(lines)))...), &cursor
}
