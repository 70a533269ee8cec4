package protocol

import (
	"strconv"

	"github.com/rookery-im/rookery"
)

// settableKeys are the keys of SetInfo: the account settings and profile fields that the owner may
// change.
var settableKeys = func() []string {
	keys := []string{"AR", "AS", "AF"}
	for _, infoField := range profileFields {
		if infoField.assign != nil {
			keys = append(keys, infoField.key)
		}
	}
	return keys
}()

// handleSetInfo changes the fields that are given.
func handleSetInfo(request *clientRequest) error {
	var changes []func(*rookery.Account)
	account, err := request.service.VisibleAccount(request.ctx, request.session, request.uin)
	if err != nil {
		return err
	}
	for _, key := range settableKeys {
		value, isGiven := request.valueOf(key)
		if !isGiven {
			continue
		}
		change, err := parseChange(account.Profile, key, value)
		if err != nil {
			return err
		}
		changes = append(changes, change)
	}
	if len(changes) == 0 {
		return parameterError("NK", "missing, and so is every other key of a profile: nothing is to be changed")
	}
	if err := request.requireDeviceSession(); err != nil {
		return err
	}
	err = request.service.ChangeOwnAccount(request.ctx, request.session, func(account *rookery.Account) error {
		for _, change := range changes {
			change(account)
		}
		return nil
	}, request.requestKey)
	if err != nil {
		return err
	}
	request.beginAnswer()
	return nil
}

// parseChange returns the change that a key and its value ask for, or an error with CodeParameter.
// current is the owner's present profile.
func parseChange(current rookery.Profile, key, value string) (func(*rookery.Account), error) {
	switch key {
	case "AR":
		number, err := strconv.ParseUint(value, 10, 8)
		rule := rookery.FriendRule(number)
		if err != nil || rule != rookery.RuleOpen && rule != rookery.RuleAsk && rule != rookery.RuleClosed {
			return nil, parameterError(key, "allowed are 0, 1 and 3")
		}
		return func(account *rookery.Account) { account.FriendRule = rule }, nil
	case "AS":
		isSet, err := parseYesNo(key, value)
		return func(account *rookery.Account) { account.AllowStrangers = isSet }, err
	case "AF":
		isSet, err := parseYesNo(key, value)
		return func(account *rookery.Account) { account.Findable = isSet }, err
	}
	for _, infoField := range profileFields {
		if infoField.key == key {
			return infoField.parseFieldChange(current, value)
		}
	}
	panic("protocol: " + key + " is no key of SetInfo")
}

// parseFieldChange returns the change of a profile field.
func (f profileField) parseFieldChange(current rookery.Profile, value string) (func(*rookery.Account), error) {
	var single rookery.Profile // validated alone, so that an error concerns this key
	if err := f.assign(&single, value); err != nil {
		return nil, parameterError(f.key, "no number")
	}
	if err := single.Validate(); err != nil {
		return nil, prefixKey(f.key, err)
	}
	changed := current
	_ = f.assign(&changed, value)
	if err := changed.CheckNames(&current); err != nil {
		return nil, prefixKey(f.key, err)
	}
	return func(account *rookery.Account) { _ = f.assign(&account.Profile, value) }, nil
}

func parseYesNo(key, value string) (bool, error) {
	if value != "0" && value != "1" {
		return false, parameterError(key, "allowed are 0 and 1")
	}
	return value == "1", nil
}
