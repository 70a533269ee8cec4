package client

import (
	"context"
	"maps"
	"slices"
	"strconv"
)

// Info is an account as it shows itself.
type Info struct {
	UIN UIN
	Profile
}

// Info looks an account up, all that it shows.
func (c *Client) Info(ctx context.Context, uin UIN) (Info, error) {
	answer, err := c.ask(ctx, request{command: "GetInfo", fields: []Field{number("UN", uin), text("LV", "3")}})
	if err != nil {
		return Info{}, err
	}
	info := Info{UIN: uin}
	profile := &info.Profile
	for key, to := range map[string]*string{
		"NK": &profile.Nick, "CY": &profile.Country, "PV": &profile.Province, "CT": &profile.City, "SC": &profile.School, "JB": &profile.Job,
		"HP": &profile.HomePage, "PR": &profile.About, "RN": &profile.RealName, "EM": &profile.Mail, "PH": &profile.Phone, "MO": &profile.Mobile,
		"AD": &profile.Address, "PC": &profile.PostCode,
	} {
		*to = answer.Text(key)
	}
	for key, to := range map[string]*int{
		"FC": &profile.Face, "AG": &profile.Age, "SX": &profile.Sex, "BT": &profile.Blood, "CO": &profile.Constellation, "SH": &profile.Animal,
	} {
		n, err := answer.count(key)
		if err != nil {
			return Info{}, err
		}
		*to = int(n)
	}
	return info, nil
}

// Change is what SetInfo changes; what is nil stays.
type Change struct {
	// Profile replaces fields by their protocol keys: NK, FC, AG, ...
	Profile   map[string]string
	Rule      *Rule
	Strangers *bool // strangers may write
	Findable  *bool // searches may find the account
}

// SetInfo changes the own account. ErrParameter if a key or a value is none. Only
// for device sessions; elsewhere it is ErrRefused.
func (c *Client) SetInfo(ctx context.Context, change Change) error {
	var fields []Field
	for _, key := range slices.Sorted(maps.Keys(change.Profile)) {
		fields = append(fields, text(key, change.Profile[key]))
	}
	if change.Rule != nil {
		fields = append(fields, number("AR", *change.Rule))
	}
	for key, set := range map[string]*bool{"AS": change.Strangers, "AF": change.Findable} {
		if set != nil {
			fields = append(fields, text(key, digit(*set)))
		}
	}
	_, err := c.ask(ctx, request{command: "SetInfo", fields: fields})
	return err
}

func digit(set bool) string {
	n := 0
	if set {
		n = 1
	}
	return strconv.Itoa(n)
}
