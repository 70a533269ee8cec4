package protocol

import (
	"strconv"

	"github.com/rookery-im/rookery"
)

// profileField is one field of a GetInfo answer.
type profileField struct {
	key   string
	addTo func(request *clientRequest, key string, account *rookery.Account)
	// assign sets the field from a SetInfo value. It is nil for fields that cannot be changed.
	assign func(profile *rookery.Profile, value string) error
}

func newTextField(key string, fieldOf func(*rookery.Profile) *string) profileField {
	return profileField{
		key: key,
		addTo: func(request *clientRequest, key string, account *rookery.Account) {
			request.addText(key, *fieldOf(&account.Profile))
		},
		assign: func(profile *rookery.Profile, value string) error {
			*fieldOf(profile) = value
			return nil
		},
	}
}

func newNumberField(key string, fieldOf func(*rookery.Profile) *int) profileField {
	return profileField{
		key: key,
		addTo: func(request *clientRequest, key string, account *rookery.Account) {
			request.addNumber(key, *fieldOf(&account.Profile))
		},
		assign: func(profile *rookery.Profile, value string) (err error) {
			*fieldOf(profile), err = strconv.Atoi(value)
			return err
		},
	}
}

// newUnusedField returns a field whose meaning is unknown today. It is always empty.
func newUnusedField(key string) profileField {
	return profileField{key: key, addTo: func(request *clientRequest, key string,
		_ *rookery.Account) {
		request.addText(key, "")
	}}
}

// profileFields are all fields of GetInfo, in the order of the answer. Each level selects some.
var profileFields = []profileField{
	newTextField("AD", func(profile *rookery.Profile) *string { return &profile.Address }),
	newNumberField("AG", func(profile *rookery.Profile) *int { return &profile.Age }),
	newNumberField("BT", func(profile *rookery.Profile) *int { return &profile.Blood }),
	newNumberField("CO", func(profile *rookery.Profile) *int { return &profile.Constellation }),
	newTextField("CT", func(profile *rookery.Profile) *string { return &profile.City }),
	newUnusedField("CV"),
	newTextField("CY", func(profile *rookery.Profile) *string { return &profile.Country }),
	newTextField("EM", func(profile *rookery.Profile) *string { return &profile.Mail }),
	newNumberField("FC", func(profile *rookery.Profile) *int { return &profile.Face }),
	newTextField("HP", func(profile *rookery.Profile) *string { return &profile.HomePage }),
	newUnusedField("ID"),
	newTextField("JB", func(profile *rookery.Profile) *string { return &profile.Job }),
	{key: "LV", addTo: func(request *clientRequest, key string,
		_ *rookery.Account) {
		request.addText(key, request.infoLevel())
	}},
	newTextField("MO", func(profile *rookery.Profile) *string { return &profile.Mobile }),
	newUnusedField("MT"),
	newUnusedField("MV"),
	newTextField("PC", func(profile *rookery.Profile) *string { return &profile.PostCode }),
	newTextField("PH", func(profile *rookery.Profile) *string { return &profile.Phone }),
	newTextField("PR", func(profile *rookery.Profile) *string { return &profile.About }),
	newTextField("PV", func(profile *rookery.Profile) *string { return &profile.Province }),
	newTextField("RN", func(profile *rookery.Profile) *string { return &profile.RealName }),
	newTextField("SC", func(profile *rookery.Profile) *string { return &profile.School }),
	newNumberField("SH", func(profile *rookery.Profile) *int { return &profile.Animal }),
	newNumberField("SX", func(profile *rookery.Profile) *int { return &profile.Sex }),
	{key: "UN", addTo: func(request *clientRequest, key string,
		account *rookery.Account) {
		request.addUIN(key, account.UIN)
	}},
	newTextField("NK", func(profile *rookery.Profile) *string { return &profile.Nick }),
}

// infoLevels lists the fields of levels 1 (brief), 2 (normal) and 3 (detailed).
var infoLevels = map[string]map[string]bool{
	"1": keySet("AG", "FC", "LV", "PV", "SX", "UN", "NK"),
	"2": keySet("AD", "AG", "EM", "FC", "HP", "JB", "LV", "PC", "PH", "PR", "PV", "RN", "SC", "SX", "UN", "NK"),
	"3": keySet("AD", "AG", "BT", "CO", "CT", "CV", "CY", "EM", "FC", "HP", "ID", "JB", "LV", "MO", "MT", "MV",
		"PC", "PH", "PR", "PV", "RN", "SC", "SH", "SX", "UN", "NK"),
}

func keySet(keys ...string) map[string]bool {
	m := make(map[string]bool, len(keys))
	for _, k := range keys {
		m[k] = true
	}
	return m
}

// infoLevel returns the requested level, by default 2.
func (c *clientRequest) infoLevel() string {
	if level, isGiven := c.valueOf("LV"); isGiven {
		return level
	}
	return "2"
}

func handleGetInfo(request *clientRequest) error {
	if err := request.requireTarget(); err != nil {
		return err
	}
	fields := infoLevels[request.infoLevel()]
	if fields == nil {
		return parameterError("LV", "allowed are 1, 2 and 3")
	}
	target, err := request.parseTarget()
	if err != nil {
		return err
	}
	account, err := request.service.VisibleAccount(request.ctx, request.session, target)
	if err != nil {
		return prefixKey("UN", err)
	}
	request.beginAnswer()
	for _, infoField := range profileFields {
		if fields[infoField.key] {
			infoField.addTo(request, infoField.key, &account)
		}
	}
	return nil
}
