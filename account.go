package rookery

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// UIN is an account number, 10000 to 4294967295.
type UIN uint32

const (
	// System is the account of the server itself: its messages are notices of
	// the operator. Nobody can sign in as it.
	System UIN = 10000
	// FirstUIN is the lowest number that a person can have.
	FirstUIN UIN = 10001
)

// ParseUIN reads a decimal account number. It reports false for what is no
// number and for numbers out of range.
func ParseUIN(s string) (UIN, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || UIN(n) < System {
		return 0, false
	}
	return UIN(n), true
}

func (u UIN) String() string { return strconv.FormatUint(uint64(u), 10) }

// Account is one account as its owner and the operator see it. What proves the
// owner's identity is kept apart from it, see Credential.
type Account struct {
	UIN     UIN
	Profile Profile
	// Rule says who becomes a friend how.
	Rule Rule
	// Strangers says whether accounts that are no friends may write.
	Strangers bool
	// Findable says whether a search may return the account.
	Findable bool
	// ShowPrivate opens the private fields of the profile to everybody.
	ShowPrivate bool
	// DevicesOnly: no address may sign in, only devices, which have tokens.
	DevicesOnly bool
	Created     time.Time
	// Revision counts the changes of the account, from 1.
	Revision uint64
}

// NewAccount is an account as it is before its owner changes anything.
func NewAccount(uin UIN, nick string, created time.Time) Account {
	return Account{
		UIN:       uin,
		Profile:   Profile{Nick: nick},
		Rule:      RuleAsk,
		Strangers: true,
		Findable:  true,
		Created:   created,
		Revision:  1,
	}
}

// Credential is the stored form of what proves an account's owner: an encoded
// password hash. The empty Credential fits no proof.
type Credential string

// Profile is what an account says about its owner. Texts are at most
// MaxFieldBytes long, Nick at most MaxNickBytes, About at most MaxAboutBytes.
type Profile struct {
	Nick          string
	Face          int // three times a picture's index
	Age           int // years, 0 is unset
	Sex           int // 0 male, 1 female
	Blood         int // 0 unset, 1 A, 2 B, 3 O, 4 AB, 5 other
	Constellation int // 0 unset, 1 to 12 from Aquarius
	Animal        int // zodiac animal: 0 unset, 1 to 12 from Rat
	Country       string
	Province      string
	City          string
	School        string
	Job           string
	HomePage      string
	About         string

	// The private fields: shown to friends and to the owner only, unless the
	// account shows them.
	RealName string
	Mail     string
	Phone    string
	Mobile   string
	Address  string
	PostCode string
}

// Limits of a profile, in bytes of UTF-8 and in the unit of the field.
const (
	MaxNickBytes  = 96
	MaxFieldBytes = 256
	MaxAboutBytes = 1024
	MaxFace       = 9999
	MaxAge        = 255
)

// WithoutPrivate returns the profile as a stranger sees it.
func (p Profile) WithoutPrivate() Profile {
	p.RealName, p.Mail, p.Phone, p.Mobile, p.Address, p.PostCode = "", "", "", "", "", ""
	return p
}

// Validate reports the first field that is out of its bounds as an error with
// CodeParameter.
func (p Profile) Validate() error {
	for _, number := range []struct {
		name     string
		got, max int
	}{
		{"face", p.Face, MaxFace}, {"age", p.Age, MaxAge}, {"sex", p.Sex, 1}, {"blood type", p.Blood, 5},
		{"constellation", p.Constellation, 12}, {"zodiac animal", p.Animal, 12},
	} {
		if number.got < 0 || number.got > number.max {
			return Errorf(CodeParameter, "%s is %d, allowed is 0 to %d", number.name, number.got, number.max)
		}
	}
	for _, text := range []struct {
		name, got string
		max       int
	}{
		{"nick", p.Nick, MaxNickBytes}, {"country", p.Country, MaxFieldBytes}, {"province", p.Province, MaxFieldBytes},
		{"city", p.City, MaxFieldBytes}, {"school", p.School, MaxFieldBytes}, {"job", p.Job, MaxFieldBytes},
		{"home page", p.HomePage, MaxFieldBytes}, {"about", p.About, MaxAboutBytes}, {"real name", p.RealName, MaxFieldBytes},
		{"mail", p.Mail, MaxFieldBytes}, {"phone", p.Phone, MaxFieldBytes}, {"mobile", p.Mobile, MaxFieldBytes},
		{"address", p.Address, MaxFieldBytes}, {"post code", p.PostCode, MaxFieldBytes},
	} {
		switch {
		case len(text.got) > text.max:
			return Errorf(CodeParameter, "%s has %d bytes, allowed are %d", text.name, len(text.got), text.max)
		case !utf8.ValidString(text.got):
			return Errorf(CodeParameter, "%s is not valid UTF-8", text.name)
		}
	}
	return nil
}

// CheckNames reports with CodeParameter a name in the profile that is none, see
// CheckName. A name that the profile had before stays, whatever it is; before is
// nil for a new profile.
func (p Profile) CheckNames(before *Profile) error {
	if before == nil || p.Nick != before.Nick {
		if err := CheckName("nick", p.Nick); err != nil {
			return err
		}
	}
	if p.RealName != "" && (before == nil || p.RealName != before.RealName) {
		return CheckName("real name", p.RealName)
	}
	return nil
}

// ProfileQuery is a search for accounts; what is nil need not be equal.
type ProfileQuery struct {
	Age      *int
	Sex      *int
	Province *string
}

// Matches reports whether the account lets itself be found and is what is
// searched for.
func (f ProfileQuery) Matches(account *Account) bool {
	return account.Findable &&
		(f.Age == nil || *f.Age == account.Profile.Age) &&
		(f.Sex == nil || *f.Sex == account.Profile.Sex) &&
		(f.Province == nil || *f.Province == account.Profile.Province)
}

// Rule says how others become friends of an account. The numbers are those of
// the protocol's CD.
type Rule uint8

const (
	RuleOpen   Rule = 0 // anybody, at once
	RuleAsk    Rule = 1 // on request
	RuleClosed Rule = 3 // nobody
)

var ruleNames = map[Rule]string{RuleOpen: "open", RuleAsk: "ask", RuleClosed: "closed"}

func (r Rule) String() string {
	if name, ok := ruleNames[r]; ok {
		return name
	}
	return fmt.Sprintf("rule %d", uint8(r))
}

// ParseRule reads the name of a rule: open, ask or closed.
func ParseRule(name string) (Rule, error) {
	for rule, n := range ruleNames {
		if n == name {
			return rule, nil
		}
	}
	return 0, Errorf(CodeParameter, "friend rule %q is none of open, ask, closed", name)
}
