package tui

import (
	"context"
	"errors"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// findPeople shows the form with which people are found, and finds the account with
// a number, if one is given.
func (a *App) findPeople(given string) tea.Cmd {
	number, age, province := textField(wNumber, cleanLine(given)), textField(wAge, ""), textField(wProvince, "")
	sex := &field{label: wSex, choices: []choice{{wAny, ""}, {wMale, "0"}, {wFemale, "1"}}}
	f := &form{title: a.lang.say(wFind), note: wFindNote, what: wKeyFindNow, fields: []*field{number, age, sex, province}}
	f.submit = func() tea.Cmd {
		if text := strings.TrimSpace(number.value()); text != "" {
			uin, err := strconv.ParseUint(text, 10, 32)
			if err != nil || client.UIN(uin) < client.System {
				a.say(wNoNumber, text)
				return nil
			}
			return a.lookUp(client.UIN(uin))
		}
		query := client.Query{Province: strings.TrimSpace(province.value())}
		for text, to := range map[string]**int{strings.TrimSpace(age.value()): &query.Age, sex.value(): &query.Sex} {
			if text == "" {
				continue
			}
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 || n > 255 {
				a.say(wNoAge, text)
				return nil
			}
			*to = &n
		}
		return a.find(query)
	}
	a.show(f)
	if given == "" {
		return nil
	}
	return f.submit()
}

// lookUp shows the account with a number as what was found.
func (a *App) lookUp(uin client.UIN) tea.Cmd {
	return ask(a, func(ctx context.Context) (client.Info, error) { return a.m.Info(ctx, uin) },
		func(info client.Info, err error) tea.Cmd {
			switch {
			case errors.Is(err, client.ErrNoAccount):
				a.found(nil)
			case err != nil:
				a.complain(err)
			default:
				a.found([]client.Found{{UIN: uin, Nick: info.Nick, Sex: info.Sex, Age: info.Age, Province: info.Province}})
			}
			return nil
		})
}

func (a *App) find(query client.Query) tea.Cmd {
	return ask(a, func(ctx context.Context) ([]client.Found, error) { return a.m.Find(ctx, query) },
		func(found []client.Found, err error) tea.Cmd {
			if err != nil {
				a.complain(err)
				return nil
			}
			a.found(found)
			return nil
		})
}

// found lists who was found.
func (a *App) found(found []client.Found) {
	m := &menu{title: a.lang.say(wFound, len(found)), empty: wNobodyFound}
	for _, f := range found {
		about := []string{a.lang.say(sexWords[f.Sex])}
		if f.Age > 0 {
			about = append(about, strconv.Itoa(f.Age))
		}
		if f.Province != "" {
			about = append(about, cleanLine(f.Province))
		}
		m.rows = append(m.rows, menuRow{left: f.UIN.String() + "  " + cleanLine(f.Nick), right: strings.Join(about, ", ")})
	}
	m.acts = func(i int) []binding {
		f := found[i]
		return []binding{
			{keys: []string{"enter", "a"}, what: wKeyAdd, hint: true, do: func() tea.Cmd { return a.addFriend(f.UIN, cleanLine(f.Nick)) }},
			{keys: []string{"w"}, what: wKeyWrite, hint: true, do: func() tea.Cmd { return a.open(f.UIN) }},
			{keys: []string{"i"}, what: wKeyInfo, hint: true, do: func() tea.Cmd { return a.showInfo(f.UIN) }},
		}
	}
	a.show(m)
}

var sexWords = map[int]translation{0: wMale, 1: wFemale}

// addFriend makes friends with somebody, or asks them, with words.
func (a *App) addFriend(uin client.UIN, nick string) tea.Cmd {
	return ask(a, func(ctx context.Context) (client.Added, error) { return a.m.Add(ctx, uin) },
		func(added client.Added, err error) tea.Cmd {
			switch {
			case err != nil:
				a.complain(err)
			case added == client.AddMustAsk:
				a.askWords(a.lang.say(wAskWords, nick), func(words string) tea.Cmd {
					return order(a, func(ctx context.Context) error { return a.m.Ask(ctx, uin, words) }, func() tea.Cmd {
						a.say(wAsked, nick)
						return a.refresh()
					})
				})
			case added == client.AddClosed:
				a.say(wClosed, nick)
			default:
				a.say(wAdded, nick)
				return a.refresh()
			}
			return nil
		})
}

// showInfo shows it.
func (a *App) showInfo(uin client.UIN) tea.Cmd {
	m := &menu{title: a.people.of(uin).name() + " (" + uin.String() + ")", loading: true}
	a.show(m)
	return ask(a, func(ctx context.Context) (client.Info, error) { return a.m.Info(ctx, uin) },
		func(info client.Info, err error) tea.Cmd {
			m.loading = false
			if err != nil {
				a.complain(err)
				return a.close(m)
			}
			m.title = cleanLine(info.Nick) + " (" + uin.String() + ")"
			m.rows = a.profileRows(info.Profile)
			m.acts = func(int) []binding {
				return []binding{
					{keys: []string{"a"}, what: wKeyAdd, hint: !a.people.of(uin).friend, do: func() tea.Cmd { return a.addFriend(uin, cleanLine(info.Nick)) }},
					{keys: []string{"w", "enter"}, what: wKeyWrite, hint: true, do: func() tea.Cmd { return a.open(uin) }},
				}
			}
			return nil
		})
}
