package protocol

import (
	"strconv"

	"github.com/rookery-im/rookery"
)

// infoField is one field of a GetInfo answer.
type infoField struct {
	key   string
	write func(c *request, key string, a *rookery.Account)
	// set is how its owner changes it, nil for what cannot be changed.
	set func(p *rookery.Profile, value string) error
}

func textField(key string, of func(*rookery.Profile) *string) infoField {
	return infoField{
		key:   key,
		write: func(c *request, key string, a *rookery.Account) { c.text(key, *of(&a.Profile)) },
		set: func(p *rookery.Profile, value string) error {
			*of(p) = value
			return nil
		},
	}
}

func numberField(key string, of func(*rookery.Profile) *int) infoField {
	return infoField{
		key:   key,
		write: func(c *request, key string, a *rookery.Account) { c.number(key, *of(&a.Profile)) },
		set: func(p *rookery.Profile, value string) (err error) {
			*of(p), err = strconv.Atoi(value)
			return err
		},
	}
}

// unknownField is one whose meaning nobody knows any more: it stays empty.
func unknownField(key string) infoField {
	return infoField{key: key, write: func(c *request, key string, _ *rookery.Account) { c.text(key, "") }}
}

// infoFields are all fields of GetInfo. Each level answers some of them, in
// this order.
var infoFields = []infoField{
	textField("AD", func(p *rookery.Profile) *string { return &p.Address }),
	numberField("AG", func(p *rookery.Profile) *int { return &p.Age }),
	numberField("BT", func(p *rookery.Profile) *int { return &p.Blood }),
	numberField("CO", func(p *rookery.Profile) *int { return &p.Constellation }),
	textField("CT", func(p *rookery.Profile) *string { return &p.City }),
	unknownField("CV"),
	textField("CY", func(p *rookery.Profile) *string { return &p.Country }),
	textField("EM", func(p *rookery.Profile) *string { return &p.Mail }),
	numberField("FC", func(p *rookery.Profile) *int { return &p.Face }),
	textField("HP", func(p *rookery.Profile) *string { return &p.HomePage }),
	unknownField("ID"),
	textField("JB", func(p *rookery.Profile) *string { return &p.Job }),
	{key: "LV", write: func(c *request, key string, _ *rookery.Account) { c.text(key, c.level()) }},
	textField("MO", func(p *rookery.Profile) *string { return &p.Mobile }),
	unknownField("MT"),
	unknownField("MV"),
	textField("PC", func(p *rookery.Profile) *string { return &p.PostCode }),
	textField("PH", func(p *rookery.Profile) *string { return &p.Phone }),
	textField("PR", func(p *rookery.Profile) *string { return &p.About }),
	textField("PV", func(p *rookery.Profile) *string { return &p.Province }),
	textField("RN", func(p *rookery.Profile) *string { return &p.RealName }),
	textField("SC", func(p *rookery.Profile) *string { return &p.School }),
	numberField("SH", func(p *rookery.Profile) *int { return &p.Animal }),
	numberField("SX", func(p *rookery.Profile) *int { return &p.Sex }),
	{key: "UN", write: func(c *request, key string, a *rookery.Account) { c.account(key, a.UIN) }},
	textField("NK", func(p *rookery.Profile) *string { return &p.Nick }),
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

func getInfo(c *request) error {
	if err := c.needTarget(); err != nil {
		return err
	}
	fields := infoLevels[c.level()]
	if fields == nil {
		return parameter("LV", "allowed are 1, 2 and 3")
	}
	whom, err := c.target()
	if err != nil {
		return err
	}
	a, err := c.service.Info(c.ctx, c.session, whom)
	if err != nil {
		return about("UN", err)
	}
	c.ok()
	for _, f := range infoFields {
		if fields[f.key] {
			f.write(c, f.key, &a)
		}
	}
	return nil
}
