package rookery

import (
	"strings"
	"testing"
	"time"
)

func TestParseUIN(t *testing.T) {
	for text, want := range map[string]UIN{
		"10000": System, "10001": FirstUIN, "4294967295": 4294967295, "010001": 10001,
		"9999": 0, "0": 0, "": 0, "4294967296": 0, "-10001": 0, "+10001": 0, "1e5": 0, " 10001": 0, "１０００１": 0,
	} {
		got, ok := ParseUIN(text)
		if got != want || ok != (want != 0) {
			t.Errorf("ParseUIN(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
}

func TestNewAccountHasDefaultSettings(t *testing.T) {
	account := NewAccount(10001, "first", time.Unix(1, 0))
	if account.FriendRule != RuleAsk || !account.AllowStrangers || !account.Findable || account.ShowPrivate {
		t.Errorf("NewAccount returned %+v, want friend rule ask, open to strangers, findable", account)
	}
	if account.Profile != (Profile{Nick: "first"}) {
		t.Errorf("the profile is %+v, want only a nick", account.Profile)
	}
}

func TestValidateNamesFieldOutOfBounds(t *testing.T) {
	for field, p := range map[string]Profile{
		"nick":          {Nick: strings.Repeat("x", MaxNickBytes+1)},
		"about":         {About: strings.Repeat("x", MaxAboutBytes+1)},
		"address":       {Address: strings.Repeat("x", MaxFieldBytes+1)},
		"mail":          {Mail: "\xff"},
		"sex":           {Sex: 2},
		"age":           {Age: -1},
		"blood type":    {Blood: 6},
		"constellation": {Constellation: 13},
		"zodiac animal": {Animal: 13},
		"face":          {Face: MaxFace + 1},
	} {
		err := p.Validate()
		if err == nil || CodeOf(err) != CodeParameter || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("Validate returned error %v, want one that begins with %q", err, field)
		}
	}
	longest := Profile{Nick: strings.Repeat("x", MaxNickBytes), About: strings.Repeat("x", MaxAboutBytes), Age: MaxAge,
		Sex: 1, Blood: 5, Constellation: 12, Animal: 12, Face: MaxFace}
	if err := longest.Validate(); err != nil {
		t.Errorf("Validate at the bounds returned error %v, want none", err)
	}
}

func TestWithoutPrivateClearsPrivateFields(t *testing.T) {
	p := Profile{Nick: "n", City: "c", RealName: "r", Mail: "m", Phone: "p", Mobile: "o", Address: "a", PostCode: "z"}
	if got := p.WithoutPrivate(); got != (Profile{Nick: "n", City: "c"}) {
		t.Errorf("WithoutPrivate returned %+v, want only nick and city", got)
	}
}

func TestProfileQueryMatchesOnlySetFields(t *testing.T) {
	account := Account{Findable: true, Profile: Profile{Age: 20, Sex: 1, Province: "Yunnan"}}
	age, sex, province := 20, 1, "Yunnan"
	other, man, elsewhere := 21, 0, "Yun"
	for _, tt := range []struct {
		name  string
		query ProfileQuery
		want  bool
	}{
		{"an empty query", ProfileQuery{}, true},
		{"all equal", ProfileQuery{&age, &sex, &province}, true},
		{"another age", ProfileQuery{&other, &sex, &province}, false},
		{"another sex", ProfileQuery{Sex: &man}, false},
		{"a part of the province", ProfileQuery{Province: &elsewhere}, false},
	} {
		if got := tt.query.Matches(&account); got != tt.want {
			t.Errorf("%s: Matches returned %v, want %v", tt.name, got, tt.want)
		}
	}
	account.Findable = false
	if (ProfileQuery{}).Matches(&account) {
		t.Error("Matches returned true for an account that is not findable")
	}
}

func TestParseFriendRule(t *testing.T) {
	for _, rule := range []FriendRule{RuleOpen, RuleAsk, RuleClosed} {
		if got, err := ParseFriendRule(rule.String()); err != nil || got != rule {
			t.Errorf("ParseFriendRule(%q) returned %v, error %v", rule, got, err)
		}
	}
	if _, err := ParseFriendRule("shy"); err == nil || CodeOf(err) != CodeParameter {
		t.Errorf("ParseFriendRule(\"shy\") returned error %v, want CodeParameter", err)
	}
}

func TestVisibleAndBasicStatuses(t *testing.T) {
	for status, want := range map[Status][2]Status{
		StatusOnline: {StatusOnline, StatusOnline}, StatusOffline: {StatusOffline, StatusOffline},
		StatusAway: {StatusAway, StatusAway}, StatusInvisible: {StatusOffline, StatusOffline},
		StatusBusy: {StatusBusy, StatusAway}, StatusTalkToMe: {StatusTalkToMe, StatusOnline},
		StatusDoNotDisturb: {StatusDoNotDisturb, StatusAway},
	} {
		if got := [2]Status{status.Visible(), status.Visible().Basic()}; got != want {
			t.Errorf("%v shows as %v, want %v", status, got, want)
		}
		if !status.Valid() {
			t.Errorf("%v is not valid", status)
		}
	}
	for _, status := range []Status{0, 5, 15, 80} {
		if status.Valid() {
			t.Errorf("%d is valid", status)
		}
	}
}

func TestCheckText(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "too long": strings.Repeat("x", MaxText+1),
		"not UTF-8": "\xff"} {
		if err := CheckText(text); err == nil || CodeOf(err) != CodeParameter {
			t.Errorf("CheckText of a text that is %s returned error %v, want CodeParameter", name, err)
		}
	}
	if err := CheckText(strings.Repeat("x", MaxText)); err != nil {
		t.Error(err)
	}
}

func TestErrorHidesCauseFromUser(t *testing.T) {
	cause := Errorf(CodeNoAccount, "no such account")
	if CodeOf(cause) != CodeNoAccount || TextOf(cause) != "no such account" {
		t.Errorf("the error has code %d and text %q, want both of Errorf", CodeOf(cause), TextOf(cause))
	}
	wrapped := Temporary(errNoRequest)
	if CodeOf(wrapped) != CodeTemporary || strings.Contains(TextOf(wrapped), "request of that account") {
		t.Errorf("the text for users is %q, want it without the cause", TextOf(wrapped))
	}
	if !strings.Contains(wrapped.Error(), "request of that account") {
		t.Errorf("the text for operators is %q, want it with the cause", wrapped)
	}
}
