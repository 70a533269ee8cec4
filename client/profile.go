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
	a, err := c.ask(ctx, request{command: "GetInfo", fields: []Field{number("UN", uin), text("LV", "3")}})
	if err != nil {
		return Info{}, err
	}
	info := Info{UIN: uin}
	p := &info.Profile
	for key, to := range map[string]*string{
		"NK": &p.Nick, "CY": &p.Country, "PV": &p.Province, "CT": &p.City, "SC": &p.School, "JB": &p.Job,
		"HP": &p.HomePage, "PR": &p.About, "RN": &p.RealName, "EM": &p.Mail, "PH": &p.Phone, "MO": &p.Mobile,
		"AD": &p.Address, "PC": &p.PostCode,
	} {
		*to = a.Text(key)
	}
	for key, to := range map[string]*int{
		"FC": &p.Face, "AG": &p.Age, "SX": &p.Sex, "BT": &p.Blood, "CO": &p.Constellation, "SH": &p.Animal,
	} {
		n, err := a.count(key)
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
func (c *Client) SetInfo(ctx context.Context, ch Change) error {
	var fields []Field
	for _, key := range slices.Sorted(maps.Keys(ch.Profile)) {
		fields = append(fields, text(key, ch.Profile[key]))
	}
	if ch.Rule != nil {
		fields = append(fields, number("AR", *ch.Rule))
	}
	for key, set := range map[string]*bool{"AS": ch.Strangers, "AF": ch.Findable} {
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
