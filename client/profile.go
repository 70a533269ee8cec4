package client

import (
	"context"
	"maps"
	"slices"
	"strconv"
)

// AccountInfo is what an account publishes.
type AccountInfo struct {
	UIN UIN
	Profile
}

// Info returns the published profile of an account.
func (c *Client) Info(ctx context.Context, uin UIN) (AccountInfo, error) {
	answer, err := c.sendRequest(ctx, commandRequest{command: "GetInfo",
		fields: []Field{numberField("UN", uin), textField("LV", "3")}})
	if err != nil {
		return AccountInfo{}, err
	}
	info := AccountInfo{UIN: uin}
	profile := &info.Profile
	for key, target := range map[string]*string{
		"NK": &profile.Nick, "CY": &profile.Country, "PV": &profile.Province, "CT": &profile.City,
		"SC": &profile.School, "JB": &profile.Job,
		"HP": &profile.HomePage, "PR": &profile.About, "RN": &profile.RealName, "EM": &profile.Mail,
		"PH": &profile.Phone, "MO": &profile.Mobile,
		"AD": &profile.Address, "PC": &profile.PostCode,
	} {
		*target = answer.Text(key)
	}
	for key, target := range map[string]*int{
		"FC": &profile.Face, "AG": &profile.Age, "SX": &profile.Sex, "BT": &profile.Blood, "CO": &profile.Constellation,
		"SH": &profile.Animal,
	} {
		number, err := answer.number(key)
		if err != nil {
			return AccountInfo{}, err
		}
		*target = int(number)
	}
	return info, nil
}

// AccountChange is a change by SetInfo. Nil fields stay unchanged.
type AccountChange struct {
	// Profile maps protocol keys (NK, FC, AG, ...) to new values.
	Profile        map[string]string
	FriendRule     *FriendRule
	AllowStrangers *bool // accounts that are no friends may send messages
	Findable       *bool // Find may return the account
}

// SetInfo changes the account's profile and settings. It returns ErrParameter for an
// invalid key or value. It requires a device session and returns ErrRefused otherwise.
func (c *Client) SetInfo(ctx context.Context, change AccountChange) error {
	var fields []Field
	for _, key := range slices.Sorted(maps.Keys(change.Profile)) {
		fields = append(fields, textField(key, change.Profile[key]))
	}
	if change.FriendRule != nil {
		fields = append(fields, numberField("AR", *change.FriendRule))
	}
	for key, enabled := range map[string]*bool{"AS": change.AllowStrangers, "AF": change.Findable} {
		if enabled != nil {
			fields = append(fields, textField(key, formatFlag(*enabled)))
		}
	}
	_, err := c.sendRequest(ctx, commandRequest{command: "SetInfo", fields: fields})
	return err
}

func formatFlag(enabled bool) string {
	digit := 0
	if enabled {
		digit = 1
	}
	return strconv.Itoa(digit)
}
