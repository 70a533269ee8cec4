package tui

import (
	"context"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// profileField is one thing that an account says about its owner: the
// protocol's key for it, and where a Profile has it.
type profileField struct {
	label   word
	key     string
	get     func(p *client.Profile) string
	choices []choice
}

func text(get func(p *client.Profile) *string) func(p *client.Profile) string {
	return func(p *client.Profile) string { return *get(p) }
}

func number(get func(p *client.Profile) *int) func(p *client.Profile) string {
	return func(p *client.Profile) string { return strconv.Itoa(*get(p)) }
}

// profileFields are those that a person fills in, in the order of the form.
var profileFields = []profileField{
	{wNick, "NK", text(func(p *client.Profile) *string { return &p.Nick }), nil},
	{wAbout, "PR", text(func(p *client.Profile) *string { return &p.About }), nil},
	{wSex, "SX", number(func(p *client.Profile) *int { return &p.Sex }), []choice{{wMale, "0"}, {wFemale, "1"}}},
	{wAge, "AG", number(func(p *client.Profile) *int { return &p.Age }), nil},
	{wCountry, "CY", text(func(p *client.Profile) *string { return &p.Country }), nil},
	{wProvince, "PV", text(func(p *client.Profile) *string { return &p.Province }), nil},
	{wCity, "CT", text(func(p *client.Profile) *string { return &p.City }), nil},
	{wSchool, "SC", text(func(p *client.Profile) *string { return &p.School }), nil},
	{wJob, "JB", text(func(p *client.Profile) *string { return &p.Job }), nil},
	{wHomePage, "HP", text(func(p *client.Profile) *string { return &p.HomePage }), nil},
	{wRealName, "RN", text(func(p *client.Profile) *string { return &p.RealName }), nil},
	{wMail, "EM", text(func(p *client.Profile) *string { return &p.Mail }), nil},
	{wPhone, "PH", text(func(p *client.Profile) *string { return &p.Phone }), nil},
	{wMobile, "MO", text(func(p *client.Profile) *string { return &p.Mobile }), nil},
	{wAddress, "AD", text(func(p *client.Profile) *string { return &p.Address }), nil},
	{wPostCode, "PC", text(func(p *client.Profile) *string { return &p.PostCode }), nil},
	{wBlood, "BT", number(func(p *client.Profile) *int { return &p.Blood }),
		[]choice{{wUnset, "0"}, {wBloodA, "1"}, {wBloodB, "2"}, {wBloodO, "3"}, {wBloodAB, "4"}, {wOther, "5"}}},
	{wConstellation, "CO", number(func(p *client.Profile) *int { return &p.Constellation }), numbered(wAquarius, 12)},
	{wAnimal, "SH", number(func(p *client.Profile) *int { return &p.Animal }), numbered(wRat, 12)},
}

// numbered are choices called by words that follow each other, from 1; 0 is
// unset.
func numbered(first word, n int) []choice {
	all := []choice{{wUnset, "0"}}
	for i := range n {
		all = append(all, choice{first + word(i), strconv.Itoa(i + 1)})
	}
	return all
}

// profileRows are the fields that say something.
func (a *App) profileRows(p client.Profile) []menuRow {
	var rows []menuRow
	for _, f := range profileFields {
		value := cleanLine(f.get(&p))
		if value == "" || value == "0" && f.key != "SX" {
			continue
		}
		for _, c := range f.choices {
			if c.value == value {
				value = a.lang.say(c.word)
			}
		}
		rows = append(rows, menuRow{left: fit(a.measure, a.lang.say(f.label), labelWidth) + " " + value, detail: value})
	}
	return rows
}

// editProfile shows the form for the own profile, and for who may do what.
func (a *App) editProfile() tea.Cmd {
	if a.needsDevice() {
		return nil
	}
	return ask(a, func(ctx context.Context) (client.Info, error) { return a.m.Info(ctx, a.m.UIN()) },
		func(info client.Info, err error) tea.Cmd {
			if err != nil {
				a.complain(err)
				return nil
			}
			a.show(a.profileForm(info.Profile))
			return nil
		})
}

func (a *App) profileForm(p client.Profile) *form {
	f := &form{title: a.lang.say(wProfile), what: wKeySave}
	for _, pf := range profileFields {
		if pf.choices != nil {
			f.fields = append(f.fields, (&field{label: pf.label, choices: pf.choices}).pick(pf.get(&p)))
		} else {
			f.fields = append(f.fields, textField(pf.label, cleanLine(pf.get(&p))))
		}
	}
	yesNo := []choice{{wAsItIs, ""}, {wYes, "1"}, {wNo, "0"}}
	rule := &field{label: wRule, choices: []choice{{wAsItIs, ""}, {wRuleOpen, "0"}, {wRuleAsk, "1"}, {wRuleClosed, "3"}}}
	strangers, findable := &field{label: wStrangersMay, choices: yesNo}, &field{label: wFindable, choices: yesNo}
	f.fields = append(f.fields, rule, strangers, findable)
	f.submit = func() tea.Cmd {
		change := client.Change{Profile: map[string]string{}}
		for i, pf := range profileFields {
			if f.fields[i].changed() {
				change.Profile[pf.key] = f.fields[i].value()
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
			return a.leave()
		})
	}
	return f
}

func ptr[T any](v T) *T { return &v }

// statuses are what a user can choose to be, in the order of the list.
var statuses = []client.Status{client.StatusOnline, client.StatusTalkToMe, client.StatusAway, client.StatusBusy, client.StatusDoNotDisturb, client.StatusInvisible, client.StatusOffline}

var statusWords = map[client.Status]word{
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
	for i, s := range statuses {
		m.rows = append(m.rows, menuRow{left: statusSigns[s] + " " + a.lang.say(statusWords[s])})
		if s == a.status {
			m.at = i
		}
	}
	m.acts = func(i int) []binding {
		return []binding{{keys: []string{"enter"}, what: wKeyChoose, hint: true, do: func() tea.Cmd { return a.setStatus(statuses[i]) }}}
	}
	a.show(m)
	return nil
}

func (a *App) setStatus(s client.Status) tea.Cmd {
	close := a.leave()
	return tea.Batch(close, order(a, func(ctx context.Context) error { return a.m.SetStatus(ctx, s) }, func() tea.Cmd {
		a.status = s
		a.say(wStatusIs, a.lang.say(statusWords[s]))
		return nil
	}))
}
