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

// profileField describes a field of a profile: its protocol key and its value.
type profileField struct {
	label      textID
	key        string
	value      func(p profile) string
	choices    []fieldChoice
	emptyValue string // the value of an empty field
}

// profileFields are the editable fields in the order of the form.
var profileFields = []profileField{
	{label: textNick, key: "NK", value: func(p profile) string { return p.Nick }},
	{label: textAbout, key: "PR", value: func(p profile) string { return p.About }},
	{label: textSex, key: "SX", value: func(p profile) string { return strconv.Itoa(p.Sex) },
		choices: []fieldChoice{{textMale, "0"}, {textFemale, "1"}}},
	{label: textAge, key: "AG", value: func(p profile) string { return strconv.Itoa(p.Age) }, emptyValue: "0"},
	{label: textCountry, key: "CY", value: func(p profile) string { return p.Country }},
	{label: textProvince, key: "PV", value: func(p profile) string { return p.Province }},
	{label: textCity, key: "CT", value: func(p profile) string { return p.City }},
	{label: textSchool, key: "SC", value: func(p profile) string { return p.School }},
	{label: textJob, key: "JB", value: func(p profile) string { return p.Job }},
	{label: textHomePage, key: "HP", value: func(p profile) string { return p.HomePage }},
	{label: textRealName, key: "RN", value: func(p profile) string { return p.RealName }},
	{label: textMail, key: "EM", value: func(p profile) string { return p.Mail }},
	{label: textPhone, key: "PH", value: func(p profile) string { return p.Phone }},
	{label: textMobile, key: "MO", value: func(p profile) string { return p.Mobile }},
	{label: textAddress, key: "AD", value: func(p profile) string { return p.Address }},
	{label: textPostCode, key: "PC", value: func(p profile) string { return p.PostCode }},
	{label: textBlood, key: "BT", emptyValue: "0", value: func(p profile) string { return strconv.Itoa(p.Blood) },
		choices: numberedChoices(textBloodA, 5)},
	{label: textConstellation, key: "CO", emptyValue: "0",
		value:   func(p profile) string { return strconv.Itoa(p.Constellation) },
		choices: numberedChoices(textAquarius, 12)},
	{label: textAnimal, key: "SH", emptyValue: "0", value: func(p profile) string { return strconv.Itoa(p.Animal) },
		choices: numberedChoices(textRat, 12)},
}

// numberedChoices returns the options "not set" and 1 to n, labelled with consecutive
// text IDs.
func numberedChoices(first textID, count int) []fieldChoice {
	choices := []fieldChoice{{textUnset, "0"}}
	for i := range count {
		choices = append(choices, fieldChoice{first + textID(i), strconv.Itoa(i + 1)})
	}
	return choices
}

// profileRows returns the fields that are set.
func (a *App) profileRows(profile client.Profile) []menuRow {
	var rows []menuRow
	for _, field := range profileFields {
		value := sanitizeLine(field.value(profile))
		if value == field.emptyValue {
			continue
		}
		for _, choice := range field.choices {
			if choice.value == value {
				value = a.language.translate(choice.label)
			}
		}
		rows = append(rows, menuRow{left: fitWidth(a.widthMethod, a.language.translate(field.label),
			labelWidth) + " " + value, detail: value})
	}
	return rows
}

// editProfile shows the form for the account's own profile and settings.
func (a *App) editProfile() tea.Cmd {
	if a.refuseWithoutDevice() {
		return nil
	}
	page, focus := a.page, a.focus
	return a.requestInfo(a.messenger.UIN(), func(info client.AccountInfo, err error) tea.Cmd {
		switch {
		case err != nil:
			a.showError(err)
			return nil
		case a.page != page, a.focus != focus:
			return nil // the user went on and may be typing
		}
		a.showPage(a.profileForm(info.Profile))
		return nil
	})
}

