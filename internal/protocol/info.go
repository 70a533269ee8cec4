package protocol

import (
	"strconv"

	"github.com/rookery-im/rookery"
)

// infoField is one field of a GetInfo answer.
type infoField struct {
	key   string
	write func(req *request, key string, account *rookery.Account)
	// set is how its owner changes it, nil for what cannot be changed.
	set func(profile *rookery.Profile, value string) error
}

func textField(key string, of func(*rookery.Profile) *string) infoField {
	return infoField{
		key:   key,
		write: func(req *request, key string, account *rookery.Account) { req.text(key, *of(&account.Profile)) },
		set: func(profile *rookery.Profile, value string) error {
			*of(profile) = value
			return nil
		},
	}
}

func numberField(key string, of func(*rookery.Profile) *int) infoField {
	return infoField{
		key:   key,
		write: func(req *request, key string, account *rookery.Account) { req.number(key, *of(&account.Profile)) },
		set: func(profile *rookery.Profile, value string) (err error) {
			*of(profile), err = strconv.Atoi(value)
			return err
		},
	}
}

// unknownField is one whose meaning nobody knows any more: it stays empty.
func unknownField(key string) infoField {
	return infoField{key: key, write: func(req *request, key string, _ *rookery.Account) { req.text(key, "") }}
}

// infoFields are all fields of GetInfo. Each level answers some of them, in
// this order.
var infoFields = []infoField{
	textField("AD", func(profile *rookery.Profile) *string { return &profile.Address }),
	numberField("AG", func(profile *rookery.Profile) *int { return &profile.Age }),
	numberField("BT", func(profile *rookery.Profile) *int { return &profile.Blood }),
	numberField("CO", func(profile *rookery.Profile) *int { return &profile.Constellation }),
	textField("CT", func(profile *rookery.Profile) *string { return &profile.City }),
	unknownField("CV"),
	textField("CY", func(profile *rookery.Profile) *string { return &profile.Country }),
	textField("EM", func(profile *rookery.Profile) *string { return &profile.Mail }),
	numberField("FC", func(profile *rookery.Profile) *int { return &profile.Face }),
	textField("HP", func(profile *rookery.Profile) *string { return &profile.HomePage }),
	unknownField("ID"),
	textField("JB", func(profile *rookery.Profile) *string { return &profile.Job }),
	{key: "LV", write: func(req *request, key string, _ *rookery.Account) { req.text(key, req.level()) }},
	textField("MO", func(profile *rookery.Profile) *string { return &profile.Mobile }),
	unknownField("MT"),
	unknownField("MV"),
	textField("PC", func(profile *rookery.Profile) *string { return &profile.PostCode }),
	textField("PH", func(profile *rookery.Profile) *string { return &profile.Phone }),
	textField("PR", func(profile *rookery.Profile) *string { return &profile.About }),
	textField("PV", func(profile *rookery.Profile) *string { return &profile.Province }),
	textField("RN", func(profile *rookery.Profile) *string { return &profile.RealName }),
	textField("SC", func(profile *rookery.Profile) *string { return &profile.School }),
	numberField("SH", func(profile *rookery.Profile) *int { return &profile.Animal }),
	numberField("SX", func(profile *rookery.Profile) *int { return &profile.Sex }),
	{key: "UN", write: func(req *request, key string, account *rookery.Account) { req.account(key, account.UIN) }},
	textField("NK", func(profile *rookery.Profile) *string { return &profile.Nick }),
}

// infoLevels says which fields the levels brief, normal and detailed answer.
var infoLevels = map[string]map[string]bool{
	"1": set("AG", "FC", "LV", "PV", "SX", "UN", "NK"),
	"2": set("AD", "AG", "EM", "FC", "HP", "JB", "LV", "PC", "PH", "PR", "PV", "RN", "SC", "SX", "UN", "NK"),
	"3": set("AD", "AG", "BT", "CO", "CT", "CV", "CY", "EM", "FC", "HP", "ID", "JB", "LV", "MO", "MT", "MV",
		"PC", "PH", "PR", "PV", "RN", "SC", "SH", "SX", "UN", "NK"),
}

func set(keys ...string) map[string]bool {
	m := make(map[string]bool, len(keys))
	for _, k := range keys {
		m[k] = true
	}
	return m
}

// level is the level asked for, normal if none is.
func (c *request) level() string {
	if lv, given := c.value("LV"); given {
		return lv
	}
	return "2"
}

func getInfo(req *request) error {
	if err := req.needTarget(); err != nil {
		return err
	}
	fields := infoLevels[req.level()]
	if fields == nil {
		return parameter("LV", "allowed are 1, 2 and 3")
	}
	whom, err := req.target()
	if err != nil {
		return err
	}
	account, err := req.service.VisibleAccount(req.ctx, req.session, whom)
	if err != nil {
		return about("UN", err)
	}
	req.ok()
	for _, infoField := range infoFields {
		if fields[infoField.key] {
			infoField.write(req, infoField.key, &account)
		}
	}
	return nil
}
