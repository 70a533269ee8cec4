package tui

import (
	"context"
	"errors"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// showFindForm shows the form to find people. With a number, it searches at once.
func (a *App) showFindForm(number string) tea.Cmd {
	numberField, age, province := newTextField(textNumber, sanitizeLine(number)), newTextField(textAge, ""),
		newTextField(textProvince, "")
	sex := &formField{label: textSex, choices: []fieldChoice{{textAny, ""}, {textMale, "0"}, {textFemale, "1"}}}
	page := &form{title: a.language.translate(textFind), note: textFindNote, submitText: textKeyFindNow,
		fields: []*formField{numberField, age, sex, province}}
	page.submit = func() tea.Cmd {
		if text := strings.TrimSpace(numberField.value()); text != "" {
			uin, err := strconv.ParseUint(text, 10, 32)
			if err != nil || client.UIN(uin) < client.System {
				a.showNotice(textNoNumber, text)
				return nil
			}
			return a.findByNumber(client.UIN(uin))
		}
		query := client.SearchQuery{Province: strings.TrimSpace(province.value())}
		for text, target := range map[string]**int{strings.TrimSpace(age.value()): &query.Age,
			sex.value(): &query.Sex} {
			if text == "" {
				continue
			}
			years, err := strconv.Atoi(text)
			if err != nil || years < 0 || years > 255 {
				a.showNotice(textNoAge, text)
				return nil
			}
			*target = &years
		}
		return a.findMatching(query)
	}
	a.showPage(page)
	if number == "" {
		return nil
	}
	return page.submit()
}

// findByNumber shows the account with a number as the search result.
func (a *App) findByNumber(uin client.UIN) tea.Cmd {
	return a.requestInfo(uin, func(info client.AccountInfo, err error) tea.Cmd {
		switch {
		case errors.Is(err, client.ErrNoAccount):
			a.showSearchResults(nil)
		case err != nil:
			a.showError(err)
		default:
			a.showSearchResults([]client.SearchResult{
				{UIN: uin, Nick: info.Nick, Sex: info.Sex, Age: info.Age, Province: info.Province}})
		}
		return nil
	})
}

// findMatching searches and shows the results.
func (a *App) findMatching(query client.SearchQuery) tea.Cmd {
	return runTask(a, func(ctx context.Context) ([]client.SearchResult, error) { return a.messenger.Find(ctx, query) },
		func(results []client.SearchResult, err error) tea.Cmd {
			if err != nil {
				a.showError(err)
				return nil
			}
			a.showSearchResults(results)
			return nil
		})
}

// showSearchResults lists the accounts that were found.
func (a *App) showSearchResults(results []client.SearchResult) {
	list := &menu{title: a.language.translate(textFound, len(results)), emptyText: textNobodyFound}
	for _, result := range results {
		about := []string{a.language.translate(sexTexts[result.Sex])}
		if result.Age > 0 {
			about = append(about, strconv.Itoa(result.Age))
		}
		if result.Province != "" {
			about = append(about, sanitizeLine(result.Province))
		}
		list.rows = append(list.rows, menuRow{left: result.UIN.String() + "  " + sanitizeLine(result.Nick),
			right: strings.Join(about, ", ")})
	}
	list.rowBindings = func(i int) []keyBinding {
		result := results[i]
		return []keyBinding{
			{keys: []string{"enter", "a"}, description: textKeyAdd, isHint: true,
				run: func() tea.Cmd { return a.addFriend(result.UIN, sanitizeLine(result.Nick)) }},
			{keys: []string{"w"}, description: textKeyWrite, isHint: true,
				run: func() tea.Cmd { return a.openConversation(result.UIN) }},
			{keys: []string{"i"}, description: textKeyInfo, isHint: true,
				run: func() tea.Cmd { return a.showProfile(result.UIN) }},
		}
	}
	a.showPage(list)
}

var sexTexts = map[int]textID{0: textMale, 1: textFemale}

// addFriend adds a friend. If the account wants a request, it asks for a comment first.
func (a *App) addFriend(uin client.UIN, nick string) tea.Cmd {
	return runTask(a, func(ctx context.Context) (client.AddResult, error) { return a.messenger.AddFriend(ctx, uin) },
		func(result client.AddResult, err error) tea.Cmd {
			switch {
			case err != nil:
				a.showError(err)
			case result == client.AddNeedsRequest:
				a.askText(a.language.translate(textAskWords, nick), func(text string) tea.Cmd {
					return runAction(a, func(ctx context.Context) error {
						return a.messenger.RequestFriendship(ctx, uin, text)
					}, func() tea.Cmd {
						a.showNotice(textAsked, nick)
						return a.refreshLists()
					})
				})
			case result == client.AddClosed:
				a.showNotice(textClosed, nick)
			default:
				a.showNotice(textAdded, nick)
				return a.refreshLists()
			}
			return nil
		})
}

// showProfile shows the profile of an account.
func (a *App) showProfile(uin client.UIN) tea.Cmd {
	list := &menu{title: a.contacts.getOrAdd(uin).displayName() + " (" + uin.String() + ")", isLoading: true}
	a.showPage(list)
	return a.requestInfo(uin, func(info client.AccountInfo, err error) tea.Cmd {
		list.isLoading = false
		if err != nil {
			a.showError(err)
			return a.closeIfShown(list)
		}
		list.title = sanitizeLine(info.Nick) + " (" + uin.String() + ")"
		list.rows = a.profileRows(info.Profile)
		list.rowBindings = func(int) []keyBinding {
			return []keyBinding{
				{keys: []string{"a"}, description: textKeyAdd, isHint: !a.contacts.getOrAdd(uin).isFriend,
					run: func() tea.Cmd { return a.addFriend(uin, sanitizeLine(info.Nick)) }},
				{keys: []string{"w", "enter"}, description: textKeyWrite, isHint: true,
					run: func() tea.Cmd { return a.openConversation(uin) }},
			}
		}
		return nil
	})
}