// profileForm returns the form. Saving sends only the changed fields.
func (a *App) profileForm(profile client.Profile) *form {
	page := &form{title: a.language.translate(textProfile), submitText: textKeySave}
	for _, field := range profileFields {
		if field.choices != nil {
			choice := &formField{label: field.label, choices: field.choices}
			page.fields = append(page.fields, choice.selectValue(field.value(profile)))
		} else {
			value := sanitizeLine(field.value(profile))
			if value == field.emptyValue {
				value = ""
			}
			page.fields = append(page.fields, newTextField(field.label, value))
		}
	}
	yesNo := []fieldChoice{{textAsItIs, ""}, {textYes, "1"}, {textNo, "0"}}
	rule := &formField{label: textRule, choices: []fieldChoice{{textAsItIs, ""}, {textRuleOpen, "0"},
		{textRuleAsk, "1"}, {textRuleClosed, "3"}}}
	strangers, findable := &formField{label: textStrangersMay, choices: yesNo},
		&formField{label: textFindable, choices: yesNo}
	page.fields = append(page.fields, rule, strangers, findable)
	page.submit = func() tea.Cmd {
		change := client.AccountChange{Profile: map[string]string{}}
		for i, field := range profileFields {
			if page.fields[i].isChanged() {
				change.Profile[field.key] = cmp.Or(strings.TrimSpace(page.fields[i].value()),
					field.emptyValue)
			}
		}
		change.FriendRule = map[string]*client.FriendRule{
			"0": pointerTo(client.RuleOpen), "1": pointerTo(client.RuleAsk),
			"3": pointerTo(client.RuleClosed)}[rule.value()]
		flags := map[string]*bool{"1": pointerTo(true), "0": pointerTo(false)}
		change.AllowStrangers, change.Findable = flags[strangers.value()], flags[findable.value()]
		return runAction(a, func(ctx context.Context) error { return a.messenger.SetInfo(ctx, change) },
			func() tea.Cmd {
				a.showNotice(textSaved)
				if nick, ok := change.Profile["NK"]; ok {
					a.ownNick = sanitizeLine(nick)
				}
				return a.closeIfShown(page)
			})
	}
	return page
}

// pointerTo returns a pointer to a copy of v.
func pointerTo[T any](v T) *T { return &v }

// selectableStatuses are the statuses that a user can choose, in the order of the menu.
var selectableStatuses = []client.Status{client.StatusOnline, client.StatusTalkToMe, client.StatusAway,
	client.StatusBusy, client.StatusDoNotDisturb, client.StatusInvisible, client.StatusOffline}

var statusTexts = map[client.Status]textID{
	client.StatusOnline:       textOnline,
	client.StatusTalkToMe:     textTalkToMe,
	client.StatusAway:         textAway,
	client.StatusBusy:         textBusy,
	client.StatusDoNotDisturb: textDoNotDisturb,
	client.StatusInvisible:    textInvisible,
	client.StatusOffline:      textOffline,
}

// showStatusMenu lists the statuses.
func (a *App) showStatusMenu() tea.Cmd {
	list := &menu{title: a.language.translate(textStatus)}
	for i, status := range selectableStatuses {
		list.rows = append(list.rows, menuRow{left: statusSigns[status] + " " +
			a.language.translate(statusTexts[status])})
		if status == a.ownStatus {
			list.selected = i
		}
	}
	list.rowBindings = func(i int) []keyBinding {
		return []keyBinding{{keys: []string{"enter"}, description: textKeyChoose, isHint: true,
			run: func() tea.Cmd { return a.setStatus(selectableStatuses[i]) }}}
	}
	a.showPage(list)
	return nil
}

func (a *App) setStatus(status client.Status) tea.Cmd {
	closeCmd := a.closePage()
	return tea.Batch(closeCmd,
		runAction(a, func(ctx context.Context) error { return a.messenger.SetStatus(ctx, status) }, func() tea.Cmd {
			a.ownStatus = status
			a.showNotice(textStatusIs, a.language.translate(statusTexts[status]))
			return nil
		}))
}
