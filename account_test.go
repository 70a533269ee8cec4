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

func TestANewAccountAsksAndLetsStrangersWriteAndIsFound(t *testing.T) {
	account := NewAccount(10001, "first", time.Unix(1, 0))
	if account.Rule != RuleAsk || !account.Strangers || !account.Findable || account.ShowPrivate {
		t.Errorf("got %+v", account)
	}
	if account.Profile != (Profile{Nick: "first"}) {
		t.Errorf("the profile is not empty: %+v", account.Profile)
	}
}

func TestProfilesOutOfBoundsAreRefusedByField(t *testing.T) {
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
			t.Errorf("%s: %v", field, err)
		}
	}
	full := Profile{Nick: strings.Repeat("x", MaxNickBytes), About: strings.Repeat("x", MaxAboutBytes), Age: MaxAge,
		Sex: 1, Blood: 5, Constellation: 12, Animal: 12, Face: MaxFace}
	if err := full.Validate(); err != nil {
		t.Errorf("at the bounds: %v", err)
	}
}

func TestStrangersDoNotSeeThePrivateFields(t *testing.T) {
	p := Profile{Nick: "n", City: "c", RealName: "r", Mail: "m", Phone: "p", Mobile: "o", Address: "a", PostCode: "z"}
	if got := p.WithoutPrivate(); got != (Profile{Nick: "n", City: "c"}) {
		t.Errorf("got %+v", got)
	}
}

func TestFingerMatchesWhatIsGivenOnly(t *testing.T) {
	account := Account{Findable: true, Profile: Profile{Age: 20, Sex: 1, Province: "Yunnan"}}
	age, sex, province := 20, 1, "Yunnan"
	other, man, elsewhere := 21, 0, "Yun"
	for _, tt := range []struct {
		name string
		f    ProfileQuery
		want bool
	}{
		{"nothing given", ProfileQuery{}, true},
		{"all equal", ProfileQuery{&age, &sex, &province}, true},
		{"another age", ProfileQuery{&other, &sex, &province}, false},
		{"another sex", ProfileQuery{Sex: &man}, false},
		{"a part of the province", ProfileQuery{Province: &elsewhere}, false},
	} {
		if got := tt.f.Matches(&account); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	account.Findable = false
	if (ProfileQuery{}).Matches(&account) {
		t.Error("an account was found that does not want to be")
	}
}

func TestRuleNames(t *testing.T) {
	for _, rule := range []Rule{RuleOpen, RuleAsk, RuleClosed} {
		if got, err := ParseRule(rule.String()); err != nil || got != rule {
			t.Errorf("%v: %v, %v", rule, got, err)
		}
	}
	if _, err := ParseRule("shy"); err == nil || CodeOf(err) != CodeParameter {
		t.Errorf("got %v", err)
	}
}

func TestWhatAStatusShows(t *testing.T) {
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

func TestTexts(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "too long": strings.Repeat("x", MaxText+1),
		"not UTF-8": "\xff"} {
		if err := CheckText(text); err == nil || CodeOf(err) != CodeParameter {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := CheckText(strings.Repeat("x", MaxText)); err != nil {
		t.Error(err)
	}
}

func TestErrorsHaveACodeATextAndACause(t *testing.T) {
	cause := Errorf(CodeNoAccount, "no such account")
	if CodeOf(cause) != CodeNoAccount || TextOf(cause) != "no such account" {
		t.Errorf("%v", cause)
	}
	wrapped := Temporary(errNoRequest)
	if CodeOf(wrapped) != CodeTemporary || strings.Contains(TextOf(wrapped), "request of that account") {
		t.Errorf("the user reads the cause: %q", TextOf(wrapped))
	}
	if !strings.Contains(wrapped.Error(), "request of that account") {
		t.Errorf("the operator does not read the cause: %v", wrapped)
	}
}
