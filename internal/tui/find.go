package tui

import (
	"context"
	"errors"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// showFindForm shows the form with which people are found, and finds the account with
// a number, if one is given.
func (a *App) showFindForm(given string) tea.Cmd {
	number, age, province := newTextField(textNumber, sanitizeLine(given)), newTextField(textAge, ""), newTextField(textProvince, "")
	sex := &formField{label: textSex, choices: []fieldChoice{{textAny, ""}, {textMale, "0"}, {textFemale, "1"}}}
	f := &form{title: a.language.translate(textFind), note: textFindNote, submitText: textKeyFindNow, fields: []*formField{number, age, sex, province}}
	f.submit = func() tea.Cmd {
		if text := strings.TrimSpace(number.value()); text != "" {
			uin, err := strconv.ParseUint(text, 10, 32)
			if err != nil || client.UIN(uin) < client.System {
				a.showNotice(textNoNumber, text)
				return nil
			}
			return a.findByNumber(client.UIN(uin))
		}
		query := client.SearchQuery{Province: strings.TrimSpace(province.value())}
		for text, to := range map[string]**int{strings.TrimSpace(age.value()): &query.Age, sex.value(): &query.Sex} {
			if text == "" {
				continue
			}
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 || n > 255 {
				a.showNotice(textNoAge, text)
				return nil
			}
			*to = &n
		}
		return a.findMatching(query)
	}
	a.showPage(f)
	if given == "" {
		return nil
	}
	return f.submit()
}

// findByNumber shows the account with a number as what was found.
func (a *App) findByNumber(uin client.UIN) tea.Cmd {
	return runTask(a, func(ctx context.Context) (client.AccountInfo, error) { return a.messenger.Info(ctx, uin) },
		func(info client.AccountInfo, err error) tea.Cmd {
			switch {
			case errors.Is(err, client.ErrNoAccount):
				a.showSearchResults(nil)
			case err != nil:
				a.showError(err)
			default:
				a.showSearchResults([]client.SearchResult{{UIN: uin, Nick: info.Nick, Sex: info.Sex, Age: info.Age, Province: info.Province}})
			}
			return nil
		})
}

func (a *App) findMatching(query client.SearchQuery) tea.Cmd {
	return runTask(a, func(ctx context.Context) ([]client.SearchResult, error) { return a.messenger.Find(ctx, query) },
		func(found []client.SearchResult, err error) tea.Cmd {
			if err != nil {
				a.showError(err)
				return nil
			}
			a.showSearchResults(found)
			return nil
		})
}

// showSearchResults lists who was found.
func (a *App) showSearchResults(found []client.SearchResult) {
	m := &menu{title: a.language.translate(textFound, len(found)), emptyText: textNobodyFound}
	for _, f := range found {
		about := []string{a.language.translate(sexTexts[f.Sex])}
		if f.Age > 0 {
			about = append(about, strconv.Itoa(f.Age))
		}
		if f.Province != "" {
			about = append(about, sanitizeLine(f.Province))
		}
		m.rows = append(m.rows, menuRow{left: f.UIN.String() + "  " + sanitizeLine(f.Nick), right: strings.Join(about, ", ")})
	}
	m.rowBindings = func(i int) []keyBinding {
		f := found[i]
		return []keyBinding{
			{keys: []string{"enter", "a"}, description: textKeyAdd, isHint: true, run: func() tea.Cmd { return a.addFriend(f.UIN, sanitizeLine(f.Nick)) }},
			{keys: []string{"w"}, description: textKeyWrite, isHint: true, run: func() tea.Cmd { return a.openConversation(f.UIN) }},
			{keys: []string{"i"}, description: textKeyInfo, isHint: true, run: func() tea.Cmd { return a.showProfile(f.UIN) }},
		}
	}
	a.showPage(m)
}

var sexTexts = map[int]textID{0: textMale, 1: textFemale}

// addFriend makes friends with somebody, or asks them, with words.
func (a *App) addFriend(uin client.UIN, nick string) tea.Cmd {
	return runTask(a, func(ctx context.Context) (client.AddResult, error) { return a.messenger.AddFriend(ctx, uin) },
		func(added client.AddResult, err error) tea.Cmd {
			switch {
			case err != nil:
				a.showError(err)
			case added == client.AddNeedsRequest:
				a.askText(a.language.translate(textAskWords, nick), func(words string) tea.Cmd {
					return runAction(a, func(ctx context.Context) error { return a.messenger.RequestFriendship(ctx, uin, words) }, func() tea.Cmd {
						a.showNotice(textAsked, nick)
						return a.refreshLists()
					})
				})
			case added == client.AddClosed:
				a.showNotice(textClosed, nick)
			default:
				a.showNotice(textAdded, nick)
				return a.refreshLists()
			}
			return nil
		})
}

// showProfile shows it.
func (a *App) showProfile(uin client.UIN) tea.Cmd {
	m := &menu{title: a.contacts.getOrAdd(uin).displayName() + " (" + uin.String() + ")", isLoading: true}
	a.showPage(m)
	return runTask(a, func(ctx context.Context) (client.AccountInfo, error) { return a.messenger.Info(ctx, uin) },
		func(info client.AccountInfo, err error) tea.Cmd {
			m.isLoading = false
			if err != nil {
				a.showError(err)
				return a.closeIfShown(m)
			}
			m.title = sanitizeLine(info.Nick) + " (" + uin.String() + ")"
			m.rows = a.profileRows(info.Profile)
			m.rowBindings = func(int) []keyBinding {
				return []keyBinding{
					{keys: []string{"a"}, description: textKeyAdd, isHint: !a.contacts.getOrAdd(uin).isFriend, run: func() tea.Cmd { return a.addFriend(uin, sanitizeLine(info.Nick)) }},
					{keys: []string{"w", "enter"}, description: textKeyWrite, isHint: true, run: func() tea.Cmd { return a.openConversation(uin) }},
				}
			}
			return nil
		})
}
