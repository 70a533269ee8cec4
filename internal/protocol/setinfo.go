package protocol

import (
	"strconv"

	"github.com/rookery-im/rookery"
)

// settable are the keys of SetInfo: what its owner can change of an account.
var settable = func() []string {
	keys := []string{"AR", "AS", "AF"}
	for _, infoField := range infoFields {
		if infoField.set != nil {
			keys = append(keys, infoField.key)
		}
	}
	return keys
}()

// setInfo changes what is given, and nothing else.
func setInfo(req *request) error {
	var changes []func(*rookery.Account)
	own, err := req.service.VisibleAccount(req.ctx, req.session, req.uin)
	if err != nil {
		return err
	}
	for _, key := range settable {
		value, given := req.value(key)
		if !given {
			continue
		}
		change, err := changeOf(own.Profile, key, value)
		if err != nil {
			return err
		}
		changes = append(changes, change)
	}
	if len(changes) == 0 {
		return parameter("NK", "missing, and so is every other key of a profile: nothing is to be changed")
	}
	if err := req.needDevice(); err != nil {
		return err
	}
	err = req.service.ChangeOwnAccount(req.ctx, req.session, func(account *rookery.Account) error {
		for _, change := range changes {
			change(account)
		}
		return nil
	}, req.mark)
	if err != nil {
		return err
	}
	req.ok()
	return nil
}

// changeOf is what one key asks for, or CodeParameter if its value is none that
// the key can have. own is the profile as it is.
func changeOf(own rookery.Profile, key, value string) (func(*rookery.Account), error) {
	switch key {
	case "AR":
		n, err := strconv.ParseUint(value, 10, 8)
		rule := rookery.Rule(n)
		if err != nil || rule != rookery.RuleOpen && rule != rookery.RuleAsk && rule != rookery.RuleClosed {
			return nil, parameter(key, "allowed are 0, 1 and 3")
		}
		return func(account *rookery.Account) { account.Rule = rule }, nil
	case "AS":
		yes, err := yesOrNo(key, value)
		return func(account *rookery.Account) { account.Strangers = yes }, err
	case "AF":
		yes, err := yesOrNo(key, value)
		return func(account *rookery.Account) { account.Findable = yes }, err
	}
	for _, infoField := range infoFields {
		if infoField.key == key {
			return infoField.change(own, value)
		}
	}
	panic("protocol: " + key + " is no key of SetInfo")
}

// change is what sets a field of a profile to a value that it can have.
func (f infoField) change(own rookery.Profile, value string) (func(*rookery.Account), error) {
	var alone rookery.Profile // so that the key at fault can be named
	if err := f.set(&alone, value); err != nil {
		return nil, parameter(f.key, "no number")
	}
	if err := alone.Validate(); err != nil {
		return nil, about(f.key, err)
	}
	changed := own
	_ = f.set(&changed, value)
	if err := changed.CheckNames(&own); err != nil {
		return nil, about(f.key, err)
	}
	return func(account *rookery.Account) { _ = f.set(&account.Profile, value) }, nil
}

func yesOrNo(key, value string) (bool, error) {
	if value != "0" && value != "1" {
		return false, parameter(key, "allowed are 0 and 1")
	}
	return value == "1", nil
}
