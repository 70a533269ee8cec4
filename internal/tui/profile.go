package tui

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

type profile = client.Profile

// profileField is one thing that an account says about its owner: the
// protocol's key for it, and where a Profile has it.
type profileField struct {
	label   translation
	key     string
	get     func(p profile) string
	choices []choice
	unset   string // what stands for nothing
}

// profileFields are those that a person fills in, in the order of the form.
var profileFields = []profileField{
	{label: wNick, key: "NK", get: func(p profile) string { return p.Nick }},
	{label: wAbout, key: "PR", get: func(p profile) string { return p.About }},
	{label: wSex, key: "SX", get: func(p profile) string { return strconv.Itoa(p.Sex) }, choices: []choice{{wMale, "0"}, {wFemale, "1"}}},
	{label: wAge, key: "AG", get: func(p profile) string { return strconv.Itoa(p.Age) }, unset: "0"},
	{label: wCountry, key: "CY", get: func(p profile) string { return p.Country }},
	{label: wProvince, key: "PV", get: func(p profile) string { return p.Province }},
	{label: wCity, key: "CT", get: func(p profile) string { return p.City }},
	{label: wSchool, key: "SC", get: func(p profile) string { return p.School }},
	{label: wJob, key: "JB", get: func(p profile) string { return p.Job }},
	{label: wHomePage, key: "HP", get: func(p profile) string { return p.HomePage }},
	{label: wRealName, key: "RN", get: func(p profile) string { return p.RealName }},
	{label: wMail, key: "EM", get: func(p profile) string { return p.Mail }},
	{label: wPhone, key: "PH", get: func(p profile) string { return p.Phone }},
	{label: wMobile, key: "MO", get: func(p profile) string { return p.Mobile }},
	{label: wAddress, key: "AD", get: func(p profile) string { return p.Address }},
	{label: wPostCode, key: "PC", get: func(p profile) string { return p.PostCode }},
	{label: wBlood, key: "BT", unset: "0", get: func(p profile) string { return strconv.Itoa(p.Blood) }, choices: numbered(wBloodA, 5)},
	{label: wConstellation, key: "CO", unset: "0", get: func(p profile) string { return strconv.Itoa(p.Constellation) }, choices: numbered(wAquarius, 12)},
	{label: wAnimal, key: "SH", unset: "0", get: func(p profile) string { return strconv.Itoa(p.Animal) }, choices: numbered(wRat, 12)},
}

// numbered are choices called by words that follow each other, from 1; 0 is
// unset.
func numbered(first translation, n int) []choice {
	all := []choice{{wUnset, "0"}}
	for i := range n {
		all = append(all, choice{first + translation(i), strconv.Itoa(i + 1)})
	}
	return all
}

// profileRows are the fields that say something.
func (a *App) profileRows(profile client.Profile) []menuRow {
	var rows []menuRow
	for _, profileField := range profileFields {
		value := cleanLine(profileField.get(profile))
		if value == profileField.unset {
			continue
		}
		for _, choice := range profileField.choices {
			if choice.value == value {
				value = a.lang.say(choice.word)
			}
		}
		rows = append(rows, menuRow{left: fit(a.measure, a.lang.say(profileField.label), labelWidth) + " " + value, detail: value})
	}
	return rows
}

// editProfile shows the form for the own profile, and for who may do what.
func (a *App) editProfile() tea.Cmd {
	if a.needsDevice() {
		return nil
	}
	page, focus := a.page, a.focus
	return ask(a, func(ctx context.Context) (client.Info, error) { return a.m.Info(ctx, a.m.UIN()) },
		func(info client.Info, err error) tea.Cmd {
			switch {
			case err != nil:
				a.complain(err)
				return nil
			case a.page != page, a.focus != focus:
				return nil // the user did not wait, and may be writing
			}
			a.show(a.profileForm(info.Profile))
			return nil
		})
}

func (a *App) profileForm(profile client.Profile) *form {
	f := &form{title: a.lang.say(wProfile), what: wKeySave}
	for _, profileField := range profileFields {
		if profileField.choices != nil {
			f.fields = append(f.fields, (&field{label: profileField.label, choices: profileField.choices}).pick(profileField.get(profile)))
		} else {
			value := cleanLine(profileField.get(profile))
			if value == profileField.unset {
				value = ""
			}
			f.fields = append(f.fields, textField(profileField.label, value))
		}
	}
	yesNo := []choice{{wAsItIs, ""}, {wYes, "1"}, {wNo, "0"}}
	rule := &field{label: wRule, choices: []choice{{wAsItIs, ""}, {wRuleOpen, "0"}, {wRuleAsk, "1"}, {wRuleClosed, "3"}}}
	strangers, findable := &field{label: wStrangersMay, choices: yesNo}, &field{label: wFindable, choices: yesNo}
	f.fields = append(f.fields, rule, strangers, findable)
	f.submit = func() tea.Cmd {
		change := client.Change{Profile: map[string]string{}}
		for i, profileField := range profileFields {
			if f.fields[i].changed() {
				change.Profile[profileField.key] = cmp.Or(strings.TrimSpace(f.fields[i].value()), profileField.unset)
			}
		}
		change.Rule = map[string]*client.Rule{"0": ptr(client.RuleOpen), "1": ptr(client.RuleAsk), "3": ptr(client.RuleClosed)}[rule.value()]
		boolean := map[string]*bool{"1": ptr(true), "0": ptr(false)}
		change.Strangers, change.Findable = boolean[strangers.value()], boolean[findable.value()]
		return order(a, func(ctx context.Context) error { return a.m.SetInfo(ctx, change) }, func() tea.Cmd {
			a.say(wSaved)
			if nick, ok := change.Profile["NK"]; ok {
				a.nick = cleanLine(nick)
			}
			return a.close(f)
		})
	}
	return f
}

func ptr[T any](v T) *T { return &v }

// statuses are what a user can choose to be, in the order of the list.
var statuses = []client.Status{client.StatusOnline, client.StatusTalkToMe, client.StatusAway, client.StatusBusy, client.StatusDoNotDisturb, client.StatusInvisible, client.StatusOffline}

var statusWords = map[client.Status]translation{
	client.StatusOnline:       wOnline,
	client.StatusTalkToMe:     wTalkToMe,
	client.StatusAway:         wAway,
	client.StatusBusy:         wBusy,
	client.StatusDoNotDisturb: wDoNotDisturb,
	client.StatusInvisible:    wInvisible,
	client.StatusOffline:      wOffline,
}

// chooseStatus lists what the user can be.
func (a *App) chooseStatus() tea.Cmd {
	m := &menu{title: a.lang.say(wStatus)}
	for i, status := range statuses {
		m.rows = append(m.rows, menuRow{left: statusSigns[status] + " " + a.lang.say(statusWords[status])})
		if status == a.status {
			m.at = i
		}
	}
	m.acts = func(i int) []binding {
		return []binding{{keys: []string{"enter"}, what: wKeyChoose, hint: true, do: func() tea.Cmd { return a.setStatus(statuses[i]) }}}
	}
	a.show(m)
	return nil
}

func (a *App) setStatus(status client.Status) tea.Cmd {
	close := a.leave()
	return tea.Batch(close, order(a, func(ctx context.Context) error { return a.m.SetStatus(ctx, status) }, func() tea.Cmd {
		a.status = status
		a.say(wStatusIs, a.lang.say(statusWords[status]))
		return nil
	}))
}
